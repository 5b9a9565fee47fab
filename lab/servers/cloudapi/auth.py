"""Who asks cloudapi: http-signatures in both forms, with keys from the local UFDS.

Source: sdc-cloudapi:lib/authorization.js, lib/auth.js (signatureAuth, assertAuthenticated, authorize); http-signature. Not imitated:
sub-users, roles, tokens, pre-signed URLs.
"""

from __future__ import annotations

import email.utils
import time

from lab.servers import ldap, signatures
from lab.servers.http import Request, Response, error_response
from lab.ufds import messages

SKEW_SECONDS = 300.0
UFDS_SECONDS = 2.0  # cloudapi.cfg says 120 s
ALGORITHMS = frozenset(
    {"rsa-sha1", "rsa-sha256", "rsa-sha384", "rsa-sha512", "dsa-sha1", "dsa-sha256", "ecdsa-sha256", "ecdsa-sha384",
     "ecdsa-sha512", "ed25519-sha512"}
)  # fmt: skip
USERS = "ou=users, o=smartdc"
INVALID = "Invalid authorization credentials supplied"
ONE = 1


class RefusedError(Exception):
    """The request is refused with `response`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response: Response = error_response(status, code, message)


async def account_of(request: Request, ufds: ldap.Session) -> str:
    """The login for which a request is made. Raises RefusedError."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith("signature"):
        raise RefusedError(401, "InvalidCredentials", "You must make authenticated requests to use CloudAPI")
    signature, text = _parsed(request, header)
    parts = signature.key_id.split("/")
    if len(parts) != 4 or parts[0] or parts[2] != "keys":
        raise RefusedError(401, "InvalidCredentials", f"Invalid KeyId {signature.key_id} in authorization header")
    try:
        await _verify(ufds, parts[1], parts[3], signature, text)
    except ldap.UfdsError:
        raise RefusedError(500, "InternalError", "Internal error occurred while validating account") from None
    return parts[1]


def _parsed(request: Request, header: str) -> tuple[signatures.Signature, str]:
    """The signature, and the text that it must have signed. Date is always part of it."""
    signature = signatures.read(header)
    if signature is None:
        raise _invalid("bad param format")
    if signature.algorithm not in ALGORITHMS:
        raise _invalid(f"{signature.algorithm} is not supported")
    try:
        text = signature.text(request.method, request.target, request.headers)
    except KeyError as error:
        raise _invalid(f"{error.args[0]} was not in the request") from None
    skew = _skew(request.headers.get("date", ""))
    if skew > SKEW_SECONDS:
        raise _invalid(f"clock skew of {skew:.3f}s was greater than {SKEW_SECONDS:g}s")
    if "date" not in signature.names:
        raise _invalid("date was not a signed header")
    return signature, text


def _skew(date: str) -> float:
    parsed = email.utils.parsedate_tz(date)
    if parsed is None:
        raise _invalid("date was not in the request")
    return abs(email.utils.mktime_tz(parsed) - time.time())


def _invalid(trouble: str) -> RefusedError:
    return RefusedError(400, "InvalidHeader", f"Authorization header invalid: {trouble}")


async def _verify(ufds: ldap.Session, login: str, key_id: str, signature: signatures.Signature, text: str) -> None:
    """Raises RefusedError. That the account is disabled is looked at only when its signature is right (lib/auth.js)."""
    accounts = await ufds.find(USERS, ONE, messages.equality("login", login), UFDS_SECONDS)
    keys = []
    for account in accounts[:1]:
        below = f"uuid={account['uuid'][0]}, {USERS}"
        keys = await ufds.find(below, ONE, messages.equality("objectclass", "sdckey"), UFDS_SECONDS)
    known = [key for key in keys if key_id in (*key.get("fingerprint", []), *key.get("name", []))]
    if not any(signature.fits(pem, text) for key in known[:1] for pem in key.get("pkcs", [])):
        raise RefusedError(401, "InvalidCredentials", INVALID)
    if any(account.get("disabled", [])[:1] == ["true"] for account in accounts[:1]):
        raise RefusedError(403, "NotAuthorized", "Account or user is disabled")


def allow(request: Request, login: str) -> None:
    """An account sees its own; `my` means its own. An operator sees all: admin, whose login it is in every datacenter."""
    wanted = request.path.strip("/").split("/")[0]
    if wanted not in ("my", login) and login != "admin":
        raise RefusedError(403, "NotAuthorized", f"You do not have permission to access {request.path}")
