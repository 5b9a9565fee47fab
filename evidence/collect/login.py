"""Logs in to a head node as the operator's own `ssh` does.

OpenSSH tells what its configuration means (openssh.py) and makes the jumps (hops.py). The suite carries the sessions itself. Nothing is
asked on the terminal. An unknown host key is refused, whatever the configuration says.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_certificate_algs, get_public_key_algs

from evidence.collect import hops, keys, openssh, refused, without
from evidence.collect.attempt import LoggingIn, known_keys, plain
from evidence.collect.known import Known
from evidence.collect.line import Line, Peer
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared, Timeouts


async def connect(declared: Declared, timeouts: Timeouts) -> HeadNode:
    """Connect to a datacenter's head node. Raises UnansweredError."""

    async def again() -> Line:
        return await line(declared, timeouts)

    return HeadNode(await again(), timeouts, again)


async def line(declared: Declared, timeouts: Timeouts) -> Line:
    """One connection to a datacenter's head node, which nobody makes anew.  Raises UnansweredError."""
    target = openssh.target(declared.headnode)
    attempt = LoggingIn(target, timeouts.connect)
    try:
        async with asyncio.timeout(timeouts.connect):
            attempt.way = await openssh.way_to(target)
            return await _log_in(attempt, timeouts)
    except openssh.NoOpenSshError:
        return await without.line(target, timeouts)
    except UnansweredError:
        raise
    except Exception as error:
        raise UnansweredError(await refused.why(error, attempt)) from None
    finally:
        await attempt.clear()


async def _log_in(attempt: LoggingIn, timeouts: Timeouts) -> Line:
    last = attempt.way[-1]
    attempt.identities = await keys.identities(last)
    attempt.known = known_keys(last)
    attempt.peer = peer = Peer(attempt.identities)
    attempt.process = await hops.start(attempt.way, timeouts.connect)
    connection = await asyncssh.connect(
        last.host,
        last.port,
        config=None,
        sock=attempt.process.socket if attempt.process is not None else None,
        client_factory=lambda: peer,
        known_hosts=lambda *_: attempt.known.keys,
        server_host_key_algs=_host_key_algorithms(last, attempt.known),
        username=last.user,
        **_algorithms(last),
        **_place(last, direct=attempt.process is None),
        **plain(timeouts),
    )
    line = Line(connection, peer, process=attempt.process)
    attempt.process = None
    return line


def _host_key_algorithms(settings: openssh.Settings, found: Known) -> list[str]:
    both = [*get_certificate_algs(), *get_public_key_algs()]
    return found.algorithms(_both_have(settings.names("hostkeyalgorithms"), both)) or "default"  # type: ignore[return-value]


def _algorithms(settings: openssh.Settings) -> dict[str, Any]:
    """The operator's algorithms, as far as the library has them."""
    wanted = {
        "kex_algs": _both_have(settings.names("kexalgorithms"), get_kex_algs()),
        "encryption_algs": _both_have(settings.names("ciphers"), get_encryption_algs()),
        "mac_algs": _both_have(settings.names("macs"), get_mac_algs()),
        "signature_algs": _both_have(settings.names("pubkeyacceptedalgorithms"), get_public_key_algs()),
    }
    return {key: names for key, names in wanted.items() if names}


def _both_have(names: Sequence[str], ours: Sequence[bytes]) -> list[str]:
    return [name for name in names if name.encode() in ours]


def _place(settings: openssh.Settings, *, direct: bool) -> dict[str, Any]:
    """The address family and the address from which to connect."""
    found: dict[str, Any] = {}
    with contextlib.suppress(KeyError):
        found["family"] = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}[settings.get("addressfamily")]
    if settings.get("bindaddress"):
        found["local_addr"] = (settings.get("bindaddress"), 0)
    return found if direct else {}
