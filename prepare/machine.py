"""The operator's own machine: Python, our packages, ssh and its agent, where runs are kept."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncssh

from evidence.collect import openssh
from evidence.collect.machine import MachineError, make_room
from evidence.collect.unanswered import reason
from evidence.redact import FingerprintKeyError, fingerprint_key
from prepare.told import MACHINE, Looked
from triton_az_checks import places

_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)
_NEEDED = re.compile(r"[A-Za-z0-9_.-]+")
PATIENCE = 5.0


async def look(datacenters: int) -> list[Looked]:
    """All of it, in the order in which it would be put right."""
    return [_python(), _packages(), await _ssh(), await _agent(), _files(datacenters), _key(), _runs()]


def _python() -> Looked:
    """Older ones than 3.11 do not come this far: ./az-checks and pip refuse them."""
    return Looked(MACHINE, "Python", f"{platform.python_version()} ({sys.executable})")


def _packages() -> Looked:
    """What is installed, against what was tried: requirements.lock in a checkout, else what the package itself wants."""
    lock = places.suite() / "requirements.lock"
    other = sorted(_others(lock)) if lock.is_file() else sorted(_lacking())
    if not other:
        return Looked(MACHINE, "packages", "as in requirements.lock" if lock.is_file() else "all are there")
    how = f"remove {places.suite() / '.venv'}, and start again" if lock.is_file() else "install triton-az-checks again"
    return Looked(MACHINE, "packages", f"{', '.join(other)}: {how}", False)


def _others(lock: Path) -> Iterator[str]:
    for name, wanted in _PINNED.findall(lock.read_text(encoding="utf-8")):
        has = _version(name)
        if has != wanted:
            yield f"{name} {f'is {has}, not {wanted}' if has else 'is not installed'}"


def _lacking() -> Iterator[str]:
    try:
        wanted = importlib.metadata.requires("triton-az-checks") or []
    except importlib.metadata.PackageNotFoundError:
        wanted = []
    for each in wanted:
        found = _NEEDED.match(each)
        if found and "extra ==" not in each and not _version(found[0]):
            yield f"{found[0]} is not installed"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


async def _ssh() -> Looked:
    try:
        async with asyncio.timeout(PATIENCE):
            process = await asyncio.create_subprocess_exec(
                openssh.PROGRAM, "-V", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, start_new_session=True, env=openssh.environment(),
            )  # fmt: skip
            try:
                said, _ = await process.communicate()
            finally:
                await openssh.end(process)
    except FileNotFoundError:
        why = "it is not installed, and without it ~/.ssh/config is understood in part only: install openssh-client"
        return Looked(MACHINE, "ssh", why, False)
    except (OSError, TimeoutError) as error:
        return Looked(MACHINE, "ssh", f"`ssh -V` does not end as it should ({reason(error)})", False)
    if process.returncode:
        return Looked(
            MACHINE, "ssh", f"`ssh -V` failed with exit status {process.returncode}: install openssh-client", False
        )
    return Looked(MACHINE, "ssh", said.decode("utf-8", "replace").strip()[:200])


async def _agent() -> Looked:
    """An agent is not needed where a key without a passphrase is in a file."""
    named = os.environ.get("SSH_AUTH_SOCK", "")
    if not named:
        return Looked(
            MACHINE, "ssh-agent", "none (SSH_AUTH_SOCK is not set): only keys in files without a passphrase are offered"
        )
    try:
        async with asyncio.timeout(PATIENCE), asyncssh.connect_agent(named) as agent:
            held = len(list(await agent.get_keys()))
    except (OSError, ValueError, asyncssh.Error, TimeoutError) as error:
        why = f"the one at {named} does not answer ({reason(error)}): start one (eval $(ssh-agent)), or unset SSH_AUTH_SOCK"
        return Looked(MACHINE, "ssh-agent", why, False)
    return Looked(MACHINE, "ssh-agent", f"holds {held} {'key' if held == 1 else 'keys'}")


def _files(datacenters: int) -> Looked:
    try:
        make_room(datacenters)
    except MachineError as error:
        return Looked(MACHINE, "open files", str(error), False)
    return Looked(MACHINE, "open files", "enough may be open")


def _key() -> Looked:
    try:
        fingerprint_key()
    except FingerprintKeyError as error:
        return Looked(MACHINE, "fingerprints", str(error), False)
    return Looked(MACHINE, "fingerprints", "their key can be used")


def _runs() -> Looked:
    runs = places.runs(None)
    there = next((each for each in (runs, *runs.parents) if each.exists()), runs)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Looked(MACHINE, "runs", f"kept in {runs}")
    return Looked(MACHINE, "runs", f"{there} cannot be written: --runs DIR names another place", False)
