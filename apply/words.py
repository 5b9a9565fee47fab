"""What can be typed behind `az-checks apply`."""

from __future__ import annotations

import argparse
from typing import NoReturn

from triton_az_checks.errors import UsageError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {self.prog} --help tells more")


def parser_of() -> argparse.ArgumentParser:
    """What can be typed behind `az-checks apply`.  Its error is a UsageError."""
    parser = _Parser(prog="az-checks apply", description="Do the steps of a run's plan, and prove them.")
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's folder or its name (default: the latest)")
    parser.add_argument("--only", metavar="N|CHECK[@SUBJECT]", help="only this cause, or the cause of this check")
    parser.add_argument("--stage", type=int, metavar="N", help="only this stage of the plan")
    parser.add_argument("--yes", action="store_true", help="take safe and restarting steps without asking")
    parser.add_argument("--runs", metavar="DIR", help="where runs are kept (default: AZ_RUNS, or reports/runs)")
    parser.add_argument("--break-lock", action="store_true", help="break the locks on head nodes, whosever they are")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--resume", action="store_true", help="go on where an apply was interrupted")
    which.add_argument("--undo", action="store_true", help="take back what was done")
    which.add_argument("--dry-run", action="store_true", help="read every precondition, and change nothing")
    return parser
