"""Pages to look into: of recorded runs, of twenty datacenters, of ill will; and thirty nights with what was planted."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from evidence.model import Evidence
from evidence.store import save
from evidence.subjects.claims import judged
from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, PASSED, Result
from fixtures.check import CHECKS
from fixtures.quiet import results
from reports.conclude import conclude
from reports.conclusion import Conclusion
from reports.extent import Extent
from reports.findings import findings_of
from reports.pages.report import page_of
from reports.pages.summary import Summary, summary_of
from reports.run import Run, new_run
from reports.screen import Next
from tests.judging import check_functions
from tests.recording import patched, recorded

RUN = "20261127T030000Z"
COMMANDS = Next("./az-checks explain 1", "./az-checks explain", "./az-checks plan")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}<!--\u202e\x1b[2J"


@cache
def concluded(name: str) -> Conclusion:
    """What is concluded of recorded evidence."""
    return conclusion_on(recorded(name))


def conclusion_on(evidence: Evidence, extent: Extent | None = None, run: Path | None = None) -> Conclusion:
    check_functions()
    world = judged(evidence.inventory, evidence)
    return conclude(results(world), CHECKS, world, extent, run)


def page(conclusion: Conclusion, nights: tuple[Summary, ...] = ()) -> str:
    """Its page, as of a run that had those nights before it."""
    summary = summary_of(conclusion, findings_of(conclusion, RUN), "ab" * 32)
    now = datetime.datetime(2026, 11, 27, 3, 1, tzinfo=datetime.UTC)
    return page_of(conclusion, summary, (*nights, summary), COMMANDS, now).decode()


def twenty() -> Evidence:
    """Twenty datacenters, each like my-dc-3, and all ways between their binders and to the master."""
    tree = msgspec.to_builtins(recorded("healthy"))
    for part in (tree["datacenters"], tree["inventory"]["datacenters"]):
        told = json.dumps(part["my-dc-3"])
        for number in range(4, 21):
            own = told.replace("my-dc-3", f"my-dc-{number}").replace("10.3.", f"10.{number}.")
            part[f"my-dc-{number}"] = json.loads(own)
    for name, seen in tree["datacenters"].items():
        _with_all_ways(name, seen, tree["datacenters"])
    return msgspec.convert(tree, type=Evidence)


def _with_all_ways(name: str, seen: dict[str, Any], everybody: dict[str, Any]) -> None:
    """Every binder was asked about each of the others, and reaches it."""
    probed = next(fact for link, fact in seen["links"].items() if ".binder0--" in link)
    (binder,) = [zone for zone in seen["zones"]["value"].values() if zone["vm"]["role"] == "binder"]
    asked = next(iter(binder["elsewhere"]["value"].values()))
    for other in everybody:
        if other != name:
            link = f"{name}.binder0--{other}.binder0.53"
            seen["links"][link] = probed | {"subject": link}
            binder["elsewhere"]["value"].setdefault(other, asked)


def hostile(count: int = 40) -> Conclusion:
    """Findings whose every text is an attack on whoever shows it: a few causes, and many that follow."""
    check_functions()
    whole = recorded("healthy")
    world = judged(whole.inventory, whole)
    rows = [_row(number) for number in range(count)]
    from tests.reports import scenes
    from verdict.judge import Cause

    bad = [row for row in rows if row.outcome in (FAILED, BLOCKED)]
    return scenes._concluded(
        world, (Cause(bad[0], tuple(bad[3:])), *map(Cause, bad[1:3])), tuple(row for row in rows if row not in bad)
    )


def _row(number: int) -> Result:
    outcome = BLOCKED if number % 5 == 1 else (FAILED if number % 7 == 0 else PASSED)
    subject = f"my-dc-1.sapi{number}{HOSTILE if number < 5 else ''}"
    texts = (HOSTILE,)
    return Result("sapi-answers", subject, CRITICAL, outcome, HOSTILE, HOSTILE, texts, texts, reason=HOSTILE)


class Parsed(HTMLParser):
    """What a browser would find: ids, attributes that load something, links within the page, handlers, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self.tags: list[str] = []
        self.policy = ""
        self.words: list[str] = []
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self.ids += [told["id"]] if "id" in told else []
        self.handlers += [key for key in told if key.startswith("on") or key == "style"]
        for key in ("src", "href", "xlink:href", "action", "data", "srcset", "poster", "formaction"):
            if key in told and not told[key].startswith("#"):
                self.loads.append(told[key])
            elif key in told:
                self.targets.add(told[key][1:])
        if told.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = told["content"]
        self._in = tag if tag in self.inline else ""

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in:
            self.inline[self._in].append(data)
        else:
            self.words.append(data)


NIGHTS = 30
PLANTED: dict[int, tuple[str, ...]] = {
    4: ("region-name-at-my-dc-1",),
    5: ("region-name-at-my-dc-1",),
    9: ("replicator-slow-at-my-dc-1",),
    12: ("service-stopped-at-my-dc-1.moray0",),
    14: ("service-stopped-at-my-dc-1.moray0",),
    16: ("service-stopped-at-my-dc-1.moray0",),
    20: ("headnode-dark-at-my-dc-3",),
    25: ("region-name-at-my-dc-1", "account-removed-at-my-dc-1"),
}
"""Which faults there are in which night.  In all others nothing is wrong."""
DRIFTED = 22
"""From this night on a key of the evidence has another value, which no check minds."""


def night(number: int) -> Evidence:
    """What was seen in a night."""
    tree: Any = msgspec.to_builtins(recorded("healthy"))
    for fault in PLANTED.get(number, ()):
        told = json.loads((Path(__file__).parents[1] / "recorded" / f"{fault}.json").read_bytes())
        tree = patched(tree, told["changes"])
    began = datetime.datetime(2026, 10, 1, 3, tzinfo=datetime.UTC) + datetime.timedelta(days=number)
    tree["started"] = began.strftime("%Y-%m-%dT%H:%M:%SZ")
    tree["finished"] = (began + datetime.timedelta(seconds=10 + number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    tree["inventory"]["path"] = "/somewhere/region.yaml"
    evidence = msgspec.convert(tree, type=Evidence)
    return drifted(evidence) if number >= DRIFTED else evidence


def drifted(evidence: Evidence) -> Evidence:
    """With a tag on a zone of my-dc-2 that somebody has set: nothing that a check minds."""
    seen = evidence.datacenters["my-dc-2"]
    zones = dict(seen.zones.get())
    zones["binder0"] = replace(
        zones["binder0"], vm=replace(zones["binder0"].vm, tags=(zones["binder0"].vm.tags or {}) | {"moved": "yes"})
    )
    changed = replace(seen, zones=replace(seen.zones, value=zones))
    return replace(evidence, datacenters=evidence.datacenters | {"my-dc-2": changed})


def kept(
    runs: Path,
    evidence: Evidence,
    selection: str = "nightly",
    path: str = "/somewhere/region.yaml",
    *,
    replayed: bool = False,
    partial: bool = False,
) -> Run:
    """A run of this evidence, as it is kept."""
    run = new_run(runs, datetime.datetime.fromisoformat(evidence.started))
    save(evidence, run.path / "evidence.json")
    extent = Extent(partial, selection, path, replayed=replayed)
    assert run.write(conclusion_on(evidence, extent, run.home))
    return run


def nights(runs: Path, numbers: Iterator[int] | range = range(1, NIGHTS + 1)) -> list[Run]:
    """So many nights, one after the other."""
    return [kept(runs, night(number)) for number in numbers]
