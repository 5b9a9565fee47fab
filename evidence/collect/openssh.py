"""What OpenSSH makes of the operator's configuration. `ssh -G` tells it, so the suite interprets nothing itself.

`ssh -G` reads the configuration and contacts nobody. It leaves some things as they are (~, % tokens and ${…} in the names of files); they
are expanded here. HOME may be another folder than the one that OpenSSH finds in the list of users. Then the ~/.ssh of HOME is meant, and
`-F` names its configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pathlib
import pwd
import re
import shlex
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evidence.collect.unanswered import UnansweredError, reason

PROGRAM: Final = "ssh"
MOST_HOPS: Final = 8
GRACE: Final = 1.0
"""Seconds in which a process has to end."""
_PLACE = re.compile(r"\[([^\[\]]+)\](?::([0-9]{1,5}))?|([^:]+):([0-9]{1,5})|([^\[\]]+)")


class NoOpenSshError(Exception):
    """This machine has no `ssh`."""


@dataclass(frozen=True)
class Host:
    """A host to log in to, as the inventory or ProxyJump names it."""

    shown: str
    user: str
    host: str
    port: int | None = None

    @property
    def words(self) -> list[str]:
        """The arguments of `ssh` that name it. No host can become an option."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port is not None else []
        return [*user, *port, "--", self.host]


def target(shown: str) -> Host:
    """Read [ssh://][USER@]HOST[:PORT]. An IPv6 address with a port stands in brackets. Raises UnansweredError."""
    user, _, place = shown.strip().removeprefix("ssh://").rstrip("/").rpartition("@")
    found = _PLACE.fullmatch(place)
    host = (found[1] or found[3] or found[5]) if found else ""
    port = (found[2] or found[4]) if found else None
    if not host or host.startswith("-") or user.startswith("-") or (port and not 0 < int(port) < 65536):
        raise UnansweredError(f"{shown!a} names no host as ssh does: [USER@]HOST, or ssh://[USER@]HOST[:PORT]")
    return Host(shown, user, host, int(port) if port else None)


@dataclass(frozen=True)
class Settings:
    """The settings that OpenSSH would use for one host."""

    target: Host
    values: Mapping[str, tuple[str, ...]]

    def get(self, key: str, default: str = "") -> str:
        return self.values.get(key, (default,))[0]

    def is_on(self, key: str) -> bool:
        return self.get(key) in ("yes", "true")

    @property
    def host(self) -> str:
        return self.get("hostname", self.target.host)

    @property
    def port(self) -> int:
        return int(self.get("port", "22"))

    @property
    def user(self) -> str:
        return self.get("user")

    @property
    def alias(self) -> str:
        """The name under which known_hosts has the host, if HostKeyAlias gives another."""
        return self.get("hostkeyalias")

    def words_of(self, key: str) -> list[str]:
        """A list of words; "none" means an empty list."""
        return [] if self.get(key, "none") == "none" else self.get(key).split()

    def names(self, key: str) -> list[str]:
        """A list of algorithms."""
        return [name for name in self.get(key).split(",") if name]

    def paths(self, key: str) -> list[pathlib.Path]:
        """The files named by a setting that has one line per file."""
        return [self.path(name) for name in self.values.get(key, ()) if name != "none"]

    def listed_paths(self, key: str) -> list[pathlib.Path]:
        """The files named by a setting on one line. A space may separate two files or be part of one."""
        found, words = [], self.words_of(key)
        while words:
            most = next((n for n in range(len(words), 1, -1) if self.path(" ".join(words[:n])).exists()), 1)
            found.append(self.path(" ".join(words[:most])))
            words = words[most:]
        return found

    def path(self, name: str) -> pathlib.Path:
        """The file that a setting names."""
        name = re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", lambda found: os.environ.get(found[1], ""), name)
        whole = self.expanded(name)
        if whole == "~" or whole.startswith("~/"):
            whole = str(pathlib.Path.home()) + whole[1:]
        with contextlib.suppress(RuntimeError):
            return _at_home(pathlib.Path(whole).expanduser())
        return pathlib.Path(whole)

    def expanded(self, text: str) -> str:
        """The text with OpenSSH's % tokens put in (ssh_config, TOKENS)."""
        here = socket.gethostname()
        place = f"{here}{self.host}{self.port}{self.user}{self.get('proxyjump')}"
        tokens = {
            "%": "%", "h": self.host, "n": self.target.host, "p": str(self.port), "r": self.user, "l": here,
            "k": self.alias or self.target.host, "L": here.partition(".")[0], "i": str(os.getuid()), "u": _me().pw_name,
            "d": str(pathlib.Path.home()), "j": self.get("proxyjump"), "C": hashlib.sha1(place.encode()).hexdigest(),  # noqa: S324
        }  # fmt: skip
        return re.sub("%(.)", lambda found: tokens.get(found[1], found[0]), text)


def _me() -> pwd.struct_passwd:
    return pwd.getpwuid(os.getuid())


def _elsewhere() -> bool:
    return pathlib.Path.home() != pathlib.Path(_me().pw_dir)


def _at_home(path: pathlib.Path) -> pathlib.Path:
    """A path below the home in the list of users is moved below HOME."""
    return pathlib.Path.home() / path.relative_to(_me().pw_dir) if path.is_relative_to(_me().pw_dir) else path


def configuration() -> list[str]:
    """The options that make `ssh` read the ~/.ssh/config of HOME."""
    if not _elsewhere():
        return []
    own = pathlib.Path.home() / ".ssh/config"
    return ["-F", str(own) if own.is_file() else "none"]


def files_of(settings: Settings) -> list[str]:
    """The options that make `ssh` find the files of HOME: its keys and known_hosts."""
    if not _elsewhere():
        return []
    known = " ".join(f'"{path}"' for path in settings.listed_paths("userknownhostsfile"))
    keys = [f"IdentityFile={path}" for path in settings.paths("identityfile") if path.exists()]
    return [word for option in (f"UserKnownHostsFile={known}", *keys) for word in ("-o", option)]


def environment() -> dict[str, str]:
    """The environment of `ssh` and what it starts: nothing of ours, and nobody who could be asked for a password."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AZ_")}
    return own | {"SSH_ASKPASS_REQUIRE": "never", "SSH_ASKPASS": "/bin/false"}


def shell() -> str:
    """The shell with which OpenSSH would start a ProxyCommand."""
    return os.environ.get("SHELL") or "/bin/sh"


async def way_to(last: Host) -> list[Settings]:
    """The hosts to log in to, one after the other; `last` is the last of them.

    Raises NoOpenSshError or UnansweredError.
    """
    return await _way_to(last, None, ())


async def _way_to(last: Host, jumps: str | None, before: tuple[str, ...]) -> list[Settings]:
    """Follow the jumps as OpenSSH does: each jump host is reached through those before it, the first by its own settings."""
    if last.host in before or len(before) >= MOST_HOPS:
        raise UnansweredError(f"~/.ssh/config goes round in a circle: ProxyJump of {before[-1]} leads to {last.host}")
    settings = await _ask(last, jumps)
    named = settings.get("proxyjump")
    if not named or named == "none":
        return [settings]
    rest, _, next_to_last = named.rpartition(",")
    return [*await _way_to(target(next_to_last), rest or None, (*before, last.host)), settings]


async def _ask(host: Host, jumps: str | None) -> Settings:
    command = [PROGRAM, "-T", "-G", *configuration(), *(["-J", jumps] if jumps else []), *host.words]
    code, out, errors = await _output(command)
    if code != 0:
        said = [line for line in errors.splitlines() if line.strip()] or [f"exit status {code}"]
        raise UnansweredError(f"ssh cannot use its configuration for {host.shown}: {'; '.join(said)[:300]}")
    values: dict[str, tuple[str, ...]] = {}
    for line in out.splitlines():
        key, _, value = line.partition(" ")
        values[key] = (*values.get(key, ()), value)
    return Settings(host, values)


async def _output(command: list[str]) -> tuple[int, str, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True, env=environment(),
        )  # fmt: skip
    except FileNotFoundError:
        raise NoOpenSshError from None
    except OSError as error:
        raise UnansweredError(f"ssh cannot be started on this machine: {reason(error)}") from error
    try:
        out, errors = await process.communicate()
    finally:
        await end(process)
    assert process.returncode is not None
    return process.returncode, out.decode("utf-8", "replace"), errors.decode("utf-8", "replace")


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process that was started here, and everything that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await process.wait()


def quoted(words: list[str]) -> str:
    """A command for ProxyCommand: one line for a shell, in which % starts no token."""
    return shlex.join(words).replace("%", "%%")
