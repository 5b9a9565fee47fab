"""Signs the files of a run, and verifies them: a list of their sha256, signed by ssh-keygen with a key of the operator's.

Nothing is asked of anybody: `ssh-keygen` works on files of this machine alone.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from reports.pages.summary import digest_of
from triton_az_checks.errors import UsageError

MANIFEST, SIGNATURE = "manifest.txt", "manifest.txt.sig"
NAMESPACE = "triton-az-checks"
"""What the signature is for: one that was made for anything else does not count."""
UNSIGNED = frozenset({MANIFEST, SIGNATURE, "journal.jsonl"})
"""What is not in the list: the list itself, and what `apply` may still add to."""
_ROW = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
_LARGEST = 1 << 20


class Verified(Struct, frozen=True):
    """Who signed, and what is wrong: nothing, if all files are as they were signed."""

    signer: str
    files: int
    wrong: tuple[str, ...] = ()


def manifest(folder: Path) -> bytes:
    """The sha256 of each file of a run, as sha256sum writes and checks them."""
    names = sorted(
        path.name for path in folder.iterdir() if path.is_file() and path.name not in UNSIGNED and path.name[0] != "."
    )
    return "".join(f"{digest_of(folder / name)}  {name}\n" for name in names).encode()


def sign(folder: Path, key: Path) -> Path:
    """Write the list and its signature into the run's folder.  ssh-keygen may ask for the key's passphrase."""
    if not key.is_file():
        raise UsageError(f"there is no key {key}: name a private key, or the public one of a key that the agent has")
    listed, signature = folder / MANIFEST, folder / SIGNATURE
    signature.unlink(missing_ok=True)
    listed.write_bytes(manifest(folder))
    done = _keygen(["-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(listed)])
    if done.returncode or not signature.is_file():
        listed.unlink(missing_ok=True)
        raise UsageError(f"{folder.name} is not signed with {key}: {_said(done)}")
    return signature


def verify(folder: Path, signers: Path) -> Verified:
    """Whether the files are as somebody among `signers` (an allowed signers file, see ssh-keygen(1)) signed them."""
    listed, signature = folder / MANIFEST, folder / SIGNATURE
    for path, what in ((signers, "a file of allowed signers"), (listed, "a signed run"), (signature, "a signed run")):
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is not there, or too large: name {what}")
    found = _keygen(["-Y", "find-principals", "-s", str(signature), "-f", str(signers)])
    names = found.stdout.decode("utf-8", "replace").split("\n")[0].strip()
    if found.returncode or not names:
        return Verified("", 0, (f"nobody in {signers} made this signature: {_said(found)}",))
    signer = names.split(",")[0]
    data = listed.read_bytes()
    done = _keygen(["-Y", "verify", "-f", str(signers), "-I", signer, "-n", NAMESPACE, "-s", str(signature)], data)
    if done.returncode:
        return Verified("", 0, (f"the signature does not fit {MANIFEST}: {_said(done)}",))
    return _compared(folder, data.decode("utf-8", "replace"), signer)


def _compared(folder: Path, text: str, signer: str) -> Verified:
    """The files against the list that was signed."""
    rows = [_ROW.fullmatch(line) for line in text.splitlines()]
    if not rows or None in rows:
        return Verified(signer, 0, (f"{MANIFEST} is not a list of sha256 and names",))
    told = {row["name"]: row["digest"] for row in rows if row is not None}
    now = {row.split("  ", 1)[1]: row.split("  ", 1)[0] for row in manifest(folder).decode().splitlines()}
    wrong = [f"{name} is not there any more" for name in sorted(told.keys() - now.keys())]
    wrong += [f"{name} is not what was signed" for name in sorted(told) if name in now and now[name] != told[name]]
    wrong += [f"{name} was added afterwards" for name in sorted(now.keys() - told.keys())]
    return Verified(signer, len(told), tuple(wrong))


def _keygen(words: Sequence[str], given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *words], input=given, capture_output=True, check=False,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
    except OSError as error:
        raise UsageError(
            f"ssh-keygen cannot be started ({error.strerror}): install OpenSSH's client, 8.2 or newer"
        ) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())
    return text or f"ssh-keygen ended with {done.returncode}"
