"""python -m remediate [RUN] [--only N|CHECK[@SUBJECT]] [--json|--copy|--script DIR]: print what to type, from what a run has stored.

Contacts nobody and changes nothing.  Exit code 0, or 4 with one sentence when there is nothing to read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from evidence.store import load
from evidence.subjects.claims import judged
from evidence.subjects.spec import BROKEN, FINDINGS, PASSED
from evidence.subjects.world import World
from remediate.plan import Plan, make_plan
from reports import ahead, findings
from reports.before import age
from reports.page import Look, Page, counted, safe
from reports.plan import as_data, commands, tell
from reports.script import written
from reports.stored import numbers_of
from reports.tty import look_of
from triton_az_checks import ending, places
from triton_az_checks.errors import OperatorError, UsageError

WRONG_USE = 4


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}; {self.prog} --help tells more")


def run_folder(named: str | None, runs: Path) -> Path:
    """Return the folder of a run: the latest of `runs`, one of them by name, or a path."""
    if named is None:
        if not (runs / "latest").is_dir():
            raise UsageError(
                f"there is no complete run in {runs} yet: az-checks run REGION.yaml makes one. Name the run if it is a partial one "
                "or a replay"
            )
        return (runs / "latest").resolve()
    for folder in (runs / named, Path(named)):
        if folder.is_dir():
            return folder.resolve()
    raise UsageError(
        f"there is no run {named} in {runs}: az-checks report list names them; without a name it is the latest"
    )


def newer(folder: Path, runs: Path) -> str:
    """The newest run that was kept after this one, if there is one: a part, a replay or a preflight, which is not the latest."""
    later = [path for path in runs.glob("2*") if (path / findings.FILE).is_file() and age(path.name) > age(folder.name)]
    return max(later, key=lambda path: age(path.name)).name if later and folder.parent == runs.resolve() else ""


def spelt(folder: Path, only: str) -> str:
    """CHECK@SUBJECT for the number of a cause; anything else as it is."""
    if not only.isdecimal():
        return only
    causes = findings.load(folder).causes
    if not 1 <= int(only) <= len(causes):
        raise UsageError(
            f"there is no cause {only}: run {folder.name} has {counted(len(causes), 'cause')}; az-checks explain lists them"
        )
    return f"{causes[int(only) - 1].check}@{causes[int(only) - 1].subject}"


def plan_of(folder: Path, only: str | None = None) -> Plan:
    """Return the plan for a stored run, or for one of its causes (CHECK or CHECK@SUBJECT)."""
    found = findings.load(folder)
    evidence = load(folder / "evidence.json")
    causes = findings.causes_in(found)
    if only is not None:
        only = spelt(folder, only)
        check, _, subject = only.replace("[", "@").removesuffix("]").partition("@")
        causes = tuple(c for c in causes if c.name.check == check and subject in ("", c.name.subject))
        if not causes:
            raise UsageError(f"{only} is no cause of this run; its causes are: {_names(found)}")
    return make_plan(causes, judged(evidence.inventory, evidence))


def _names(found: findings.Findings) -> str:
    return ", ".join(f"{cause.check}@{cause.subject}" for cause in found.causes) or "none"


def parser_of() -> argparse.ArgumentParser:
    """What can be typed behind `az-checks plan`."""
    parser = _Parser(prog="az-checks plan", description="Print the steps that repair the findings of a run.")
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's folder or its name (default: the latest)")
    parser.add_argument("--only", metavar="N|CHECK[@SUBJECT]", help="only this cause, or the cause of this check")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="as JSON")
    shape.add_argument("--copy", action="store_true", help="the commands alone, none of them broken over lines")
    shape.add_argument("--script", metavar="DIR", help="as scripts, one for each stage and machine, in this folder")
    parser.add_argument("--runs", metavar="DIR", help="where runs are kept (default: AZ_RUNS, or reports/runs)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    try:
        options = parser_of().parse_args(arguments)
        folder = run_folder(options.run, places.runs(options.runs))
        plan = plan_of(folder, options.only)
    except OperatorError as error:
        print(f"az-checks plan: {safe(places.typeable(str(error)))}", file=sys.stderr)
        return WRONG_USE
    look, numbers = look_of(sys.stdout), numbers_of(findings.load(folder))
    if options.script is not None:
        return _scripts(plan, folder, Path(options.script))
    if options.json:
        print(json.dumps(as_data(plan, numbers) | {"next": _coming(folder, plan)}, indent=2))
    elif options.copy:
        print(commands(plan))
    elif not plan.entries:
        print(f"Nothing to repair: run {safe(folder.name)} has no cause that is not waived.")
        print(_ahead(folder, look))
    else:
        if options.run is None and (later := newer(folder, places.runs(options.runs))):
            print(
                f"This is the latest whole run. There is a newer one of a part, a replay, or a preflight: az-checks plan {later}\n"
            )
        print(tell(plan, folder.name, look, numbers))
    return 0


def _ahead(folder: Path, look: Look) -> str:
    """What comes next after a run in which nothing is wrong."""
    page = Page.looking(look)
    if judging := _all_well(folder):
        ahead.write(page, *judging)
    return str(page)


def _coming(folder: Path, plan: Plan) -> Any:
    """The same as data; None where there is something to repair, or nothing comes."""
    judging = None if plan.entries else _all_well(folder)
    return msgspec.to_builtins(ahead.coming(*judging)) if judging else None


def _all_well(folder: Path) -> tuple[World, frozenset[tuple[str, str]]] | None:
    """What was judged, and what holds; None if anything does not."""
    found, evidence = findings.load(folder), load(folder / "evidence.json")
    if any(row.outcome in (*FINDINGS, BROKEN) for row in found.results):
        return None
    passed = frozenset((row.check, row.subject) for row in found.results if row.selected and row.outcome == PASSED)
    return judged(evidence.inventory, evidence), passed


def _scripts(plan: Plan, run: Path, folder: Path) -> int:
    """Writes them, and says in which order to run them."""
    try:
        told = written(plan, run.name, folder)
    except OSError as error:
        print(f"az-checks plan: {folder} cannot be written ({error.strerror})", file=sys.stderr)
        return WRONG_USE
    except UsageError as error:
        print(f"az-checks plan: {safe(str(error))}", file=sys.stderr)
        return WRONG_USE
    print(f"# {counted(len(told), 'script')}, to be run in this order. Run the checks again after each stage.")
    print(safe("\n".join(told), keep="\n"))
    return 0


def script() -> int:
    """The command. A reader that closes the pipe early has read enough."""
    ending.unbroken_output()
    code = main()
    sys.stdout.flush()
    return code
