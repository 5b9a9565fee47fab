"""Shells that print before they run anything, shells that are not bash, banners, and shells that run nothing at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from evidence.collect import cloudapi
from evidence.collect.login import connect
from evidence.collect.marked import Marker
from evidence.collect.ssh import HeadNode, Output
from evidence.headnode import SESSIONS
from evidence.inventory.model import Declared, Timeouts
from evidence.subjects.questions import MANTA_VMADM, OF_DATACENTER
from tests.brought import asked, marker
from tests.ssh.servers import Home, Server, key

T = TypeVar("T")
PATIENCE = Timeouts(connect=20, command=20, run=60)
ASKED = """printf %s "$HOME" >/dev/null; x='a  b'; echo "$x"; printf 'oo\\160s' >&2; cat; exit 3"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made = Home(tmp_path)
    made.private("id", key("id"))
    return made


def logged_in(home: Home, server: Server, ask: Callable[[HeadNode], Awaitable[T]], patience: Timeouts = PATIENCE) -> T:
    """The answer of a head node that the operator knows as `a`."""

    async def all_of_it() -> T:
        async with server.running():
            home.knows(server.host, server.port, key("host"))
            (home.ssh / "config").write_text(
                f"Host a\n HostName {server.host}\n Port {server.port}\n User root\n IdentityFile ~/.ssh/id\n"
            )
            head = await connect(Declared("dc", "a", "r", "master"), patience)
            try:
                return await ask(head)
            finally:
                await head.close()

    return asyncio.run(all_of_it())


def said(home: Home, server: Server) -> Output:
    return logged_in(home, server, lambda head: head.run(ASKED.replace("\\160", "p"), "typed\n"))


NOISY = {
    "bash": {".bashrc": "echo 'Welcome!'; echo 'Mind the step' >&2; printf 'no end of line'\n"},
    "bash, traced": {".bashrc": "set -xv\n"},
    "bash, in colours": {".bashrc": "printf '\\033[31m{\"uuid\": 1}\\033[0m\\n\\n'; PATH=/nowhere; export PATH\n"},
    "bash, at length": {
        ".bashrc": "head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2\n"
    },
    "bash, of functions": {".bashrc": "echo() { :; }; export -f echo; alias cat=false\n"},
    "dash": {},
    "ksh": {},
    "csh": {".cshrc": "echo Welcome; setenv PATH /usr/bin:/bin\n"},
    "fish": {".config/fish/config.fish": "echo Welcome; echo Hear, hear >&2\n"},
    "zsh": {".zshenv": "echo Welcome\n"},
}


@pytest.mark.parametrize("name", NOISY)
def test_what_a_shell_prints_is_no_answer(home: Home, name: str, tmp_path: Path) -> None:
    shell = shutil.which(name.partition(",")[0])
    if shell is None:
        pytest.skip(f"there is no {name} on this machine")
    for file, text in NOISY[name].items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    output = said(home, Server(shell=shell, home=str(tmp_path)))
    if "functions" in name:  # what bash takes over from its environment is bash's own affair; nothing is made up
        assert output.why.startswith("was not run") or output.text == "a  b\ntyped\n"
        return
    assert (output.text, output.stderr, output.code, output.why) == ("a  b\ntyped\n", "oops", 3, "")


def test_a_banner_is_no_answer(home: Home) -> None:
    output = said(home, Server(banner="Authorised use only.\n\x1b[31mYou are watched.\n"))
    assert (output.text, output.stderr, output.code) == ("a  b\ntyped\n", "oops", 3)


REFUSING = {
    "nologin": ("This account is currently not available.\n", "'This account is currently not available.'"),
    "nothing": ("", "nothing at all came back"),
    "escapes": ("\x1b[31mno\r\n\twords\u202e\n", r"'\x1b[31mno words\u202e'"),
    "endless word": ("x" * 5000, "xxx\\u2026'"),
    "a guessed marker": (f"az-checks-{'0' * 32}\nanswer\n", "'az-checks-000"),
}


@pytest.mark.parametrize("name", REFUSING)
def test_without_the_marker_there_is_no_answer_and_it_is_said_what_came(home: Home, name: str) -> None:
    printed, shown = REFUSING[name]

    async def ask(head: HeadNode) -> tuple[Output, HeadNode]:
        return await head.run("sysinfo"), head

    output, head = logged_in(home, Server(answers=lambda _: printed), ask)
    assert (output.text, output.code) == ("", None)
    assert output.why.startswith("was not run by the head node: ")
    assert shown in output.why
    assert len(output.why) < 250
    (trouble,) = head.troubles
    assert trouble.kind == SESSIONS
    assert "no command is run" in str(trouble)


def test_a_marker_is_another_for_each_connection_and_comes_first() -> None:
    sent = [Marker().sent("true") for _ in range(100)]
    assert len({marker(each) for each in sent}) == 100
    assert {asked(each) for each in sent} == {"true"}


def test_no_command_has_what_a_shell_reads_within_quotes() -> None:
    """Inside quotes, fish reads a backslash, and csh an exclamation mark or the end of a line."""
    listing = cloudapi.listing_command("c076731a-bd61-552d-934a-297b25182e09", "192.0.2.1", ":".join(["ab"] * 16))
    own = [OF_DATACENTER[key].how for key in ("zones", "clock", "usbkey_mount", "m2s_asks_password", "instances")]
    for command in (*own, MANTA_VMADM, listing):
        assert not set(command) & set("\\!\n"), command


def test_a_marker_in_two_parts() -> None:
    own = Marker()
    whole = f"noise{marker(own.sent('true'))}answer".encode()
    for at in range(len(whole)):
        stream = own.stream()
        assert stream.answer(whole[:at]) + stream.answer(whole[at:]) == b"answer"
        assert stream.begun
