"""Asks a UFDS. It is the only module that knows ldap3 (no release since 2021), so that ldap3 can be replaced.

How to ask a UFDS: facts, "How a real UFDS answers". `check_names=False` because of the space in "ou=users, o=smartdc"; filters on indexed
attributes; a size limit, because otherwise UFDS silently stops at 1000. Blocking: it runs in a thread, over a tunnel.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from evidence.collect.certificate import fingerprint, shown

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore", DeprecationWarning
    )  # about pyasn1's names, which ldap3 uses: not the operator's business
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPSocketOpenError
    from ldap3.utils.conv import escape_filter_chars

SMARTDC: Final = "o=smartdc"
USERS: Final = "ou=users, o=smartdc"
EVERYTHING: Final = 2147483647
NO_SUCH_OBJECT: Final = 32
BASE, SUBTREE = ldap3.BASE, ldap3.SUBTREE
HIDDEN_CONTROL: Final = ("1.3.6.1.4.1.38678.1", True, None)
"""Shows what UFDS hides: `_*` attributes and password hashes."""
RESULTS = {
    2: "protocolError",
    NO_SUCH_OBJECT: "noSuchObject",
    49: "invalidCredentials: the root password in the metadata is not the one that this UFDS runs with",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    80: "other",
}
_BROKEN: Final = (LDAPException, OSError, ValueError, IndexError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True)
class Login:
    """The port of a tunnel on 127.0.0.1, and the DN and password to bind with. The password never leaves this module."""

    port: int
    dn: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.port}, {self.dn!r})"


@dataclass(frozen=True)
class Search:
    """One search: where, for what, and for which attributes. `hidden` shows what UFDS hides; `limit` is how many entries it may have."""

    base: str
    filter: str = "(objectclass=*)"
    attributes: tuple[str, ...] = ("objectclass",)
    scope: str = SUBTREE
    hidden: bool = False
    limit: int = EVERYTHING


@dataclass(frozen=True)
class Entry:
    """An entry: its dn, and the values of each attribute by its name in lower case."""

    dn: str
    attributes: dict[str, tuple[str, ...]]

    def first(self, name: str) -> str:
        """The first value of an attribute, or an empty text."""
        return next(iter(self.attributes.get(name, ())), "")


@dataclass(frozen=True)
class Found:
    """The entries that a search found; a base that does not exist holds nothing. `why` says why the search failed, if it did."""

    entries: tuple[Entry, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Reply:
    """The result of the bind (`bound`, or else `detail`), and of each search in its turn; the SHA-256 of the server's certificate.

    `silent`: there was no answer in time, so nobody knows whether the bind or a search is to blame.
    """

    bound: bool
    detail: str
    found: tuple[Found, ...] = ()
    certificate: str = ""
    silent: bool = False


def complete(reply: Reply) -> bool:
    """Whether everything was answered."""
    return reply.bound and not any(found.why for found in reply.found)


def equal(name: str, value: str) -> str:
    """A filter for one value, whatever characters the value has."""
    return f"({name}={escape_filter_chars(value)})"


def converse(login: Login, searches: Sequence[Search], timeout: float) -> Reply:
    """Bind as root, and send one search after another over one connection. A failure is returned, not raised."""
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
        connection.open()
        if not connection.bind():
            return Reply(False, _result(connection.result))
        certificate = fingerprint(shown(connection.socket))
        return Reply(True, "bound", tuple(_search(connection, search, seconds) for search in searches), certificate)
    except LDAPSocketOpenError:
        return Reply(False, "no TLS connection: the service closed it, or does not speak LDAPS")
    except _BROKEN as error:
        return Reply(False, f"the LDAP conversation broke off ({type(error).__name__})")
    finally:
        try:
            connection.unbind()
        except (LDAPException, OSError):
            pass  # it is closed already


def _search(connection: Any, search: Search, seconds: int) -> Found:
    try:
        found = connection.search(
            search.base,
            search.filter,
            search.scope,
            attributes=list(search.attributes),
            size_limit=search.limit,
            time_limit=seconds,
            controls=[HIDDEN_CONTROL] if search.hidden else None,
        )
    except _BROKEN as error:
        return Found(why=f"the search broke off ({type(error).__name__})")
    code = (connection.result or {}).get("result")
    if not found and code == NO_SUCH_OBJECT:
        return Found()
    if not found and code != 0:
        return Found(why=f"the search was answered by {_result(connection.result)}")
    entries = [item for item in connection.response or () if item.get("type") == "searchResEntry"]
    if search.base and not all(item.get("dn") for item in entries):
        return Found(why="it answers with its rootDSE, as for a suffix that it does not have")
    return Found(tuple(_entry(item) for item in entries if item.get("dn")))


def _entry(item: Any) -> Entry:
    attributes = item.get("raw_attributes") or {}
    return Entry(str(item["dn"]), {str(key).lower(): tuple(map(_text, values)) for key, values in attributes.items()})


def _text(value: Any) -> str:
    """A value as text. What is no UTF-8 is spelled out, so that two different values stay different."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _result(result: Any) -> str:
    """A result code with its name. The server's own message is left out: it is not needed, and could hold anything."""
    code = (result or {}).get("result")
    return f"LDAP result {code} ({RESULTS.get(code, 'see RFC 4511')})" if isinstance(code, int) else "no LDAP result"
