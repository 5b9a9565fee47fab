"""docs/findings.schema.json, made from the classes that write and read findings.json: what each key is, and which are always there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from evidence.subjects.spec import Outcome
from reports.findings import SCHEMA, CauseRow, Findings, Row, WaiverRow

PAGE = Path(__file__).resolve().parent.parent / "docs" / "findings.schema.json"
TITLE = "What a run of triton-az-checks concluded: findings.json, and az-checks run --output json"
ABOUT = (
    f"Schema {SCHEMA}. All keys that are required here are always written. A later version may add keys; if it changes what one means, "
    "or takes one away, `schema` has another number. Texts hold what machines have answered: show them escaped."
)
CHECK = "The id of a check, as docs/checks.md has it."
SUBJECT = (
    "What the check is about: coupling, a region, a datacenter, DATACENTER.ZONE, or SOURCE--DATACENTER.TARGET.PORT."
)
FIELDS: dict[type, dict[str, str]] = {
    Findings: {
        "schema": "The number of this schema.",
        "run": "The name of the run's folder; empty if the run was not kept.",
        "results": "Every check at every subject, sorted by check and subject.",
        "causes": "The findings that no other explains. The place of one, from 1, is its number in all reports.",
        "counts": "How many results have which outcome; an outcome that none has is left out.",
        "partial": "Whether the run was narrowed (-k, --datacenter, names), or ended early.",
        "selection": "The expression of -m: preflight, postchange, nightly, or empty.",
        "inventory": "The file that was judged; empty for a replay.",
        "remarks": "Sentences about the run as a whole.",
        "suite": "The version of the suite that judged.",
        "started": "When the first question was asked, UTC in ISO 8601.",
        "finished": "When the last answer had come.",
    },
    Row: {
        "check": CHECK,
        "subject": SUBJECT,
        "severity": "How grave the finding is, or would be.",
        "outcome": "How it ended. failed: it does not hold. blocked: it could not be judged. broken: the suite itself broke.",
        "expected": "What must be.",
        "observed": "What is.",
        "evidence": "What was looked at: SUBJECT: WHAT (HOW).",
        "missing": "What was asked, and not answered, and why.",
        "blocked_by": "Of a blocked result: the causes that stand in the way.",
        "waiver": "Why it is accepted; or a waiver that has expired.",
        "reason": "Why it is waived or does not apply.",
        "culprits": "Of a finding about a coupling or region: the datacenters at fault.",
        "page": "Where the check of a finding is explained.",
        "selected": "False for a cause that was not asked for.",
        "lacks": "The subject whose evidence is missing, where that is another one.",
    },
    CauseRow: {
        "check": CHECK,
        "subject": SUBJECT,
        "consequences": "The findings that follow from it.",
        "steps": "What to type, in this order.",
        "notes": "What else there is to know or to decide.",
    },
    WaiverRow: {
        "check": CHECK,
        "subject": "The subject as the waiver has it: it may hold wildcards.",
        "reason": "Why the finding is accepted.",
        "owner": "Who answers for that.",
        "until": "The last day on which it holds.",
        "ticket": "Where it is worked on.",
        "was": "What the result was before: failed or blocked.",
        "through": "The causes for which the waiver was written, if this result only follows from them.",
        "expired": "Whether the waiver is over: then it waives nothing.",
    },
}


def schema(*, closed: bool = False) -> dict[str, Any]:
    """The schema.  `closed`: it also refuses what it does not name, as the suite's own reader does."""
    made: dict[str, Any] = msgspec.json.schema(Findings)
    for part in made["$defs"].values():
        _tidy(part, closed=closed)
    for kind, told in FIELDS.items():
        properties = made["$defs"][kind.__name__]["properties"]
        for name, text in told.items():
            properties[name] = {"description": text, **properties[name]}
    top = made["$defs"]["Findings"]["properties"]
    top["schema"] = {"description": top["schema"]["description"], "const": SCHEMA}
    top["counts"]["propertyNames"] = {"enum": sorted(Outcome)}
    for name in ("started", "finished"):
        top[name]["pattern"] = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z)?$"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, "description": ABOUT, **made}


def _tidy(part: dict[str, Any], *, closed: bool) -> None:
    """What is always written is required; what is not named is allowed, unless it is to be closed."""
    if "description" in part:
        part["description"] = " ".join(part["description"].split())
    if part.get("type") != "object":
        return
    part["required"] = sorted(part["properties"])
    part.pop("additionalProperties", None)
    if closed:
        part["additionalProperties"] = False
    for each in part["properties"].values():
        each.pop("default", None)


def page() -> str:
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
