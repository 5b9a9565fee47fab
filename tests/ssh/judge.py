"""What this machine's own `ssh` does with a home. A mount namespace puts the home where OpenSSH looks for it."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
from functools import cache
from pathlib import Path

_INSIDE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


def _command(home: Path, *words: str) -> list[str]:
    own = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-Urm"]
    there = pwd.getpwuid(0).pw_dir
    return [*own, "sh", "-c", _INSIDE, "sh", str(home), there, *words]


@cache
def can_judge() -> bool:
    """Whether there is an `ssh`, and a mount namespace may be made."""
    try:
        done = subprocess.run(_command(Path("/"), "ssh", "-V"), capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


async def connects(home: Path, *words: str) -> tuple[bool, str]:
    """Whether `ssh … true` gets in under the suite's own rules: nobody is asked, and unknown host keys are refused."""
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=5"]
    process = await asyncio.create_subprocess_exec(
        *_command(home, "ssh", *options, *words, "true"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, env={**os.environ, "HOME": pwd.getpwuid(0).pw_dir},
    )  # fmt: skip
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    return process.returncode == 0, errors.decode("utf-8", "replace")
