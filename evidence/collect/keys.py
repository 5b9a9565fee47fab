"""The operator's keys, in the order in which OpenSSH offers them, and why others are not offered.

The order is: certificates that are named, the configured keys that the agent holds, the agent's other keys, the keys in files. It decides,
because a server ends the login after so many keys (MaxAuthTries). Nothing is asked on the terminal.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncssh

from evidence.collect.openssh import Settings
from evidence.collect.unanswered import reason


@dataclass
class Identities:
    """The keys that are offered, in this order. `left_out` has a sentence for each key that is not, and says why."""

    offered: list[asyncssh.SSHKeyPair] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    agent: asyncssh.SSHAgentClient | None = None

    def close(self) -> None:
        if self.agent is not None:
            self.agent.close()


@dataclass
class _File:
    """An IdentityFile: its public key, if that can be read, and what signs with it, if that is here."""

    public: bytes
    pair: asyncssh.SSHKeyPair | None
    certificate: asyncssh.SSHCertificate | None = None


async def identities(settings: Settings) -> Identities:
    """Everything that may be offered to a host."""
    found = Identities()
    methods = settings.names("preferredauthentications")
    if not settings.is_on("pubkeyauthentication") or (methods and "publickey" not in methods):
        found.left_out.append("your configuration forbids keys (PubkeyAuthentication, PreferredAuthentications)")
        return found
    held = await _agents(settings, found)
    files = [file for path in settings.paths("identityfile") for file in _files(path, held, found)]
    named = [each for path in settings.paths("certificatefile") for each in _certified(path, files, held, found)]
    configured = {file.public for file in files}
    others = [] if settings.is_on("identitiesonly") else [pair for pair in held if pair.public_data not in configured]
    mine = [pair for pair in held if pair.public_data in configured]
    here = {pair.public_data for pair in held}
    rest = [file.pair for file in files if file.pair is not None and file.public not in here]
    found.offered = [*named, *mine, *others, *rest]
    if settings.get("pkcs11provider", "none") != "none":
        found.left_out.append("the suite opens no PKCS11Provider itself (`ssh-add -s PROVIDER` lets the agent do it)")
    return found


async def _agents(settings: Settings, found: Identities) -> list[asyncssh.SSHKeyPair]:
    named = settings.get("identityagent", "SSH_AUTH_SOCK")
    if named.startswith("$") or named == "SSH_AUTH_SOCK":
        named = os.environ.get(named.strip("${}"), "")
    if named in ("", "none"):
        return []
    try:
        found.agent = await asyncssh.connect_agent(str(settings.path(named)))
        return list(await found.agent.get_keys())
    except (OSError, ValueError, asyncssh.Error) as error:
        found.left_out.append(f"the agent at {named} does not answer ({reason(error)})")
        return []


def _files(path: pathlib.Path, held: Sequence[asyncssh.SSHKeyPair], found: Identities) -> list[_File]:
    """A key, and the certificate beside it. A file that does not exist is no key, as for OpenSSH."""
    public = _public(path)
    pair = None if public and any(each.public_data == public for each in held) else _private(path, found)
    if pair is not None:
        public = pair.public_data
    if not public:
        return []
    files = [_File(public, pair)]
    certificate = _certificate(path.with_name(f"{path.name}-cert.pub"))
    signer = pair or next((each for each in held if each.public_data == public), None)
    if certificate is not None and certificate.key.public_data == public and signer is not None:
        files.append(_File(certificate.public_data, _with(signer, certificate), certificate))
    return files


def _public(path: pathlib.Path) -> bytes:
    """The public key in FILE.pub, or in FILE if that is a public key itself."""
    for each in (path.with_name(f"{path.name}.pub"), path):
        try:
            return asyncssh.read_public_key(each).public_data
        except (OSError, ValueError):
            continue
    return b""


def _private(path: pathlib.Path, found: Identities) -> asyncssh.SSHKeyPair | None:
    """The key in a file, unless using it would mean asking the operator for something."""
    shown = _shown(path)
    try:
        status = path.stat()
    except OSError:
        return None
    try:
        text = path.read_bytes()
    except OSError as error:
        found.left_out.append(f"{shown} cannot be read ({reason(error)})")
        return None
    if b"PRIVATE KEY" not in text:
        if text.startswith(b"sk-") or b" sk-" in text[:80] or not _is_public(path):
            found.left_out.append(f"{shown} holds no private key")
        else:
            found.left_out.append(f"{shown} is a public key, and the agent holds no key of it (`ssh-add`)")
        return None
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        found.left_out.append(f"others may read {shown}, so ssh does not use it (`chmod 600 {shown}`)")
        return None
    try:
        (pair, *_) = asyncssh.load_keypairs(asyncssh.import_private_key(text))
    except asyncssh.KeyEncryptionError:
        found.left_out.append(_locked(shown))
    except (ValueError, asyncssh.Error) as error:
        said = reason(error)
        if "passphrase" in said.lower():
            found.left_out.append(_locked(shown))
        elif "sk-" in said or "fido" in said.lower() or b"sk-" in _beside(path):
            found.left_out.append(f"{shown} is a security key, which the suite cannot use itself (`ssh-add {shown}`)")
        else:
            found.left_out.append(f"{shown} cannot be used ({said})")
    else:
        if not pair.algorithm.startswith(b"sk-"):
            return pair
        found.left_out.append(f"{shown} is a security key, which the suite cannot use itself (`ssh-add {shown}`)")
    return None


def _locked(shown: str) -> str:
    return f"{shown} has a passphrase, and no agent holds it (`ssh-add {shown}`)"


def _is_public(path: pathlib.Path) -> bool:
    try:
        asyncssh.read_public_key(path)
    except (OSError, ValueError):
        return False
    return True


def _beside(path: pathlib.Path) -> bytes:
    try:
        return path.with_name(f"{path.name}.pub").read_bytes()
    except OSError:
        return b""


def _certificate(path: pathlib.Path) -> asyncssh.SSHCertificate | None:
    try:
        return asyncssh.read_certificate(path)
    except (OSError, ValueError):
        return None


def _certified(
    path: pathlib.Path, files: Sequence[_File], held: Sequence[asyncssh.SSHKeyPair], found: Identities
) -> list[asyncssh.SSHKeyPair]:
    """A CertificateFile with its key, from a file or from the agent."""
    certificate = _certificate(path)
    if certificate is None:
        if path.exists():
            found.left_out.append(f"{_shown(path)} is no certificate")
        return []
    pairs = [*(file.pair for file in files if file.pair is not None and file.certificate is None), *held]
    for pair in pairs:
        if pair.public_data == certificate.key.public_data:
            return [_with(pair, certificate)]
    found.left_out.append(f"the private key for {_shown(path)} is neither in a file nor held by the agent")
    return []


def _with(pair: asyncssh.SSHKeyPair, certificate: asyncssh.SSHCertificate) -> asyncssh.SSHKeyPair:
    copied = pair.__class__.__new__(pair.__class__)
    vars(copied).update(vars(pair))
    copied.set_certificate(certificate)
    return copied


def _shown(path: pathlib.Path) -> str:
    """The path with ~ for the home, and escaped, because it goes into a sentence."""
    home = pathlib.Path.home()
    return ascii(f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path))[1:-1]
