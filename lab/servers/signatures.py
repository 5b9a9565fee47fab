"""Signed requests: http-signature of draft 0.9, over the bare value of Date (sdc-sdc:lib/libdc.sh)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_AUTHORIZATION = re.compile(
    r'Signature keyId="(?P<key>[^"]*)",algorithm="(?P<algorithm>[^"]*)"'
    r'(?:,headers="date")?(?:,signature="(?P<new>[^"]*)"| (?P<old>\S+))?',
    re.IGNORECASE,
)


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
