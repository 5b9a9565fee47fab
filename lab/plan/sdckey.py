"""The key pair of each datacenter's sdc zone, with which Triton's own tools sign what they ask of cloudapi.

The same plan gives the same keys, and no file holds a key. The primes follow from the datacenter's name: the table has the distance of each
prime from a number that is hashed from the name. The keys protect nothing, and nobody may use them elsewhere. Source:
sdc-sdc:boot/configure.sh, lib/libdc.sh (http-signature of draft 0.9: over the bare value of Date).
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.plan.datacenters import Datacenter
from lab.plan.sshkeys import fingerprint

PRIVATE, PUBLIC = "root/.ssh/sdc.id_rsa", "root/.ssh/sdc.id_rsa.pub"
_EXPONENT = 65537
_FROM_HASH_TO_PRIME = (
    (1398, 1396), (1328, 6), (1960, 1122), (1342, 58), (826, 112), (1534, 1458), (1002, 1352), (160, 2274),
    (1358, 1212), (250, 204), (120, 518), (534, 60), (12, 384), (1298, 2840), (358, 508), (300, 558), (394, 750),
    (310, 26), (2426, 1138), (736, 74),
)  # fmt: skip


@dataclass(frozen=True)
class KeyPair:
    """As in the metadata of SAPI's application sdc: SDC_PRIVATE_KEY, SDC_PUBLIC_KEY, SDC_KEY_ID."""

    private: str
    public: str
    fingerprint: str


def _prime(seed: str, distance: int) -> int:
    stream = b"".join(hashlib.sha256(f"{seed}.{part}".encode()).digest() for part in range(4))
    return (int.from_bytes(stream, "big") | 3 << 1022 | 1) + distance


@functools.cache
def of(datacenter: Datacenter) -> KeyPair:
    """The pair that `configure.sh` of the datacenter's sdc zone made at its first boot."""
    distances = _FROM_HASH_TO_PRIME[datacenter.number - 1]
    p, q = (_prime(f"my-dc-{datacenter.number}.sdc.{half}", far) for half, far in zip("pq", distances, strict=True))
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(_EXPONENT, p * q)
    )
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} {datacenter.name} sdc key"
    return KeyPair(private.decode(), line, fingerprint(line))
