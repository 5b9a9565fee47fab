"""SSH public keys: how Triton names them, and made-up ones."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers


def fingerprint(openssh: str) -> str:
    """MD5 with colons, as in `ssh-keygen -l` of older platforms and in sdckey entries of UFDS."""
    digest = hashlib.md5(base64.b64decode(openssh.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def made_up(seed: str, comment: str) -> str:
    """An openssh line that is always the same for the same seed and belongs to no private key."""
    stream = b"".join(hashlib.sha256(f"{seed}.{i}".encode()).digest() for i in range(8))
    modulus = int.from_bytes(stream, "big") | (1 << 2047) | 1
    public = RSAPublicNumbers(65537, modulus).public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{line.decode()} {comment}"


def of_headnode(number: int) -> str:
    """The public host key of datacenter N's head node. admin has it in its own UFDS (sdc-headnode:scripts/sdc-init.js)."""
    return made_up(f"headnode.{number}", "root@headnode")
