"""Signed requests, in both forms that cloudapi takes: http-signature's own, and that of version 0.9.

The modern form signs lines `name: value` of the headers that it names, `(request-target)` among them (triton 7.17 signs `(request-target)
date`, smartdc 9.0.1 `date`). Version 0.9 signs their bare values, and its signature stands behind a blank (sdc-sdc:lib/libdc.sh). Source:
sdc-cloudapi:lib/authorization.js, lib/node-http-signature/parser.js; node-http-signature:lib/parser.js.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_PARAM = r'([A-Za-z]+)="([^"]*)"'
_AUTHORIZATION = re.compile(rf"Signature (?P<params>{_PARAM}(?:,{_PARAM})*)(?: (?P<old>\S+))?", re.IGNORECASE)
HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {
    "rsa-sha1": hashes.SHA1, "rsa-sha256": hashes.SHA256, "rsa-sha384": hashes.SHA384, "rsa-sha512": hashes.SHA512,
}  # fmt: skip


def authorization(private: str, key_id: str, date: str) -> str:
    """The Authorization header for a request with this Date header. Raises ValueError if the key cannot be read."""
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
    names: tuple[str, ...]
    bare: bool  # the form of version 0.9

    def text(self, method: str, target: str, headers: Mapping[str, str]) -> str:
        """The text that was to be signed. Raises KeyError with the name of a header that the request lacks."""
        return "\n".join(self._line(name, method, target, headers) for name in self.names)

    def _line(self, name: str, method: str, target: str, headers: Mapping[str, str]) -> str:
        if name == "request-line":
            return f"{method} {target} HTTP/1.1"
        if name == "(request-target)" and not self.bare:
            return f"{name}: {method.lower()} {target}"
        return headers[name] if self.bare else f"{name}: {headers[name]}"

    def fits(self, pem: str, text: str) -> bool:
        """Whether the key's owner signed this text.  The lab's keys are RSA keys."""
        try:
            key, kind = serialization.load_pem_public_key(pem.encode()), HASHES.get(self.algorithm)
            if not isinstance(key, rsa.RSAPublicKey) or kind is None:
                return False
            key.verify(base64.b64decode(self.signature), text.encode(), padding.PKCS1v15(), kind())
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return True


def read(header: str) -> Signature | None:
    """None if it is not a signature, or if a part is missing."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        return None
    params = dict(re.findall(_PARAM, match["params"]))
    signature = match["old"] or params.get("signature", "")
    if not (signature and params.get("keyId") and params.get("algorithm")):
        return None
    names = tuple((params.get("headers") or "date").lower().split(" "))
    return Signature(params["keyId"], params["algorithm"].lower(), signature, names, match["old"] is not None)
