"""The machine's own sshd as the SSH server of a head node.

It listens in the head node's network. Whoever comes in is at once in the head node's files. sshd itself finds what it reads (root's entry,
name servers) in a mount namespace of its own.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import shlex
import shutil
import signal

import asyncssh

from lab.machine import namespaces, roots
from lab.machine.machines import Machine
from lab.machine.sshd import environment

FOLDER = roots.RUN / "openssh"
SEARCHED = "/usr/sbin:/sbin:/usr/local/sbin"
NOT_LOCKED = "root:*:19000:0:99999:7:::\n"
LISTENS_WITHIN = 10.0


def refused() -> str | None:
    """Why no lab on this machine can have sshd, in one sentence; None if it can."""
    if shutil.which("sshd", path=SEARCHED) is None:
        return "--openssh needs the program sshd (Debian package openssh-server, whose service need not run)"
    if os.geteuid() != 0:
        return "--openssh needs root: sshd lets nobody in whom it cannot become"
    return None


class OpensshServer:
    """The same as `SshServer` for faults, but with sshd: its key, who is let in, with what delay, and whether it forwards."""

    def __init__(self, machine: Machine, key: asyncssh.SSHKey, client_key: str) -> None:
        self.machine = machine
        self.key = key
        self.forwards = True
        self._client_key = client_key
        self._permits = True
        self._delay = 0.0
        self._folder = FOLDER / machine.datacenter.name
        self._process: asyncio.subprocess.Process | None = None

    @property
    def permits(self) -> bool:
        return self._permits

    @permits.setter
    def permits(self, value: bool) -> None:
        """sshd reads authorized_keys at every login."""
        self._permits = value
        (self._folder / "authorized_keys").write_text(self._client_key if value else "", encoding="ascii")

    @property
    def delay(self) -> float:
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._delay = seconds
        (self._folder / "delay").write_text(str(seconds * self.machine.clock.factor), encoding="ascii")

    async def start(self) -> None:
        self._write()
        self._process = await asyncio.create_subprocess_exec(
            "nsenter", f"--net={namespaces.NETNS}/{self.machine.namespace}", "--",
            "unshare", "--mount", "sh", "-c", self._script(),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(LISTENS_WITHIN):
            while not await self._listens():  # noqa: ASYNC110  sshd tells nobody when it is ready
                await asyncio.sleep(0.01)

    def _script(self) -> str:
        found = (self._folder / name for name in ("passwd", "shadow", "resolv.conf"))
        mounts = [f"mount --bind {path} /etc/{path.name}" for path in found if pathlib.Path("/etc", path.name).exists()]
        sshd = shutil.which("sshd", path=SEARCHED)
        return " && ".join([*mounts, f"exec {sshd} -D -f {self._folder / 'sshd_config'}"])

    async def _listens(self) -> bool:
        try:
            _, writer = await self.machine.dial.tcp(str(self.machine.zone.external_ip), 22, 1.0)
        except (OSError, TimeoutError):
            if self._process is not None and self._process.returncode is not None:
                raise OSError(f"sshd of {self.machine.datacenter.name} ended with {self._process.returncode}") from None
            return False
        writer.transport.abort()
        return True

    async def stop(self) -> None:
        """Let nobody new in. Whoever is in stays, as when sshd is stopped."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()

    async def reload(self) -> None:
        """Use another key, or another sshd_config, for new connections."""
        await self.stop()
        await self.start()

    def _write(self) -> None:
        """Write everything that sshd reads."""
        self._folder.mkdir(parents=True, exist_ok=True)
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd locks itself in here before a log-in
        self.permits, self.delay = self._permits, self._delay
        key = self._folder / "host_key"
        self.key.write_private_key(str(key))
        key.chmod(0o600)
        entries = pathlib.Path("/etc/passwd").read_text(encoding="utf-8", errors="replace").splitlines()
        # A plain shell, because bash would read the .bashrc of this machine's root.
        others = [line for line in entries if not line.startswith("root:")]
        (self._folder / "passwd").write_text(
            "\n".join(["root:x:0:0:root:/root:/bin/sh", *others, ""]), encoding="utf-8"
        )
        (self._folder / "shadow").write_text(NOT_LOCKED, encoding="ascii")
        servers = "".join(f"nameserver {binder}\n" for binder in self.machine.binders)
        (self._folder / "resolv.conf").write_text(servers, encoding="ascii")
        (self._folder / "enter").write_text(self._entry(), encoding="utf-8")
        (self._folder / "enter").chmod(0o755)
        (self._folder / "sshd_config").write_text(self._config(), encoding="utf-8")

    def _config(self) -> str:
        return f"""ListenAddress {self.machine.zone.external_ip}:22
HostKey {self._folder / "host_key"}
AuthorizedKeysFile {self._folder / "authorized_keys"}
ForceCommand {self._folder / "enter"}
AllowTcpForwarding {"yes" if self.forwards else "no"}
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
PidFile none
PrintMotd no
PrintLastLog no
MaxStartups 100
LogLevel QUIET
"""

    def _entry(self) -> str:
        """The script that enters the lab's own mounts (zones come while it runs), then the head node's tree with its environment."""
        root = self.machine.root
        given = " ".join(shlex.quote(f"{name}={value}") for name, value in environment(self.machine).items())
        into = (
            f"exec nsenter --mount=/proc/1/ns/mnt -- nsenter --root={root} --wd={root}/root -- "
            f'/.lab/bin/env -i {given} ${{TERM:+TERM="$TERM"}} /usr/bin/bash'
        )
        return f"""#!/bin/sh
read -r delay < {self._folder / "delay"}
[ "$delay" = 0.0 ] || sleep "$delay"
[ -n "$SSH_ORIGINAL_COMMAND" ] || {into} --login
{into} -c "$SSH_ORIGINAL_COMMAND"
"""
