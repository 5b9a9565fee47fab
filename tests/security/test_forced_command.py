"""The short list from the other side: the program that a head node starts in place of what the suite's key asks for."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evidence.collect import zone
from evidence.collect.marked import Marker
from evidence.collect.permitted import COMMANDS, permitted
from evidence.subjects.questions import OF_DATACENTER
from prepare.wayin import FOUND
from tests.recording import RECORDED
from tests.security.allowed import ROOT
from tools.forced_command import PAGE, PROGRAM, page, program, write

UUID = "c076731a-bd61-552d-934a-297b25182e09"
SCRIPT = f"zlogin -Q {UUID} /usr/bin/bash -s -- 5 file:/opt/smartdc/ufds/etc/config.json tcp:10.2.2.29:636"
REFUSED = 126


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A head node whose commands only say their name and what they were given."""
    for name in {"sysinfo", "zlogin", "sdcadm", "ssh", "vmadm", "reboot", "logger"}:
        tool = tmp_path / name
        tool.write_text(f'#!/bin/bash\n[[ {name} == logger ]] || {{ echo {name} "$@"; [[ -t 0 ]] || cat; }}\n')
        tool.chmod(0o755)
    # What stands for SmartOS's PATH: the tools of this head node first.
    text = program().replace("export PATH=/usr/bin", f"export PATH={tmp_path}:/usr/bin")
    (tmp_path / "az-checks-only").write_text(text)
    return tmp_path


def sent(node: Path, command: str) -> str:
    """The command line as it is really sent, with this head node's tools first."""
    return Marker().sent(command).replace("export PATH=/usr/bin", f"export PATH={node}:/usr/bin")


def log_in(node: Path, line: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", node / "az-checks-only"],
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
        cwd=node,
        env={"PATH": os.environ["PATH"], "SSH_ORIGINAL_COMMAND": line},
    )


def test_the_program_and_the_page_are_current() -> None:
    """AZ_GOLDEN=write writes them anew."""
    if os.environ.get("AZ_GOLDEN") == "write":
        write()
    assert PROGRAM.read_text(encoding="ascii") == program()
    assert PAGE.read_text(encoding="utf-8") == page()
    assert PROGRAM.stat().st_mode & 0o111


def test_what_is_on_the_list_is_done(node: Path) -> None:
    done = log_in(node, sent(node, "sysinfo"))
    assert done.returncode == 0
    assert re.fullmatch(r"az-checks-[0-9a-f]{32}\nsysinfo\n", done.stdout), done.stdout
    done = log_in(node, sent(node, f"{OF_DATACENTER['zones'].how}"))
    assert done.stdout.splitlines()[1].startswith("vmadm lookup -j -o uuid")


def test_the_script_goes_in_as_it_is_and_no_other(node: Path) -> None:
    done = log_in(node, sent(node, SCRIPT), zone.SCRIPT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.partition("\n")[2].partition("\n")[2] == zone.SCRIPT
    for other in (zone.SCRIPT + "\n", zone.SCRIPT + "reboot\n", "reboot\n", "", zone.SCRIPT * 9):
        done = log_in(node, sent(node, SCRIPT), other)
        assert done.returncode == REFUSED
        assert done.stdout == ""
        assert "another script" in done.stderr


NOT_ASKED = (
    "reboot",
    "sysinfo; reboot",
    "sysinfo\nreboot",
    "\nsysinfo",
    "sysinfo\n",
    "sysinfo && reboot",
    "sysinfo $(reboot)",
    "true; reboot",
    "sdcadm check-health -j; reboot",
    "sdcadm update sapi",
    "cat /usbkey/config > /usbkey/config",
    "cat /usbkey/configX",
    "ls -1d / /etc",
    "ls -1d / /tmp/$(reboot)",
    "ls -1d / /tmp/cnt;reboot",
    f"zlogin -Q {UUID} reboot",
    f"zlogin -Q {UUID} true; reboot",
    f"zlogin -Q {UUID} /usr/bin/bash -s -- 5; reboot",
    f"zlogin -Q {UUID} /usr/bin/bash -s -- 5 tcp:$(reboot):1",
    f"zlogin -Q {UUID} /usr/bin/bash -c reboot",
    f"ssh -o BatchMode=yes 10.3.1.9 'zlogin -Q {UUID} reboot'",
    "date -u +%s; reboot",
    "date -u 010100002020",
    "type -P reboot; reboot",
    "type -P `reboot`; ls -1d /lib/sdc/config.sh /usbkey/config",
)


@pytest.mark.parametrize("command", NOT_ASKED)
def test_what_is_not_on_the_list_is_refused(node: Path, command: str) -> None:
    done = log_in(node, sent(node, command), zone.SCRIPT)
    assert permitted(command) is None
    assert done.returncode == REFUSED
    assert done.stdout == ""
    assert done.stderr.startswith("az-checks-only: ")
    assert "\n" not in done.stderr.removesuffix("\n")


RAW = (
    "",
    "reboot",
    "internal-sftp",
    "/usr/lib/ssh/sftp-server",
    "scp -f /etc/shadow",
    "/usr/bin/bash --norc -c reboot",
    "/usr/bin/bash --norc -c 'echo az-checks-{0}; echo az-checks-{0} >&2; reboot'",
    "/usr/bin/bash --norc -c 'echo az-checks-{0}; echo az-checks-{0} >&2; export PATH=/tmp; sysinfo'",
    "/usr/bin/bash --norc -c 'echo az-checks-{0}; reboot; echo az-checks-{0} >&2; {1}sysinfo'",
    "/usr/bin/bash --norc -c 'echo az-checks-{0}; echo az-checks-{0} >&2; {1}sysinfo'; reboot",
    "/usr/bin/bash --norc -c 'echo az-checks-{0}; echo az-checks-{0} >&2; {1}sysinfo' 'reboot'",
    "/usr/bin/bash -c 'echo az-checks-{0}; echo az-checks-{0} >&2; {1}sysinfo'",
    "\x1b]0;x\x07$(reboot)\n'",
)


@pytest.mark.parametrize("line", RAW)
def test_what_is_not_sent_by_the_suite_is_refused(node: Path, line: str) -> None:
    first = re.search(r"export PATH=[^;]*; ", sent(node, "true"))
    assert first is not None
    done = log_in(node, line.replace("{0}", "0" * 32).replace("{1}", first[0]))
    assert done.returncode == REFUSED
    assert done.stdout == ""
    assert done.stderr.isprintable() or done.stderr.removesuffix("\n").isprintable()


def test_every_command_that_a_candidate_or_anybody_is_asked_is_on_the_list() -> None:
    """The table's own, where its command is what is really run, and what `doctor` types."""
    run = [row.how for key, row in OF_DATACENTER.items() if key not in ELSEWHERE]
    assert [command for command in (*run, FOUND, f"zlogin -Q {UUID} true") if permitted(command) is None] == []


ELSEWHERE = {
    "ssh", "everywhere", "applications", "services", "networks", "servers", "troubles", "outside", "leftovers",
    "manta_applications", "manta_services", "ring_images",
}  # fmt: skip
"""Asked over forwarded connections, or not by a command; of `leftovers` the row has no files."""


def hows(value: Any) -> Iterator[str]:
    """How each fact was asked."""
    if isinstance(value, dict):
        yield from (value["how"],) if isinstance(value.get("how"), str) else ()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from hows(item)


def test_every_command_of_the_recordings_is_on_the_list() -> None:
    """A fact of a head node or zone says how it was asked."""
    told = {how for path in sorted(RECORDED.glob("*.json")) for how in hows(json.loads(path.read_bytes()))}
    scripts = {how.removesuffix(" < zone.sh") for how in told if how.endswith(" < zone.sh")}
    assert len(scripts) > 30
    assert any(command.startswith("ssh ") for command in scripts)
    assert {command for command in scripts if (found := permitted(command)) is None or not found.scripted} == set()
    plain = {
        how for how in told if how.startswith(("zlogin", "sdcadm", "vmadm", "ls ", "svcs", "date")) and how not in MEANT
    }
    assert {
        command for command in plain - {f"{each} < zone.sh" for each in scripts} if permitted(command) is None
    } == set()


MEANT = {"zlogin", "svcs -aH -o state,stime,fmri (by zlogin)", OF_DATACENTER["leftovers"].how}
"""What is no command, but says in short what was done."""


def test_the_script_is_the_only_one_that_is_read() -> None:
    assert {each.scripted for each in COMMANDS if "bash -s" in each.form} == {True}
    assert hashlib.sha256(zone.SCRIPT.encode()).hexdigest() in program()


@pytest.mark.proof
def test_a_night_through_the_program_is_green(tmp_path: Path) -> None:
    """In a lab whose head nodes start nothing else for the operator's key."""
    night = f'exec {sys.executable} -m triton_az_checks nightly "$AZ_INVENTORY" --runs {tmp_path}'
    inside = ["bash", "-c", f"{sys.executable} -m lab settle && {night}"]
    command = [sys.executable, "-m", "lab", f"--forced-command={PROGRAM}", "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.proof
def test_whoever_types_anything_else_there_is_refused() -> None:
    command = [sys.executable, "-m", "lab", f"--forced-command={PROGRAM}", "--", "ssh", "my-dc-1", "uptime"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == REFUSED
    assert "az-checks-only: not a command of triton-az-checks: uptime" in done.stderr
