"""Why a login failed: one sentence for the operator, about the host that failed, with what the operator may do.

If several reasons are possible, only the one that applies is told. It makes a difference whether no key was offered, or none accepted.
"""

from __future__ import annotations

import pathlib
import re
import shlex
import socket
import stat
from dataclasses import dataclass
from typing import Final

import asyncssh

from evidence.collect import keys
from evidence.collect.attempt import LoggingIn
from evidence.collect.hops import Failed
from evidence.collect.keys import Identities
from evidence.collect.openssh import Settings
from evidence.collect.unanswered import reason

UNKNOWN, CHANGED, REVOKED = "unknown", "changed", "revoked"
_OPEN_FAILED = re.compile(r"open failed: ([^\n]*)")
_NOT_CONNECTED = re.compile(r"connect to (?:host|address) \S+ port \d+: ([^\n]*)")
_SHORT: Final = 200


async def why(error: Exception, attempt: LoggingIn) -> str:
    """What failed, at which host."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _own_host_key(error, attempt)
    if isinstance(error, asyncssh.PermissionDenied):
        return _own_login(attempt)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return f"{attempt.name()} and this machine have no algorithm in common: {reason(error)}"
    if "oo many authentication failures" in str(error):
        return _too_many(attempt.name(), attempt.peer.offered)
    if attempt.process is not None and not attempt.peer.let_in:
        failed = await attempt.process.failed()
        if failed is not None:
            return await _on_the_way(failed, attempt)
    if isinstance(error, TimeoutError):
        return _silent(attempt)
    if isinstance(error, (asyncssh.ConnectionLost, ConnectionResetError, BrokenPipeError)) and attempt.peer.connected:
        shown = attempt.target.shown
        return f"{attempt.name()} closed the connection while logging in: {reason(error)} (`ssh -v {shown}` shows more)"
    settings = attempt.way[-1] if attempt.way else None
    if isinstance(error, socket.gaierror) and settings is not None:
        return unknown_name(settings.host, str(error.strerror))
    if isinstance(error, ConnectionRefusedError) and settings is not None:
        return refused(attempt.name(), settings.port)
    return f"no connection to {attempt.name() if attempt.way else attempt.target.shown}: {reason(error)}"


def _silent(attempt: LoggingIn) -> str:
    limit = f"{attempt.patience:g} s"
    if not attempt.way:
        return f"`ssh -G {attempt.target.shown}` did not end within {limit} (a `Match exec` in ~/.ssh/config?)"
    name = attempt.name()
    if attempt.process is not None and len(attempt.way) > 1:
        return f"no answer from {name} within {limit} through the jump host {attempt.way[-2].target.shown}"
    if attempt.process is not None:
        return f"no answer from {name} within {limit} through its ProxyCommand"
    if attempt.peer.offered:
        return f"the login to {name} was not finished within {limit} (does it ask for more than a key?)"
    return not_ready(name, limit) if attempt.peer.connected else no_answer(name, limit)


def not_ready(name: str, limit: str) -> str:
    return f"{name} accepted the connection, but SSH was not ready within {limit}"


def no_answer(name: str, limit: str) -> str:
    return f"no answer from {name} within {limit} (is it up? is there a route, a firewall?)"


def unknown_name(host: str, said: str) -> str:
    return f"the name {host} is unknown ({said}); neither DNS nor ~/.ssh/config has it"


def refused(name: str, port: int) -> str:
    return f"{name} refused the connection: nothing listens on port {port}"


# A jump host, or a ProxyCommand


async def _on_the_way(failed: Failed, attempt: LoggingIn) -> str:
    """The reason, by what `ssh` said about that host."""
    said = failed.said
    short = ascii(" ".join(said.split())[-_SHORT:])[1:-1]
    if failed.index < 0:
        ended = f"said: {short}" if short else "ended without a word"
        return f"the ProxyCommand of {attempt.name(0)} {ended}"
    settings, name = attempt.way[failed.index], attempt.name(failed.index)
    found = _OPEN_FAILED.search(said)
    if failed.connected and found is not None:
        beyond = attempt.name(failed.index + 1)
        if "prohibited" in found[1]:
            return (
                f"the jump host {settings.target.shown} forbids forwarding (AllowTcpForwarding, PermitOpen) to {beyond}"
            )
        return f"the jump host {settings.target.shown} could not connect to {beyond}: {found[1].removeprefix('connect failed: ')}"
    kind = _host_key_kind(said)
    if kind:
        return host_key(_of(settings, kind, attempt, failed.index))
    if "oo many authentication failures" in said:
        return _too_many(name, failed.offered)
    if "Permission denied" in said:
        own = await keys.identities(settings)
        own.close()
        return _denied(settings, name, own, failed.offered)
    if "resolve hostname" in said:
        return unknown_name(settings.host, said.rpartition(": ")[2].strip())
    if found := _NOT_CONNECTED.search(said):
        if "refused" in found[1]:
            return refused(name, settings.port)
        return f"no connection to {name}: {found[1].strip()}"
    return f"no connection to {name}: {short}" if short else no_answer(name, f"{attempt.patience:g} s")


def _host_key_kind(said: str) -> str:
    if "REVOKED" in said or "is revoked" in said or "marked as revoked" in said:
        return REVOKED
    if "has changed" in said or "IDENTIFICATION HAS CHANGED" in said:
        return CHANGED
    return UNKNOWN if "host key is known for" in said or "Host key verification failed" in said else ""


# Whether the host is who it claims to be


@dataclass(frozen=True)
class HostKey:
    """A host key that is not trusted. `via` is the jump host to look from; None if no plain connection leads to the host."""

    kind: str
    shown: str
    host: str
    port: int
    alias: str = ""
    jump_to: str = ""
    via: str | None = ""
    file: str = ""
    fingerprint: str = ""
    command: str = ""


def host_key(key: HostKey) -> str:
    """How to compare the key, and how to accept it. Only the name that known_hosts has for this host is touched."""
    place = key.host if key.port == 22 else f"[{key.host}]:{key.port}"
    file = key.file or "~/.ssh/known_hosts"
    whose = f"the host key of {place}" + (f", a jump host on the way to {key.jump_to}," if key.jump_to else "")
    if key.kind == REVOKED:
        return f"{whose} is revoked in known_hosts"
    scan = f"{f'ssh {key.via} ' if key.via else ''}ssh-keyscan {'' if key.port == 22 else f'-p {key.port} '}{key.host}"
    if key.alias:
        scan += f" | sed 's/^[^ ]*/{key.alias}/'"
    take = f"{scan} >> {file}" if key.via is not None else f"ssh {key.command}, which asks whether to take it in"
    if key.kind == CHANGED:
        forget = f"ssh-keygen {f'-f {key.file} ' if key.file else ''}-R '{key.alias or place}'"
        return (
            f"{whose} has changed: it is not the one in known_hosts.  Ask why (a new installation, or "
            f"somebody in between?); if that is settled: {forget}, then {take}"
        )
    shown = f" ({key.fingerprint})" if key.fingerprint else ""
    return f"{whose} is unknown.  Compare its fingerprint{shown}, then: {take}"


def _of(settings: Settings, kind: str, attempt: LoggingIn, index: int, fingerprint: str = "") -> HostKey:
    way, last = attempt.way, index in (-1, len(attempt.way) - 1)
    index = len(way) - 1 if last else index
    via: str | None = way[index - 1].target.shown if index else ""
    if index == 0 and settings.get("proxycommand", "none") != "none":
        via = None
    files = settings.listed_paths("userknownhostsfile")
    own = files[0] if files else pathlib.Path("~/.ssh/known_hosts")
    usual = own == pathlib.Path.home() / ".ssh/known_hosts" or not files
    return HostKey(
        kind, settings.target.shown, settings.host, settings.port, settings.alias,
        "" if last else attempt.target.shown, via, "" if usual else shlex.quote(str(own)), fingerprint, settings.target.shown,
    )  # fmt: skip


def _own_host_key(error: Exception, attempt: LoggingIn) -> str:
    settings, shown = attempt.way[-1], attempt.peer.shown
    if "revoked" in str(error):
        kind = REVOKED
    elif attempt.known.authorities and "CA key" not in str(error) and shown is None:
        return f"the certificate that {attempt.name()} shows is not valid for it: {reason(error)}"
    else:
        kind = CHANGED if attempt.known.trusted and attempt.known.of_kind(shown) else UNKNOWN
    if kind == UNKNOWN and settings.get("knownhostscommand", "none") != "none":
        return (
            f"the host key of {settings.host} is unknown: the suite does not run your KnownHostsCommand, so write what it prints "
            f"into ~/.ssh/known_hosts"
        )
    fingerprint = shown.get_fingerprint() if shown is not None else ""
    return host_key(_of(settings, kind, attempt, -1, fingerprint))


# Whether the operator is let in


def _own_login(attempt: LoggingIn) -> str:
    if attempt.peer.offered and not attempt.peer.exhausted:
        return f"permission denied for {attempt.way[-1].user} at {attempt.name()}: it asks for more than a key"
    return _denied(attempt.way[-1], attempt.name(), attempt.identities, attempt.peer.offered)


def _too_many(name: str, offered: int) -> str:
    return (
        f"{name} ended the login after {offered} keys that it does not accept (MaxAuthTries): let `IdentitiesOnly yes` and "
        f"`IdentityFile` in ~/.ssh/config choose the right one"
    )


def _denied(settings: Settings, name: str, own: Identities, offered: int) -> str:
    shown = settings.target.shown
    said = f"permission denied for {settings.user} at {name}: "
    if _mastered(settings):
        return (
            f"{said}your ssh goes through the open connection of a ControlMaster, which the suite cannot; "
            f"a key is needed that works without (`ssh -S none {shown}`)"
        )
    left_out = own.left_out[0] if own.left_out else ""
    if offered:
        more = f"; not offered: {left_out}" if left_out else ""
        return f"{said}it accepts none of your keys ({offered} offered; `ssh {shown}` shows more){more}"
    if own.offered:
        return f"{said}no key was offered, for it takes none that you have (`ssh -v {shown}` shows more)"
    return (
        f"{said}no key was offered: {left_out or f'there is none in a file, and none in an agent (`ssh -v {shown}`)'}"
    )


def _mastered(settings: Settings) -> bool:
    """Whether OpenSSH has an open connection that it would use without logging in."""
    named = settings.get("controlpath", "none")
    if named == "none":
        return False
    try:
        return stat.S_ISSOCK(settings.path(named).stat().st_mode)
    except OSError:
        return False
