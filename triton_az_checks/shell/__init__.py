"""az-checks completion and az-checks manual: what lies beside this, made from the commands' parsers by tools/shell_pages.py."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from triton_az_checks import places
from triton_az_checks.errors import UsageError

HERE = Path(__file__).resolve().parent
BASH, ZSH, PAGE = HERE / "completion.bash", HERE / "completion.zsh", HERE / "az-checks.1"
_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]+)?")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def completion_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="az-checks completion", allow_abbrev=False)
    told = "print the completion of this shell; checks, runs: the words that it asks for"
    parser.add_argument("shell", choices=("bash", "zsh", "checks", "runs"), help=told)
    return parser


def manual_parser() -> argparse.ArgumentParser:
    return _Parser(prog="az-checks manual", allow_abbrev=False)


def completion(arguments: Sequence[str]) -> int:
    wanted = completion_parser().parse_args(list(arguments)).shell
    if wanted in ("bash", "zsh"):
        print((BASH if wanted == "bash" else ZSH).read_text(encoding="utf-8"), end="")
    else:
        print("".join(f"{word}\n" for word in (_checks() if wanted == "checks" else _runs())), end="")
    return 0


def manual(arguments: Sequence[str]) -> int:
    manual_parser().parse_args(list(arguments))
    print(PAGE.read_text(encoding="utf-8"), end="")
    return 0


def _checks() -> list[str]:
    """The ids of all checks: the headings of their page."""
    text = (places.suite() / "docs" / "checks.md").read_text(encoding="utf-8")
    return re.findall(r"^### ([a-z0-9-]+)$", text, re.MULTILINE)


def _runs() -> list[str]:
    """The names of the runs that are kept, the newest first."""
    try:
        return sorted((path.name for path in places.runs(None).iterdir() if _RUN.fullmatch(path.name)), reverse=True)
    except OSError:
        return []
