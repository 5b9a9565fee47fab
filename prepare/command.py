"""The commands' door: what was typed, whether it can be done, and the exit code."""

from __future__ import annotations

import importlib
import sys
import warnings

from reports.page import safe
from triton_az_checks import ending
from triton_az_checks.errors import OperatorError

WRONG_USE, INTERRUPTED = 4, 2
COMMANDS = ("collect", "compare", "doctor", "init")


def main(arguments: list[str]) -> int:
    """The whole command; its exit code."""
    name, *rest = arguments or [""]
    if name not in COMMANDS:
        raise SystemExit(f"prepare: one of {', '.join(COMMANDS)}")
    try:
        with warnings.catch_warnings(action="ignore"):  # from libraries: an operator can do nothing about them
            return int(importlib.import_module(f"prepare.{name}").main(rest))  # what the others need is not loaded
    except OperatorError as error:
        print(f"az-checks {name}: {safe(str(error))}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print(f"az-checks {name}: interrupted", file=sys.stderr)
        return INTERRUPTED


def script() -> int:
    """The command. A reader that closes the pipe early has read enough."""
    ending.as_by_ctrl_c()
    ending.unbroken_output()
    code = main(sys.argv[1:])
    sys.stdout.flush()
    return code
