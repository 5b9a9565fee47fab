"""Asks a UFDS. It is the only module that knows ldap3 (no release since 2021), so that ldap3 can be replaced.

How to ask a UFDS: facts, "How a real UFDS answers". `check_names=False` because of the space in "ou=users, o=smartdc". Blocking: it runs
in a thread, over a tunnel.
"""

from __future__ import annotations

import math
import ssl
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

from evidence.collect.certificate import fingerprint, shown
from evidence.collect.ldap import NO_SUCH_OBJECT, Entry, Found, Login, Reply, Search

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore", DeprecationWarning
    )  # about pyasn1's names, which ldap3 uses: not the operator's business
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPSocketOpenError, LDAPSocketReceiveError
    from ldap3.utils.asn1 import decode_message_fast, ldap_result_to_dict_fast

UNDER_WAY: Final = 16
"""So many searches of a conversation are under way at once: over a distance, nobody wants to wait for each."""
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


class _Ahead:
    """Lets a connection send searches without waiting for answers. They come in any order, and are reduced to entries as they come."""

    def __init__(self, connection: Any) -> None:
        self._receiving = connection.strategy.receiving
        connection.post_send_search = self._sent
        self._entries: dict[int, list[Entry]] = {}
        self._results: dict[int, Any] = {}

    def _sent(self, number: int) -> int:
        self._entries[number] = []
        return number

    def answer(self, number: int) -> tuple[list[Entry], Any]:
        """The entries and the result of a search that was sent. Raises what ldap3 raises."""
        while number not in self._results:
            messages = self._receiving()
            if not messages:
                raise LDAPSocketReceiveError("the session was ended")
            for message in messages:
                self._came(decode_message_fast(message))  # type: ignore[no-untyped-call]
        return self._entries.pop(number), self._results.pop(number)

    def _came(self, message: Any) -> None:
        number, kind, payload = message["messageID"], message["protocolOp"], message["payload"]
        if number not in self._entries or number in self._results:
            raise LDAPSocketReceiveError("an answer to what was not asked")
        if kind == _ENTRY:
            self._entries[number].append(_entry(payload))
        elif kind == _DONE:
            self._results[number] = ldap_result_to_dict_fast(payload)  # type: ignore[no-untyped-call]
        elif kind != _REFERENCE:
            raise LDAPSocketReceiveError("an answer that is none to a search")


_ENTRY, _DONE, _REFERENCE = 4, 5, 19
"""What answers a search: RFC 4511, 4.5.2."""


def converse(login: Login, searches: Sequence[Search], timeout: float) -> Reply:
    """One conversation, from its beginning to its end."""
    talk = Conversation(login, timeout)
    try:
        return talk.ask(searches)
    finally:
        talk.end()


class Conversation:
    """A session of LDAP, bound as root with the first question. `timeout`: how many seconds it waits for more of an answer."""

    def __init__(self, login: Login, timeout: float) -> None:
        self._seconds = max(1, math.ceil(timeout))
        tls = ldap3.Tls(
            version=ssl.PROTOCOL_TLS_CLIENT
        )  # without a version the machine's authorities are read, each time
        server = ldap3.Server(
            "127.0.0.1", login.port, use_ssl=True, tls=tls, connect_timeout=self._seconds, get_info=ldap3.NONE
        )
        self._connection = ldap3.Connection(
            server,
            user=login.dn,
            password=login.password,
            check_names=False,
            read_only=True,
            receive_timeout=self._seconds,
            auto_referrals=False,
            raise_exceptions=False,
        )
        self._ahead: _Ahead | None = None
        self._certificate = ""

    def ask(self, searches: Sequence[Search]) -> Reply:
        """What it answers to all of it. A failure is returned, not raised."""
        try:
            if self._ahead is None:
                self._connection.open()
                if not self._connection.bind():
                    return Reply(False, _result(self._connection.result))
                self._certificate = fingerprint(shown(self._connection.socket))
                self._ahead = _Ahead(self._connection)
            found = _found(self._connection, self._ahead, searches, self._seconds)
            return Reply(True, "bound", tuple(found), self._certificate)
        except LDAPSocketOpenError:
            return Reply(False, "no TLS connection: the service closed it, or does not speak LDAPS")
        except _BROKEN as error:
            return Reply(False, f"the LDAP conversation broke off ({type(error).__name__})")

    def end(self) -> None:
        try:
            self._connection.unbind()
        except (LDAPException, OSError):
            pass  # it is closed already


def _found(connection: Any, ahead: _Ahead, searches: Sequence[Search], seconds: int) -> Iterator[Found]:
    """The answers in the order of the searches, of which some are always sent ahead."""
    sent: deque[tuple[Search, int | str]] = deque()
    for search in searches:
        sent.append((search, _sent(connection, search, seconds)))
        if len(sent) == UNDER_WAY:
            yield _answer(ahead, *sent.popleft())
    while sent:
        yield _answer(ahead, *sent.popleft())


def _sent(connection: Any, search: Search, seconds: int) -> int | str:
    """The number of the search's message, or why it could not be sent."""
    try:
        return int(
            connection.search(
                search.base,
                search.filter,
                search.scope,
                attributes=list(search.attributes),
                size_limit=search.limit,
                time_limit=seconds,
                controls=[HIDDEN_CONTROL] if search.hidden else None,
            )
        )
    except _BROKEN as error:
        return f"the search broke off ({type(error).__name__})"


def _answer(ahead: _Ahead, search: Search, sent: int | str) -> Found:
    if isinstance(sent, str):
        return Found(why=sent)
    try:
        entries, result = ahead.answer(sent)
    except _BROKEN as error:
        return Found(why=f"the search broke off ({type(error).__name__})")
    if result["result"] == NO_SUCH_OBJECT:
        return Found()
    if result["result"] != 0:
        return Found(why=f"the search was answered by {_result(result)}")
    if search.base and not all(entry.dn for entry in entries):
        return Found(why="it answers with its rootDSE, as for a suffix that it does not have")
    return Found(tuple(entry for entry in entries if entry.dn))


def _entry(payload: Any) -> Entry:
    """An entry out of an answer as ldap3 takes it apart: of each part, the class, whether it is constructed, the tag, and the content."""
    (*_, dn), (*_, attributes) = payload
    read: dict[str, tuple[str, ...]] = {}
    for *_, ((*_, name), (*_, values)) in attributes:
        read[_text(name).lower()] = tuple(_text(value) for *_, value in values)
    return Entry(_text(dn), read)


def _text(value: bytes) -> str:
    """A value as text. What is no UTF-8 is spelled out, so that two different values stay different."""
    return bytes(value).decode("utf-8", "backslashreplace")


def _result(result: Any) -> str:
    """A result code with its name. The server's own message is left out: it is not needed, and could hold anything."""
    code = (result or {}).get("result")
    return f"LDAP result {code} ({RESULTS.get(code, 'see RFC 4511')})" if isinstance(code, int) else "no LDAP result"
