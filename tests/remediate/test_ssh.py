"""A printed `ssh HOST …` finds its program with SmartOS's PATH, and means the same after both shells."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.subjects.triton import EXPORT_PATH
from remediate.ldif import copied
from remediate.shell import quote
from remediate.ssh import over_ssh

SMARTOS = "/usr/bin:/bin:/usr/sbin:/sbin"


def typed(command: str, folder: Path) -> str:
    """The output of a command typed here, with an `ssh` that hands its last word to a shell, like sshd."""
    ssh = folder / "ssh"
    ssh.write_text(f'#!/bin/bash\nexec env -i PATH={SMARTOS} bash -c "${{@: -1}}"\n')
    ssh.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        timeout=120,
    )
    return done.stdout


@pytest.mark.parametrize("value", ["plain", "$(touch pwned)", "`id`", "a'b\"c", "\x1b[2J", "!x", "a b;c", "\\n"])
def test_a_value_passes_two_shells_unharmed(value: str, tmp_path: Path) -> None:
    assert typed(over_ssh("root@host", f"printf %s {quote(value)}"), tmp_path) == value
    assert not (tmp_path / "pwned").exists()


def test_a_command_brings_the_path_that_ssh_does_not_give(tmp_path: Path) -> None:
    path = typed(over_ssh("host", "printenv PATH"), tmp_path).strip().split(":")
    assert path == [*SMARTOS.split(":"), "/smartdc/bin", "/opt/smartdc/bin", "/opt/local/bin", "/opt/local/sbin"]


def test_only_what_reads_its_input_gets_it(tmp_path: Path) -> None:
    assert over_ssh("host", "true").startswith("ssh -n host ")
    assert over_ssh("host", "sdc-ldap add", stdin=True).startswith("ssh host ")


def test_an_entry_is_copied_with_tools_that_are_found(tmp_path: Path) -> None:
    command = copied("root@a", "root@b", "uuid=1, ou=users, o=smartdc")
    assert command.count("export PATH=/usr/bin:/bin:/usr/sbin:/sbin:/smartdc/bin:/opt/smartdc/bin:") == 2


TESTS = Path(__file__).resolve().parents[1]
WHERE = json.loads((TESTS.parent / "lab/plan/commands.json").read_bytes())["on_headnodes"]
ELSEWHERE = {name for folder, names in WHERE.items() if f"/{folder}" not in SMARTOS.split(":") for name in names}
WITH_VALUE = ("-o", "-l", "-p", "-i", "-F", "-J")


def sent(text: str) -> Iterator[str]:
    """The text that each `ssh …` in a text of shell commands hands to the shell at the head node."""
    for found in re.finditer(r"(?:^|[\s(;&|])ssh (?=[-\w])", text):
        words = shlex.shlex(io.StringIO(text[found.end() :]), posix=True, punctuation_chars=");&|")
        words.whitespace_split, words.commenters = True, ""
        word = words.get_token()
        while word and word.startswith("-"):
            word = words.get_token() if word not in WITH_VALUE else words.get_token() and words.get_token()
        yield words.get_token() or ""


def printed() -> Iterator[str]:
    """Each command, and each undo, of the recorded plans."""
    for path in sorted((TESTS / "verdicts").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"(?:^ +(?:undo )?\|.*\n)+", text, re.MULTILINE):
            yield re.sub(r"^ +(undo )?\| ?", "", found[0], flags=re.MULTILINE)


def test_what_is_sent_is_found() -> None:
    text = "ssh -n -o X=1 root@h 'a b' | (ssh h c); echo \"$(ssh -v h 'd')\""
    assert [each.rstrip(');"') for each in sent(text)] == ["a b", "c", "d"]


def test_every_command_that_is_printed_for_ssh_finds_its_tools() -> None:
    """A command over SSH has SmartOS's short PATH, which does not hold Triton's own tools."""
    assert {"sapiadm", "sdc-ldap", "sdcadm"} <= ELSEWHERE
    over = [command for text in printed() for command in sent(text)]
    of_triton = [command for command in over if ELSEWHERE & set(re.findall(r"[\w.-]+", command))]
    assert len(over) > len(of_triton) > 3
    assert [command for command in of_triton if not command.startswith(EXPORT_PATH)] == []
