"""A hostile head node: an SSH server on loopback that answers commands and connections as a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh

from tests.brought import asked, marker

Process = asyncssh.SSHServerProcess[bytes]
Answer = Callable[[Process], Awaitable[None]]
Dialled = Callable[[Any, Any], Awaitable[None]]
BLOCK = b"x" * 65536


def says(text: str | bytes, code: int = 0) -> Answer:
    """Prints this, and ends."""

    async def answer(process: Process) -> None:
        process.stdout.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        await process.stdout.drain()
        process.exit(code)

    return answer


async def endless(process: Process) -> None:
    while True:
        process.stdout.write(BLOCK)
        await process.stdout.drain()


async def endless_errors(process: Process) -> None:
    while True:
        process.stderr.write(BLOCK)
        await process.stderr.drain()


async def long_line(process: Process) -> None:
    """A line of 100 MB."""
    for _ in range(1600):
        process.stdout.write(BLOCK)
        await process.stdout.drain()
    process.stdout.write(b"\n")
    process.exit(0)


async def silent(_: Process) -> None:
    await asyncio.sleep(60)


async def drips(process: Process) -> None:
    """A byte now and then: never silent, never done."""
    while True:
        process.stdout.write(b" ")
        await asyncio.sleep(0.05)


async def breaks_off(process: Process) -> None:
    """Half an answer, and the whole connection is gone."""
    process.stdout.write(b'[{"uuid": "')
    await process.stdout.drain()
    process.channel.get_connection().abort()


async def never_exits(process: Process) -> None:
    """The end of the output, but no exit status."""
    process.stdout.write(b"{}")
    process.stdout.write_eof()
    await asyncio.sleep(60)


VM = {
    "uuid": "c076731a-bd61-552d-934a-297b25182e09",
    "alias": "ufds0",
    "state": "running",
    "tags": {"smartdc_role": "ufds"},
    "nics": [{"ip": "127.0.0.9", "nic_tag": "admin"}],
    "routes": {},
}


def vm(role: str, number: int, **more: Any) -> dict[str, Any]:
    uuid = f"c076731a-bd61-552d-934a-{number:012x}"
    return {**VM, "uuid": uuid, "alias": f"{role}0", "tags": {"smartdc_role": role}, **more}


ROLES = ("adminui", "binder", "cloudapi", "moray", "napi", "sapi", "sdc", "ufds")
ZONES = [vm(role, number) for number, role in enumerate(ROLES)]
ZONES.append(vm("webapi", len(ROLES), tags={"manta_role": "webapi"}))
CONFIG = {"ufds_ldap_root_pw": "hush-of-root", "ufds_ldap_root_dn": "cn=root", "dns_domain": "d", "region_name": "r"}
KIND: dict[str, Answer] = {
    "sysinfo": says(json.dumps({"Boot Parameters": {"headnode": "true"}, "Datacenter Name": "a", "UUID": "s"})),
    "bash": says(json.dumps(CONFIG)),
    "cat": says("".join(f"{key}={value}\n" for key, value in CONFIG.items())),
    "vmadm": says(json.dumps(ZONES)),
    "sdcadm": says("[]"),
    "sdc-healthcheck": says("ufds:running:-:online\n"),
    "zlogin": says("services\nonline 11:00:00 svc:/a:b\nendservices\t0\nend\n"),
}
"""The answers of a head node that means well."""


async def refuses(_: Any, writer: Any) -> None:
    writer.close()


class HeadNode:
    """Notes who authenticated, each command with its standard input, and each requested connection."""

    def __init__(self, answers: dict[str, Answer], dialled: Dialled = refuses) -> None:
        self.answers, self.dialled = answers, dialled
        self.forwards: bool | None = None
        """Whether it really forwards, or forbids it. If None, `dialled` answers."""
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.users: list[str] = []
        self.commands: list[tuple[str, bytes]] = []
        self.connections: list[tuple[str, int]] = []
        self.port = 0

    async def __aenter__(self) -> HeadNode:
        outer = self

        class Authentication(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                outer.users.append(username)
                return True

            def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
                outer.connections.append((dest_host, dest_port))
                if outer.forwards is False:  # as in sshd: only the code gives the reason
                    raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
                return outer.forwards or outer._dial

        allowed = asyncssh.import_authorized_keys(self.user_key.export_public_key().decode())
        self._server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Authentication,
            server_host_keys=[self.key],
            process_factory=self._process,
            authorized_client_keys=allowed,
            encoding=None,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _dial(self, reader: Any, writer: Any) -> None:
        """A service that breaks off ends its own connection. For an error here, asyncssh would end all of them."""
        try:
            await self.dialled(reader, writer)
        except (OSError, asyncssh.Error):
            writer.close()

    async def _process(self, process: Process) -> None:
        command = asked(process.command)
        typed = bytearray()
        self.commands.append((command, b""))
        at = len(self.commands) - 1
        try:
            while part := await process.stdin.read(65536):
                typed += part
            self.commands[at] = (command, bytes(typed))
            process.stdout.write(marker(process.command).encode())
            process.stderr.write(marker(process.command).encode())
            await self.answers.get(command.split()[0], says("", 127))(process)
        except (OSError, asyncssh.Error, asyncio.CancelledError):
            pass  # the client went away

    def known_to(self, home: Path, *, trusted: asyncssh.SSHKey | None) -> None:
        """Enter it as host "a" into a ~/.ssh: with which host key, if any."""
        folder = home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "config").write_text(
            f"Host a\n  HostName 127.0.0.1\n  Port {self.port}\n  User root\n  IdentityFile {folder}/id\n"
            "  ForwardAgent yes\n  ForwardX11 yes\n  RequestTTY force\n  Compression yes\n"
        )
        self.user_key.write_private_key(str(folder / "id"))
        (folder / "id").chmod(0o600)
        key = "" if trusted is None else f"[127.0.0.1]:{self.port} {trusted.export_public_key().decode()}"
        (folder / "known_hosts").write_text(key)
