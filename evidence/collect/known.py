"""What known_hosts says about a host: the keys it may show, the authorities that may sign one, and what is revoked.

The files are read as OpenSSH reads them: line by line, and a line that cannot be read is skipped. A host is looked up only by its name, not
by its address. A host with a port of its own is looked up under [HOST]:PORT, and then under HOST.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import asyncssh

Keys = tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]


@dataclass
class Known:
    """The keys that known_hosts has for one host."""

    trusted: list[asyncssh.SSHKey] = field(default_factory=list)
    authorities: list[asyncssh.SSHKey] = field(default_factory=list)
    revoked: list[asyncssh.SSHKey] = field(default_factory=list)

    @property
    def keys(self) -> Keys:
        return self.trusted, self.authorities, self.revoked

    def algorithms(self, allowed: Sequence[str]) -> list[str]:
        """The algorithms that the host is asked for. Those with a known key come first, as in OpenSSH, so the host shows that key."""
        kinds = {bytes(name).decode() for key in self.trusted for name in key.sig_algorithms}
        plain = [name for name in allowed if "-cert-v0" not in name]
        signed = [name for name in allowed if "-cert-v0" in name] if self.authorities else []
        return [*signed, *(name for name in plain if name in kinds), *(name for name in plain if name not in kinds)]

    def of_kind(self, key: asyncssh.SSHKey | None) -> bool:
        """Whether another key of this kind is known. If so, the host's key has changed."""
        return key is None or any(known.algorithm == key.algorithm for known in self.trusted)


def known(files: Iterable[pathlib.Path], host: str, port: int, alias: str = "") -> Known:
    """What these files say about a host. With an alias, the alias is its name, and its port does not matter."""
    read = asyncssh.SSHKnownHosts()
    for path in files:
        for line in _lines(path):
            try:
                read.load(line)
            except (ValueError, asyncssh.Error):
                continue
    trusted, authorities, revoked, *_ = read.match((alias or host).lower(), "", None if alias or port == 22 else port)
    return Known(list(trusted), list(authorities), list(revoked))


def revoked(files: Iterable[pathlib.Path]) -> list[asyncssh.SSHKey]:
    """The keys in RevokedHostKeys. Raises OSError or ValueError if they cannot be read: then no host may be trusted."""
    found = []
    for path in files:
        data = path.read_bytes()
        if data.startswith(b"SSHKRL\n"):
            raise ValueError(f"{path} is a key revocation list, which only ssh itself can read")
        found += [asyncssh.import_public_key(line) for line in data.splitlines() if line.strip() and line[:1] != b"#"]
    return found


def _lines(path: pathlib.Path) -> list[str]:
    """The lines one by one, with names in lower case, because a host's name is compared like that."""
    try:
        text = path.read_bytes().decode("ascii", "backslashreplace")
    except OSError:
        return []
    return [_small(line) for line in text.split("\n")]


def _small(line: str) -> str:
    words = line.split(None, 2 if line.lstrip().startswith("@") else 1)
    at = len(words) - 2
    if at >= 0 and not words[at].startswith("|"):
        words[at] = words[at].lower()
    return " ".join(words)
