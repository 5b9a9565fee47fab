"""The same against the machine's own sshd, if it has one: its configuration, its texts, its limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evidence.collect.login import connect
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import FORWARDING, SESSIONS
from evidence.inventory.model import Declared, Timeouts
from tests.ssh import judge
from tests.ssh.servers import Home, key
from tests.ssh.test_noise import ASKED, PATIENCE

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine (Debian: openssh-server)"),
    pytest.mark.skipif(os.getuid() != 0, reason="an sshd that lets root in is root's"),
    pytest.mark.skipif(not judge.can_judge(), reason="needs an `ssh`, and a mount namespace for its home"),
]
INSIDE = 'mount -t tmpfs none /run && mkdir /run/sshd && mount --bind "$1" "$2" && shift 2 && exec "$@"'
"""In a separate mount namespace: the folder that sshd needs, and a home for root."""
CONFIG = """
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
"""


class Sshd:
    """A running sshd, and the operator's home that knows it as `a`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = Home(folder / "operator")
        self.roots = folder / "root"
        self.roots.mkdir()
        self.folder = folder
        self.heads: list[HeadNode] = []
        monkeypatch.setenv("HOME", str(self.home.path))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    @contextlib.asynccontextmanager
    async def running(self, options: str = "", of_key: str = "", kind: str = "ssh-ed25519") -> AsyncIterator[Sshd]:
        host = key(f"sshd's {kind}", kind)
        (self.folder / "host").write_bytes(host.export_private_key())
        (self.folder / "host").chmod(0o600)
        (self.folder / "authorized").write_text(f"{of_key} {key('id').export_public_key().decode()}".strip() + "\n")
        self.home.private("id", key("id"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.folder / "sshd").write_text(f"Port {self.port}\n{options}\n{CONFIG.format(folder=self.folder)}")
        self.home.knows("127.0.0.1", self.port, host)
        (self.home.ssh / "config").write_text(
            f"Host a jump\n HostName 127.0.0.1\n Port {self.port}\n User root\n IdentityFile ~/.ssh/id\n"
        )
        there = [str(self.roots), pwd.getpwuid(0).pw_dir]
        log = self.folder / "log"
        process = await asyncio.create_subprocess_exec(
            "unshare", "-m", "sh", "-c", INSIDE, "sh", *there, str(SSHD), "-D", "-E", str(log), "-f", str(self.folder / "sshd"),
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(20):
                while not log.exists() or "listening" not in log.read_text():
                    assert process.returncode is None, "sshd does not start"
                    await asyncio.sleep(0.02)
            yield self
        finally:
            for head in self.heads:
                await head.close()
            process.terminate()
            await process.wait()

    async def both(self, name: str = "a", patience: Timeouts = PATIENCE) -> tuple[bool, HeadNode | str]:
        """Whether `ssh` gets in; and the suite's head node, or why not."""
        gets_in, _ = await judge.connects(self.home.path, name)
        try:
            self.heads.append(await connect(Declared("dc", name, "r", "master"), patience))
        except UnansweredError as error:
            return gets_in, str(error)
        return gets_in, self.heads[-1]


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sshd:
    return Sshd(tmp_path, monkeypatch)


NOISE = "echo Welcome; echo Mind the step >&2; set -x\n"


def test_noise_and_banner(sshd: Sshd) -> None:
    (sshd.roots / ".bashrc").write_text(NOISE)
    (sshd.folder / "banner").write_text("Authorised use only.\n")

    async def all_of_it() -> None:
        async with sshd.running(f"Banner {sshd.folder / 'banner'}"):
            gets_in, head = await sshd.both()
            assert gets_in
            assert isinstance(head, HeadNode), head
            output = await head.run(ASKED.replace("\\160", "p"), "typed\n")
            assert (output.text, output.stderr, output.code) == ("a  b\ntyped\n", "oops", 3)
            assert "OpenSSH_" in head.software

    asyncio.run(all_of_it())


@pytest.mark.parametrize("most", [1, 2, 4, 10])
def test_few_sessions(sshd: Sshd, most: int) -> None:
    async def all_of_it() -> None:
        async with sshd.running(f"MaxSessions {most}"):
            _, head = await sshd.both()
            assert isinstance(head, HeadNode), head
            outputs = await asyncio.gather(*(head.run(f"echo {number}") for number in range(30)))
            assert [output.text for output in outputs] == [f"{number}\n" for number in range(30)]
            assert head.troubles == ()

    asyncio.run(all_of_it())


def test_no_session_and_no_forwarding(sshd: Sshd) -> None:
    async def all_of_it() -> None:
        async with sshd.running("MaxSessions 0\nAllowTcpForwarding no"):
            gets_in, head = await sshd.both()
            assert not gets_in
            assert isinstance(head, HeadNode), head
            with pytest.raises(UnansweredError, match="refused a session"):
                await head.run("true")
            with pytest.raises(UnansweredError, match="forbids forwarding"):
                await head.connect("127.0.0.1", 9)
            assert {trouble.kind for trouble in head.troubles} == {SESSIONS, FORWARDING}

    asyncio.run(all_of_it())


def test_a_jump_host_that_forbids_forwarding(sshd: Sshd) -> None:
    async def all_of_it() -> None:
        async with sshd.running("AllowTcpForwarding no"):
            with (sshd.home.ssh / "config").open("a") as file:
                file.write("Host behind\n HostName 127.0.0.2\n User root\n ProxyJump jump\n")
            gets_in, why = await sshd.both("behind")
            assert not gets_in
            assert why == "the jump host jump forbids forwarding (AllowTcpForwarding, PermitOpen) to behind"

    asyncio.run(all_of_it())


def test_a_jump_host_that_may_forward(sshd: Sshd) -> None:
    async def all_of_it() -> None:
        async with sshd.running():
            with (sshd.home.ssh / "config").open("a") as file:
                file.write(f"Host behind\n HostName 127.0.0.1\n Port {sshd.port}\n User root\n ProxyJump jump\n")
                file.write("Host behind jump\n IdentityFile ~/.ssh/id\n")
            gets_in, head = await sshd.both("behind")
            assert gets_in
            assert isinstance(head, HeadNode), head
            assert (await head.run("echo here")).text == "here\n"

    asyncio.run(all_of_it())


def test_a_forced_command(sshd: Sshd) -> None:
    async def all_of_it() -> None:
        async with sshd.running(of_key='command="echo this key is for backups"'):
            _, head = await sshd.both()
            assert isinstance(head, HeadNode), head
            output = await head.run("sysinfo")
            assert output.why == ("was not run by the head node: instead of an answer came 'this key is for backups'")

    asyncio.run(all_of_it())


@pytest.mark.parametrize("kind", ["ssh-rsa", "ecdsa-sha2-nistp256"])
def test_kinds_of_host_keys(sshd: Sshd, kind: str) -> None:
    async def all_of_it() -> None:
        async with sshd.running(kind=kind):
            gets_in, head = await sshd.both()
            assert gets_in
            assert isinstance(head, HeadNode), head

    asyncio.run(all_of_it())


def test_an_old_server_that_signs_by_sha1(sshd: Sshd) -> None:
    async def all_of_it() -> None:
        async with sshd.running("HostKeyAlgorithms ssh-rsa", kind="ssh-rsa"):
            gets_in, why = await sshd.both()
            assert not gets_in
            assert isinstance(why, str)
            assert "no algorithm in common" in why or "closed the connection while logging in" in why
            with (sshd.home.ssh / "config").open("a") as file:
                file.write(" HostKeyAlgorithms +ssh-rsa\n")
            gets_in, head = await sshd.both()
            assert gets_in
            assert isinstance(head, HeadNode), head

    asyncio.run(all_of_it())


def test_a_server_that_wants_more_than_a_key(sshd: Sshd) -> None:
    async def all_of_it() -> None:
        async with sshd.running("AuthenticationMethods publickey,password"):
            gets_in, why = await sshd.both(patience=Timeouts(connect=6))
            assert not gets_in
            assert isinstance(why, str)
            assert "more than a key" in why

    asyncio.run(all_of_it())
