"""What is printed for `ssh HOST …` finds its program with SmartOS's PATH, and means the same after both shells."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from remediate.ldif import copied
from remediate.shell import quote
from remediate.ssh import over_ssh

SMARTOS = "/usr/bin:/bin:/usr/sbin:/sbin"


def typed(command: str, folder: Path) -> str:
    """What a command prints that is typed here, with an `ssh` that hands its last word to a shell, as sshd does."""
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
