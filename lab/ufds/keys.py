"""SSH public keys in a UFDS: a key is added with its `openssh` line, and the server computes `pkcs` and `fingerprint`."""

from __future__ import annotations

import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from lab.plan.sshkeys import fingerprint
from lab.ufds.errors import LdapError


def derived(openssh: str) -> tuple[str, str]:
    """(pkcs, fingerprint) of a key. Raises 21 if it is not a key."""
    line = " ".join(openssh.split())
    try:
        public = serialization.load_ssh_public_key(line.encode())
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return pem.decode(), fingerprint(line)
    except (ValueError, IndexError, binascii.Error, UnsupportedAlgorithm) as error:
        reason = f"KeyParseError: Failed to parse (unnamed) as a valid ssh format key: {error}"
        raise LdapError(21, reason) from None


ATTESTED = ("attested", "ykserial", "ykpinrequired", "yktouchrequired")


def complete(entry: dict[str, list[str]]) -> None:
    """Add and remove what the server adds to and removes from a new sdckey. Attestation is off, as by default."""
    if "sdckey" not in entry.get("objectclass", ()) or not entry.get("openssh"):
        return
    pkcs, computed = derived(entry["openssh"][0])
    entry["pkcs"] = [pkcs]
    given = entry.setdefault("fingerprint", [computed])
    if given[:1] != [computed]:
        raise LdapError(
            21,
            f"Error: Calculated fingerprint ({computed}) for this key does not match the given one ({','.join(given)})",
        )
    for name in ATTESTED:
        entry.pop(name, None)
    if entry.get("attestation"):
        raise LdapError(21, "Attestation support is disabled")
