"""Asking a UFDS.  The one module that knows ldap3 (no release since 2021), so that it can be replaced.

How a UFDS has to be asked: facts, "How a real UFDS answers": `check_names=False` because of the space in "ou=users,
o=smartdc"; filters on indexed attributes; a size limit, or else a silent 1000.  Blocking: it runs in a thread, over a
tunnel.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from typing import Any, Final

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore", DeprecationWarning
    )  # of pyasn1's names, which ldap3 uses; not the operator's business
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPSocketOpenError

USERS: Final = "ou=users, o=smartdc"
EVERYTHING: Final = 2147483647
RESULTS = {
    2: "protocolError",
    32: "noSuchObject",
    49: "invalidCredentials: the root password in the metadata is not the one that this UFDS runs with",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    80: "other",
}


@dataclass(frozen=True)
class Login:
    """Port of a tunnel on 127.0.0.1, and who to be there.  The password never leaves this module."""

    port: int
    dn: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.port}, {self.dn!r})"


@dataclass(frozen=True)
class Reply:
    """What came of binding and searching: `bound` with `detail`; `entries` with `why` not, if the search failed."""

    bound: bool
    detail: str
    entries: tuple[dict[str, tuple[str, ...]], ...] = ()
    why: str = ""


def find_login(login: Login, name: str, timeout: float) -> Reply:
    """Binds as root and looks for the accounts with one login; of each: uuid and login."""
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", name):
        raise ValueError("a login that needs no escaping")
    seconds = max(1, math.ceil(timeout))
    server = ldap3.Server(
        "127.0.0.1", login.port, use_ssl=True, tls=ldap3.Tls(), connect_timeout=seconds, get_info=ldap3.NONE
    )
    connection = ldap3.Connection(
        server,
        user=login.dn,
        password=login.password,
        check_names=False,
        read_only=True,
        receive_timeout=seconds,
        auto_referrals=False,
        raise_exceptions=False,
    )
    try:
        return _ask(connection, name, seconds)
    except LDAPSocketOpenError:
        return Reply(False, "no TLS connection: the service closed it, or does not speak LDAPS")
    except (LDAPException, OSError, ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        return Reply(False, f"the LDAP conversation broke off ({type(error).__name__})")
    finally:
        try:
            connection.unbind()
        except (LDAPException, OSError):
            pass  # it is closed already


def _ask(connection: Any, name: str, seconds: int) -> Reply:
    connection.open()
    if not connection.bind():
        return Reply(False, _result(connection.result))
    try:
        found = connection.search(
            USERS,
            f"(login={name})",
            ldap3.SUBTREE,
            attributes=["uuid", "login"],
            size_limit=EVERYTHING,
            time_limit=seconds,
        )
    except (LDAPException, OSError, ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        return Reply(True, "bound", (), f"the search broke off ({type(error).__name__})")
    code = (connection.result or {}).get("result")
    if not found and code != 0:
        return Reply(True, "bound", (), f"the search was answered by {_result(connection.result)}")
    entries = []
    for item in (connection.response or ())[:1000]:
        if item.get("type") == "searchResEntry" and item.get("dn"):
            attributes = item.get("raw_attributes") or {}
            entries.append({str(key).lower(): tuple(map(_text, values)) for key, values in attributes.items()})
    return Reply(True, "bound", tuple(entries))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _result(result: Any) -> str:
    """A result code with its name.  The server's own message is left out: it is not needed, and could hold anything."""
    code = (result or {}).get("result")
    return f"LDAP result {code} ({RESULTS.get(code, 'see RFC 4511')})" if isinstance(code, int) else "no LDAP result"
