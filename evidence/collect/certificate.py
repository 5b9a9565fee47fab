"""By which certificate a server shows itself.

Triton's are self-signed and prove nothing the first time.  But one that was there last night and is another one now is told as drift: the
zone was set up anew, or something else answers in its place.
"""

from __future__ import annotations

import hashlib
import ssl


def fingerprint(connection: object) -> str:
    """The SHA-256 of the certificate that the other end of a TLS connection showed, in hex; empty for any other connection."""
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    shown = connection.getpeercert(binary_form=True)
    return hashlib.sha256(shown).hexdigest() if shown else ""
