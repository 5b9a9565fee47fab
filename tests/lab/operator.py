"""A shell in the operator's place of a running lab, fed line by line."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = [sys.executable, "-m", "lab"]
MARK = "=====done"
"""Every typed line ends with a mark and its exit status."""


class Operator:
    """A shell in the operator's place of a running lab."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def types(self, line: str) -> tuple[int, str]:
        """Type a line. Returns its exit status and its output (both streams)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{{ {line}\n}} </dev/null 2>&1; code=$?; echo; echo {MARK} $code\n")
        self._process.stdin.flush()
        said: list[str] = []
        for text in self._process.stdout:
            if text.startswith(MARK):
                return int(text.split()[1]), "".join(said).removesuffix("\n")
            said.append(text)
        raise AssertionError(f"the lab is gone: {said}")

    def on(self, datacenter: str, line: str) -> tuple[int, str]:
        """Type a line on a head node. asyncssh does it, because not every machine has an ssh."""
        return self._typed("[]", datacenter, line)

    def answers(self, datacenter: str, line: str, turns: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """Like `on`, in a terminal: whenever the output ends with the first of a pair, the second is typed.

        Typed "\x03" is Ctrl-C, and "" closes the connection.
        """
        return self._typed(json.dumps(turns), datacenter, line)

    def _typed(self, *words: str) -> tuple[int, str]:
        return self.types(shlex.join([sys.executable, "-m", "tests.lab.typing_there", *words]))

    def lab(self, *words: str) -> None:
        code, said = self.types(" ".join([sys.executable, "-m", "lab", *words]))
        assert code == 0, said


@contextlib.contextmanager
def living(*options: str) -> Iterator[Operator]:
    """A lab with these options for as long as the context lasts. Skips if there can be none."""
    process = subprocess.Popen(
        [*LAB, *options, "--", "bash"], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1
    )
    shell = Operator(process)
    assert process.stdin is not None
    try:
        process.stdin.write("true\n")
        assert shell.types("true")[0] == 0
    except (AssertionError, BrokenPipeError):
        if process.wait(60) == 2:
            pytest.skip("no namespaces on this machine")
        raise
    yield shell
    process.stdin.close()
    process.wait(60)
