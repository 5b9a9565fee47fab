"""Completes what allure-pytest has written (--alluredir): only at the end the suite knows causes, remedies and waivers.

Each result of this run gets its severity, its chapter as epic, and the text of junit.xml as description.  Beside them stand
environment.properties and categories.json: causes, consequences, what was not seen.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, WAIVED, page_of
from reports.conclusion import Conclusion
from reports.heading import coupling_told
from reports.junit import Telling, clean
from reports.page import safe
from reports.pages.summary import Summary
from triton_az_checks import places
from verdict.judge import Judged, Named

_NAME = re.compile(r"test_(?P<check>[a-z0-9_]+)\[(?P<subject>.*)\]", re.DOTALL)
_STATUS = {FAILED: "failed", BLOCKED: "broken", WAIVED: "skipped"}
_OURS = frozenset({"severity", "epic", "feature"})
CATEGORIES = (
    {"name": "Causes", "matchedStatuses": ["failed", "broken"], "messageRegex": r"(?s).*\(cause [0-9]+\)"},
    {"name": "Consequences", "matchedStatuses": ["failed"], "messageRegex": r"(?s).*\(follows from cause [0-9, ]+\)"},
    {"name": "Not seen", "matchedStatuses": ["broken"], "messageRegex": r"(?s).*\(follows from cause [0-9, ]+\)"},
)


def complete(folder: Path, began: float, conclusion: Conclusion, summary: Summary, home: Path | None) -> None:
    """Rewrite the results that were written since `began`.  Raises OSError."""
    telling = Telling(conclusion, home or folder)
    rows = {row.name: row for row in conclusion.verdict.results}
    for path in sorted(folder.glob("*-result.json")):
        told = _read(path) if path.stat().st_mtime >= began else None
        row = rows.get(_named(told)) if told is not None else None
        if told is not None and row is not None:
            _tell(told, row, telling, conclusion, home)
            _put(path, json.dumps(told))
    _put(folder / "categories.json", json.dumps(CATEGORIES, indent=1))
    _put(folder / "environment.properties", "".join(_environment(conclusion, summary)))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_bytes())
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _named(told: dict[str, Any]) -> Named:
    found = _NAME.fullmatch(str(told.get("name", "")))
    return Named(found["check"].replace("_", "-"), found["subject"]) if found else Named("", "")


def _tell(told: dict[str, Any], row: Judged, telling: Telling, conclusion: Conclusion, home: Path | None) -> None:
    result, spec = row.result, conclusion.specs.get(row.result.check)
    labels = [each for each in told.get("labels", []) if each.get("name") not in _OURS]
    new = {
        "severity": "critical" if result.severity == CRITICAL else "minor",
        "epic": spec.chapter if spec is not None else "other",
        "feature": result.check,
    }
    told["labels"] = labels + [{"name": name, "value": value} for name, value in new.items()]
    told["links"] = [{"type": "link", "name": name, "url": url} for name, url in _links(result.check, home)]
    if result.outcome not in _STATUS:
        return
    told["status"] = _STATUS[result.outcome]
    if result.outcome == WAIVED:
        told["statusDetails"] = {"message": clean(f"waived: {result.reason}")}
        return
    text = clean("\n".join(telling.details(row)))
    told["statusDetails"] = {"message": clean(telling.message(row)), "trace": text}
    told["descriptionHtml"] = f"<pre>{html.escape(text)}</pre>"


def _links(check: str, home: Path | None) -> Iterator[tuple[str, str]]:
    """What the check demands; and the run's page."""
    page, _, anchor = page_of(check).partition("#")
    yield page_of(check), f"{(places.suite() / page).as_uri()}#{anchor}"
    if home is not None:
        yield "report.html", (home / "report.html").absolute().as_uri()


def _environment(conclusion: Conclusion, summary: Summary) -> Iterator[str]:
    told = {
        "coupling": coupling_told(conclusion.world),
        "inventory": summary.inventory,
        "judged": summary.kind,
        "run": summary.run,
        "seen": " to ".join(filter(None, (summary.started, summary.finished))),
        "triton-az-checks": summary.suite,
    }
    for name, value in told.items():
        yield f"{name}={safe(value)}\n".replace("\\", "\\\\")


def _put(path: Path, text: str) -> None:
    """In one piece: a report may be made meanwhile."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
