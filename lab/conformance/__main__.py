"""`python -m lab.conformance FOLDER`: serves the recordings' data on loopback and replays what was recorded.

FOLDER is a folder like recordings/: data/*.json, sapi.json, binder.json (and ufds.json with the LDIFs, for UFDS). The README in that folder
says what is compared and what is ignored. Requests marked slow (two minutes) are sent only with --slow. Prints each difference, how many
exchanges agree, and what is not compared and why. Exits with 0 if all agree, and with 2 if FOLDER holds no recordings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import sys
from collections.abc import Sequence

from lab.conformance.replaying import run
from lab.plan.files import Json

BAD_OPTION = 4
KINDS = {"sapi": "sapi.json", "binder": "binder.json", "ufds": "ufds.json", "replication": "replication.json"}
MUST_DIFFER = (
    "the text of an error's `message`, where the recording does not call it exact: it quotes Node's own errors and stack "
    "positions; its code and status are compared",
)
UNSTABLE = "the real server answers it now so, now so"
SLOW = "it takes two minutes; python -m lab.conformance FOLDER --slow asks it"


def _say(kind: str, agree: int, total: int, left_out: Sequence[tuple[str, str]]) -> bool:
    """Print one line of result, and one for each exchange that was not compared."""
    print(f"{kind}: {agree} of {total} exchanges agree")
    for name, why in left_out:
        print(f"    not compared: {name}: {why}")
    return agree == total


def left_out(exchanges: Sequence[Json], *, slow: bool = True) -> list[tuple[str, str]]:
    """The exchanges that are not compared, and why."""
    found = [(str(each["id"]), SLOW) for each in exchanges if each.get("slow") and not slow]
    return found + [(str(each["id"]), UNSTABLE) for each in exchanges if each.get("unstable")]


def _http_or_dns(folder: pathlib.Path, kind: str, *, slow: bool) -> bool:
    exchanges = json.loads((folder / f"{kind}.json").read_text("utf-8"))["requests"]
    total, found = asyncio.run(run(folder, kind, slow=slow))
    for name, wrong in found.items():
        for line in wrong:
            print(f"{kind} {name}: {line}")
    without = left_out(exchanges, slow=slow)
    total -= sum(why == UNSTABLE for _, why in without)
    return _say(kind, total - len(found), total, without)


def _ufds(folder: pathlib.Path) -> bool:
    from lab.ufds import conformance  # imported here, so that SAPI and binder can be replayed without it

    document = json.loads((folder / "ufds.json").read_text("utf-8"))
    without = left_out([*document["requests"], *document["bulk"]["requests"]])
    agree, total = conformance.run(folder)
    return _say("ufds", agree - len(without), total - len(without), without)


def _replication(folder: pathlib.Path) -> bool:
    from lab.ufds import conformance

    agree, total = conformance.run_scenarios(folder)
    print(f"replication: {agree} of {total} scenarios agree")
    return agree == total


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.conformance", description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--slow", action="store_true", help="also what takes two minutes")
    parser.add_argument("--only", choices=tuple(KINDS), help="one file")
    options = parser.parse_args(arguments)
    wanted = {kind: name for kind, name in KINDS.items() if options.only in (None, kind)}
    absent = [name for name in wanted.values() if not (options.folder / name).is_file()]
    if absent:
        print(f"lab: {options.folder} holds no recordings: there is no {', '.join(absent)} in it", file=sys.stderr)
        return BAD_OPTION
    results = []
    for kind in wanted:
        if kind == "ufds":
            results.append(_ufds(options.folder))
        elif kind == "replication":
            results.append(_replication(options.folder))
        else:
            results.append(_http_or_dns(options.folder, kind, slow=options.slow))
    for what in MUST_DIFFER:
        print(f"where the lab must differ: {what}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
