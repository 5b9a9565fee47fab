"""By which certificate a server shows itself.

Triton's are self-signed and prove nothing the first time.  But one that was there last night and is another one now is told as drift: the
zone was set up anew, or something else answers in its place.
"""

from __future__ import annotations

import datetime
import hashlib
import ssl

from cryptography import x509


def shown(connection: object) -> bytes:
    """The certificate that the other end of a TLS connection showed, in DER; empty for any other connection."""
    return (connection.getpeercert(binary_form=True) or b"") if isinstance(connection, ssl.SSLSocket) else b""


def fingerprint(certificate: bytes) -> str:
    """Its SHA-256 in hex; empty if there is none."""
    return hashlib.sha256(certificate).hexdigest() if certificate else ""


def expired(certificate: bytes, now: datetime.datetime) -> str:
    """The day on which it expired, as YYYY-MM-DD; empty if it has not, or cannot be read."""
    try:
        until = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return ""
    return f"{until:%Y-%m-%d}" if until < now else ""
