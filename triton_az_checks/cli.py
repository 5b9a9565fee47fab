"""az-checks: runs the checks, prints the plan, opens a lab, as `pytest`, `python -m remediate` and `python -m lab` do."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from triton_az_checks import ending, places, shell
from triton_az_checks.errors import OperatorError, UsageError

WRONG_USE = 4
UNKNOWN = 3
"""Nagios' exit code for what has no verdict."""
PYTHON = (sys.executable, "-P", "-m")
"""-P: a folder called `checks` where the operator stands must not be taken for ours."""
STARTING = "triton_az_checks.starting"
"""pytest."""
DEADLINE = "2h"
"""How long a nightly takes at most, if nobody says otherwise."""
MARKS = ("preflight", "postchange", "nightly")
HELP = """\
az-checks run [--preflight|--postchange|--nightly] [REGION.yaml] [--wait TIME] [pytest's options]
                                judge a coupling (default of REGION.yaml: AZ_INVENTORY; --evidence=RUN judges a run again;
                                --wait 5m asks again until what was changed has settled; -v each check in a line, -vv all
                                of it, -q the causes alone; --output json|nagios for a program, --metrics FILE for
                                Prometheus, --notify-test tries notify_command, --timeline tells what the run waited for)
az-checks nightly [REGION.yaml] [--deadline 2h] [pytest's options]
                                the night's run: one at a time, within its deadline, its page at RUNS/latest-nightly, a screen to mail
az-checks init root@HEADNODE [-o FILE]
                                a first region.yaml, from what one head node knows of its coupling (-o -: print it)
az-checks doctor [REGION.yaml]  this machine and the way in to each head node: what is wrong, and what to do
az-checks collect --datacenter NAME [--datacenter …] [REGION.yaml] -o FILE [--knowing RUN_OR_FILE] [--no-directories]
                                where no machine reaches all head nodes: the evidence of these datacenters alone, and no verdict
                                (az-checks run --evidence FILE --evidence FILE … judges all files as one)
az-checks compare [REGION.yaml] A B | A --keep FILE | A FILE
                                how the directory of B differs from A's, any two of them, by dn, and no verdict; keep what A's holds
                                now (dns and digests); what changed in A's since then. Asks little but the directories
az-checks plan [RUN] [--only N|CHECK[@SUBJECT]] [--json | --copy | --script DIR]
                                print the steps that repair a run's findings, in the order to type them
az-checks explain [N | CHECK[@SUBJECT]] [--run RUN]
                                a cause by its number: why, with all the evidence, and what follows (alone: all causes);
                                a check: what must hold, and why
az-checks report list | show [RUN] | diff [A B] | site DIR | compliance [RUN] | sign [RUN] --key FILE | verify [RUN] --signers FILE
                                the runs that are kept: what became of each finding and what drifted, pages to serve or
                                mail, the page for an auditor and its signature (az-checks report COMMAND --help)
az-checks apply [RUN] [--only N|CHECK[@SUBJECT]] [--stage N] [--yes] [--dry-run | --resume | --undo] [--break-lock]
                                do these steps, asking for each, and prove them (wants `apply: true` in REGION.yaml)
az-checks lab [OPTIONS] [-- COMMAND …]
                                practise: a whole coupling on this machine (az-checks lab --help)
az-checks completion bash | zsh
                                what a shell needs to complete all this: source <(az-checks completion bash)
az-checks manual                the manual page: az-checks manual | man -l -

--runs DIR (or AZ_RUNS) says where runs are kept: {runs}
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(arguments: Sequence[str]) -> int:
    """Do what was typed. Returns the exit code of what it starts, or 4 with a sentence."""
    commands: dict[str, Callable[[Sequence[str]], int]] = {
        "run": _run,
        "nightly": _nightly,
        "init": _init,
        "doctor": _doctor,
        "collect": _collect,
        "compare": _compare,
        "plan": _plan,
        "explain": _explain,
        "report": _report,
        "apply": _apply,
        "lab": _lab,
        "completion": shell.completion,
        "manual": shell.manual,
    }
    command, *rest = arguments or ["--help"]
    if command in ("--help", "-h", "help"):
        print(HELP.format(runs=places.runs(None)), end="")
        return 0
    if command in ("--version", "-V"):
        print(f"triton-az-checks {places.version()}")
        return 0
    if command not in commands:
        print(f"az-checks: there is no command {command!a}; {_meant(command, commands)}", file=sys.stderr)
        return WRONG_USE
    try:
        return commands[command](rest)
    except OperatorError as error:
        if "nagios" in rest or "--output=nagios" in rest:  # a monitor reads standard output, and knows no 4
            print(f"AZ-CHECKS UNKNOWN - {error}".replace("|", "/"))
            return UNKNOWN
        print(f"az-checks {command}: {places.typeable(f'{error}; az-checks --help tells more')}", file=sys.stderr)
        return WRONG_USE


def _meant(typed: str, known: Iterable[str]) -> str:
    """Which command may be meant, or where they stand."""
    near = difflib.get_close_matches(typed, [*known], 2)
    return f"do you mean {' or '.join(near)}?" if near else places.typeable("az-checks --help names them")


def run_parser() -> argparse.ArgumentParser:
    """What `run` takes for itself; all else goes to pytest."""
    parser = _Parser(prog="az-checks run", add_help=False, allow_abbrev=False)
    marks = parser.add_mutually_exclusive_group()
    for mark in MARKS:
        marks.add_argument(f"--{mark}", dest="mark", action="store_const", const=mark)
    parser.add_argument("--inventory")
    parser.add_argument("--output", choices=("json", "nagios"))
    return parser


def run_command(arguments: Sequence[str]) -> list[str]:
    """What `run` starts: pytest over the suite's checks, from whatever folder, with the file named by its whole path."""
    given, rest = run_parser().parse_known_args(list(arguments))
    named = given.inventory
    if named is None and rest and not rest[0].startswith("-"):
        named, rest = rest[0], rest[1:]
    root = places.suite()
    start = "reports.asplugin" if given.output == "nagios" else STARTING
    words = [*PYTHON, start, "-c", str(root / "pytest.ini"), f"--rootdir={root}"]
    words += [f"--inventory={Path(named).absolute()}"] if named else []
    words += [f"--output={given.output}"] if given.output else []
    words += ["-m", given.mark] if given.mark else []
    checks = [] if any(str(root / "checks") in word for word in rest) else [str(root / "checks")]
    return [*words, *rest, *checks]


def _run(arguments: Sequence[str]) -> int:
    return _become(run_command(_with_runs(arguments)))


def nightly_parser() -> argparse.ArgumentParser:
    """What `nightly` takes for itself; all else goes to `run`."""
    parser = _Parser(prog="az-checks nightly", add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--deadline", metavar="TIME", default=DEADLINE, help=f"then what was seen is judged (default: {DEADLINE})"
    )
    return parser


def nightly_command(arguments: Sequence[str]) -> list[str]:
    """What `nightly` starts: the same as `run --nightly`, with a lock and a deadline."""
    given, rest = nightly_parser().parse_known_args(list(arguments))
    region = rest[:1] if rest and not rest[0].startswith("-") else []
    return run_command([*region, "--nightly", "--night", f"--deadline={given.deadline}", *rest[len(region) :]])


def _nightly(arguments: Sequence[str]) -> int:
    return _become(nightly_command(_with_runs(arguments)))


def _plan(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "remediate", *_with_runs(arguments)])


def _init(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "prepare", "init", *arguments])


def _doctor(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "prepare", "doctor", *_with_runs(arguments)])


def explain_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="az-checks explain", add_help=False, allow_abbrev=False)
    parser.add_argument("what", nargs="?", default="", metavar="N|CHECK[@SUBJECT]")
    parser.add_argument("--run", metavar="RUN", help="of this run (default: the latest)")
    return parser


def explain_command(arguments: Sequence[str]) -> list[str]:
    """What `explain` starts: pytest, which knows the checks, and ends when it has told."""
    given = explain_parser().parse_args(list(arguments))
    root = places.suite()
    words = [*PYTHON, STARTING, "-c", str(root / "pytest.ini"), f"--rootdir={root}", f"--explain={given.what}"]
    return [*words, *([f"--of-run={given.run}"] if given.run else []), str(root / "checks")]


def _explain(arguments: Sequence[str]) -> int:
    return _become(explain_command(_with_runs(arguments)))


def report_command(arguments: Sequence[str]) -> list[str]:
    """What `report` starts: pytest, which knows the checks, and ends when it has done it."""
    root = places.suite()
    words = [*PYTHON, STARTING, "-c", str(root / "pytest.ini"), f"--rootdir={root}"]
    return [*words, f"--report={json.dumps([*arguments])}", str(root / "checks")]


def _report(arguments: Sequence[str]) -> int:
    return _become(report_command(_with_runs(arguments)))


def _collect(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "prepare", "collect", *_with_runs(arguments)])


def _compare(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "prepare", "compare", *_with_runs(arguments)])


def _apply(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "apply", *_with_runs(arguments)])


def _lab(arguments: Sequence[str]) -> int:
    return _become([*PYTHON, "lab", *arguments])


def _with_runs(arguments: Sequence[str]) -> list[str]:
    """The arguments without --runs, which goes to what is started by AZ_RUNS."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--runs")
    given, rest = parser.parse_known_args(list(arguments))
    os.environ["AZ_RUNS"] = str(places.runs(given.runs))
    return rest


def _become(words: Sequence[str]) -> int:
    """Start it in place of this process, so that signals and the exit code are its own."""
    ending.standard_files()
    path = [str(places.suite()), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, path)))
    os.execv(words[0], list(words))  # noqa: S606  its words are one each: there is no shell


def script() -> NoReturn:
    """The installed command."""
    os.environ.setdefault(places.CALLED, sys.argv[0])
    sys.exit(main(sys.argv[1:]))
