"""The key pair of each datacenter's sdc zone, with which Triton's own tools sign what they ask of cloudapi.

The same plan gives the same keys, and no key is kept in a file: the primes follow from the datacenter's name, and the
table says how far from a number that is hashed from it.  They protect nothing, and nobody may use them elsewhere.
Source: sdc-sdc:boot/configure.sh, lib/libdc.sh (http-signature of draft 0.9: over the bare value of Date).
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab import plan

PRIVATE, PUBLIC = "root/.ssh/sdc.id_rsa", "root/.ssh/sdc.id_rsa.pub"
# Of the application sdc itself: they reach every core zone (sdc-headnode:config/sapi/manifests/applications/sdc).
MANIFESTS = (
    ("sdc_private_key", f"/{PRIVATE}", f"chmod 600 /{PRIVATE}", "{{{SDC_PRIVATE_KEY}}}\n"),
    ("sdc_public_key", f"/{PUBLIC}", "", "{{{SDC_PUBLIC_KEY}}}\n"),
)
_EXPONENT = 65537
_FROM_HASH_TO_PRIME = (
    (1398, 1396), (1328, 6), (1960, 1122), (1342, 58), (826, 112), (1534, 1458), (1002, 1352), (160, 2274),
    (1358, 1212), (250, 204), (120, 518), (534, 60), (12, 384), (1298, 2840), (358, 508), (300, 558), (394, 750),
    (310, 26), (2426, 1138), (736, 74),
)  # fmt: skip
_AUTHORIZATION = re.compile(
    r'Signature keyId="(?P<key>[^"]*)",algorithm="(?P<algorithm>[^"]*)"'
    r'(?:,headers="date")?(?:,signature="(?P<new>[^"]*)"| (?P<old>\S+))?',
    re.IGNORECASE,
)


@dataclass(frozen=True)
class KeyPair:
    """As the metadata of SAPI's application sdc hold it: SDC_PRIVATE_KEY, SDC_PUBLIC_KEY, SDC_KEY_ID."""

    private: str
    public: str
    fingerprint: str


def _prime(seed: str, distance: int) -> int:
    stream = b"".join(hashlib.sha256(f"{seed}.{part}".encode()).digest() for part in range(4))
    return (int.from_bytes(stream, "big") | 3 << 1022 | 1) + distance


@functools.cache
def of(datacenter: plan.Datacenter) -> KeyPair:
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


def fingerprint(public: str) -> str:
    """MD5 with colons, as `ssh-keygen -l` of Triton's older platforms and sdckey entries have it."""
    digest = hashlib.md5(base64.b64decode(public.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, 32, 2))


def authorization(private: str, key_id: str, date: str) -> str:
    """The Authorization header for a request with this Date header.  ValueError if the key cannot be read."""
    key = serialization.load_pem_private_key(private.encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    signature = base64.b64encode(key.sign(date.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return f'Signature keyId="{key_id}",algorithm="rsa-sha256" {signature}'


@dataclass(frozen=True)
class Signature:
    """A parsed Authorization header."""

    key_id: str
    algorithm: str
    signature: str

    def fits(self, pem: str, date: str) -> bool:
        """Whether the key's owner signed this Date."""
        try:
            key = serialization.load_pem_public_key(pem.encode())
            if not isinstance(key, rsa.RSAPublicKey):
                return False
            key.verify(base64.b64decode(self.signature), date.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return True


def read(header: str) -> Signature | None:
    """None where it is no signature, or one that lacks a part."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None or not (match["new"] or match["old"]):
        return None
    return Signature(match["key"], match["algorithm"].lower(), match["new"] or match["old"])
