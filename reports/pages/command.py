"""az-checks report list | show | diff | site | compliance | sign | verify: the runs that are kept.

It is a door of pytest's own command line, as `explain` is, because only conftest.py knows the checks.  It contacts nobody.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from evidence.store import load as load_evidence
from fixtures.check import CHECKS
from reports.command import run_folder
from reports.findings import load as load_findings
from reports.page import Page, counted, safe
from reports.pages.changes import changes, failing
from reports.pages.compliance import FILE as COMPLIANCE
from reports.pages.compliance import compliance_page
from reports.pages.drift import besides, drift
from reports.pages.nights import before, flapping, folders, nights
from reports.pages.report import FILE, report_page
from reports.pages.signing import SIGNATURE, sign, verify
from reports.pages.site import write_site
from reports.pages.summary import known
from reports.pages.summary import load as load_summary
from reports.pages.telling import write_changes, write_drift, write_list
from reports.screen import Next, screen
from reports.stored import conclusion_in
from reports.tty import look_of
from triton_az_checks import places
from triton_az_checks.errors import OperatorError, UsageError

WRONG_USE, WELL, WRONG = 4, 0, 1
FEW = "--last wants a number of runs, 1 or more"


def reported(config: pytest.Config) -> int:
    """The whole command; its exit code."""
    try:
        options = parser_of().parse_args(json.loads(config.option.report))
        done: int = options.do(options, places.runs(config.option.runs))
    except OperatorError as error:
        print(f"az-checks report: {safe(places.typeable(str(error)))}", file=sys.stderr)
        return WRONG_USE
    except OSError as error:
        print(f"az-checks report: {safe(str(error.filename))} cannot be used ({error.strerror})", file=sys.stderr)
        return WRONG_USE
    return done


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {self.prog} --help tells more")


def parser_of() -> argparse.ArgumentParser:
    parser = _Parser(prog="az-checks report", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(
        name: str, do: Callable[[argparse.Namespace, Path], int], told: str, *runs: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=told, allow_abbrev=False)
        for run in runs:
            made.add_argument(run, nargs="?", metavar=run.upper())
        made.set_defaults(do=do)
        return made

    listed = command("list", _list, "the runs that are kept, the newest last")
    listed.add_argument("--last", type=int, metavar="N", help="only so many")
    command("show", _show, "the first screen of a run, and where its page is", "run")
    compared = command("diff", _diff, "what became of each finding, and what changed in the evidence", "a", "b")
    compared.add_argument("--all", action="store_true", help="name all of it")
    site = command("site", _site, "the last runs as a folder of pages with an index")
    site.add_argument("folder", metavar="DIR")
    site.add_argument("--last", type=int, default=30, metavar="N", help="so many runs (30)")
    page = command("compliance", _compliance, "the page for an auditor", "run")
    page.add_argument("--out", metavar="FILE", help="write it there (default: into the run's folder)")
    signed = command("sign", _sign, "sign the files of a run", "run")
    signed.add_argument("--key", required=True, metavar="FILE", help="a key of yours, as for ssh-keygen -Y sign")
    verified = command("verify", _verify, "verify the signature of a run, and its files", "run")
    verified.add_argument(
        "--signers", required=True, metavar="FILE", help="the allowed signers, as for ssh-keygen -Y verify"
    )
    return parser


def _list(options: argparse.Namespace, runs: Path) -> int:
    if options.last is not None and options.last < 1:
        raise UsageError(FEW)
    told = [summary for path in folders(runs)[-(options.last or 0) :] if (summary := known(path)) is not None]
    page = Page.looking(look_of(sys.stdout))
    write_list(page, told)
    print(str(page) if told else f"There is no run in {safe(str(runs))}: az-checks run REGION.yaml makes one.")
    return WELL


def _show(options: argparse.Namespace, runs: Path) -> int:
    folder = run_folder(options.run, runs)
    conclusion = conclusion_in(folder, CHECKS)
    commands = _commands(folder, latest=options.run is None)
    print(screen(conclusion, look_of(sys.stdout), folder=folder, commands=commands))
    page = folder / FILE
    print(f"The page: {safe(str(page))}" if page.is_file() else "It has no page: az-checks report site DIR makes one.")
    return WELL


def _commands(folder: Path, *, latest: bool) -> Next:
    return Next(
        places.explain_command(folder, "1", latest=latest),
        places.explain_command(folder, "", latest=latest),
        places.plan_command(folder, latest=latest),
    )


def _diff(options: argparse.Namespace, runs: Path) -> int:
    """A and B; or A and the latest; or the latest and the one before it."""
    b = run_folder(options.b, runs)
    a = run_folder(options.a, runs) if options.a is not None else before(runs, b)
    then, now = load_findings(a), load_findings(b)
    told = changes(then, now)
    page = Page.looking(look_of(sys.stdout))
    last = [runs / each.run for each in nights(runs, load_summary(b), 10)]
    rows = [load_findings(path) for path in last] if len(last) > 1 else []
    write_changes(page, told, flapping(failing(rows)), everything=options.all)
    page.line()
    found = list(drift(load_evidence(a / "evidence.json"), load_evidence(b / "evidence.json")))
    write_drift(page, besides(found, told, now), everything=options.all)
    print(page)
    return WELL


def _site(options: argparse.Namespace, runs: Path) -> int:
    if options.last < 1:
        raise UsageError(FEW)
    index, count = write_site(runs, Path(options.folder), lambda path: _page(path, runs), options.last)
    print(f"{counted(count, 'run')}: {safe(str(index))}")
    return WELL


def _page(folder: Path, runs: Path) -> bytes:
    """The page of a run that has none: of an earlier version."""
    return report_page(conclusion_in(folder, CHECKS), load_summary(folder), runs, _commands(folder, latest=False))


def _compliance(options: argparse.Namespace, runs: Path) -> int:
    folder = run_folder(options.run, runs)
    signed = (folder / SIGNATURE).is_file()
    if options.out is None and signed:
        raise UsageError(
            f"run {folder.name} is signed, so nothing is written into it: --out FILE writes the page elsewhere"
        )
    target = Path(options.out) if options.out is not None else folder / COMPLIANCE
    target.write_bytes(compliance_page(conclusion_in(folder, CHECKS), load_summary(folder), folder, signed=signed))
    print(safe(str(target.absolute())))
    return WELL


def _sign(options: argparse.Namespace, runs: Path) -> int:
    folder = run_folder(options.run, runs)
    conclusion, summary = conclusion_in(folder, CHECKS), load_summary(folder)
    (folder / COMPLIANCE).write_bytes(compliance_page(conclusion, summary, folder, signed=True))
    print(f"Signed: {safe(str(sign(folder, Path(options.key))))}")
    return WELL


def _verify(options: argparse.Namespace, runs: Path) -> int:
    folder = run_folder(options.run, runs)
    found = verify(folder, Path(options.signers))
    for each in found.wrong:
        print(safe(f"WRONG: {each}"))
    if found.wrong:
        return WRONG
    print(safe(f"Run {folder.name}: {counted(found.files, 'file')} as {found.signer} signed them."))
    return WELL
