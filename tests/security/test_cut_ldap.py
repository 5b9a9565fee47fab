"""If a UFDS's answer is cut in the middle, the UFDS has not answered that search, whatever came before the cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.collect import conversation, ldap
from tests.security.test_ill_will import _LdapServer


def _tlv(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([kind, len(body)]) + body


def _message(number: bytes, operation: bytes) -> bytes:
    return _tlv(0x30, _tlv(2, number), operation)


DONE = bytes.fromhex("070a010004000400")
A_USER = _tlv(0x64, _tlv(4, b"uid=a, o=b"), _tlv(0x30, _tlv(0x30, _tlv(4, b"uid"), _tlv(0x31, _tlv(4, b"a")))))
NUMBER = b"\0\0\0\0"  # the longest possible number, so that each answer has one length
ENTRY_ENDS = len(_message(NUMBER, A_USER))
ENDS = ENTRY_ENDS + len(_message(NUMBER, b"\x65" + DONE))


def _number(request: bytes) -> bytes:
    """The number that an answer must have. ldap3 counts them over the whole process, not for each connection."""
    at = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)
    return request[at + 2 : at + 2 + request[at + 1]].rjust(len(NUMBER), b"\0")


class Cutting(_LdapServer):
    """Binds, then sends so many bytes (`most`) of a search's answer, and is gone."""

    def _serve(self) -> None:
        try:
            with self._listener, self._tls.wrap_socket(self._listener.accept()[0], server_side=True) as client:
                client.sendall(_message(_number(client.recv(4096)), b"\x61" + DONE))
                number = _number(client.recv(4096))
                client.sendall((_message(number, A_USER) + _message(number, b"\x65" + DONE))[: self._most])
        except OSError:
            pass


def found(folder: Path, length: int) -> ldap.Reply:
    server = Cutting(folder, b"", length)
    return conversation.converse(ldap.Login(server.port, "cn=root", "hush"), [ldap.Search("o=b")], 20)


@pytest.mark.parametrize("time", [1, 2])
def test_a_whole_answer_is_taken(tmp_path: Path, time: int) -> None:
    reply = found(tmp_path, ENDS)
    assert ldap.complete(reply), reply
    assert [entry.attributes for entry in reply.found[0].entries] == [{"uid": ("a",)}]


@pytest.mark.parametrize("length", [0, 5, ENTRY_ENDS - 1, ENTRY_ENDS, ENTRY_ENDS + 3, ENDS - 1])
def test_an_answer_that_is_cut_is_none(tmp_path: Path, length: int) -> None:
    reply = found(tmp_path, length)
    assert reply.bound, reply
    assert not ldap.complete(reply)
    assert not any(each.entries for each in reply.found)


class Backwards(_LdapServer):
    """Binds, waits for so many searches (`most`), and answers the last of them first: each with an entry that has its base's name."""

    def _serve(self) -> None:
        try:
            with self._listener, self._tls.wrap_socket(self._listener.accept()[0], server_side=True) as client:
                client.sendall(_message(_number(client.recv(4096)), b"\x61" + DONE))
                asked: list[bytes] = []
                while len(asked) < self._most:
                    asked += _messages(client.recv(4096))
                for each in reversed(asked):
                    entry = _tlv(0x64, _tlv(4, _base(each)), _tlv(0x30))
                    client.sendall(_message(_number(each), entry) + _message(_number(each), b"\x65" + DONE))
        except OSError:
            pass


def _messages(sent: bytes) -> list[bytes]:
    """Each shorter than 128 bytes, and none cut: they are few."""
    found = []
    while sent:
        size = 2 + sent[1]
        found.append(sent[:size])
        sent = sent[size:]
    return found


def _base(request: bytes) -> bytes:
    at = 2 + 2 + request[3]  # behind the number
    assert request[at] == 0x63
    return request[at + 4 : at + 4 + request[at + 3]]


def test_searches_do_not_wait_for_each_other(tmp_path: Path) -> None:
    server = Backwards(tmp_path, b"", conversation.UNDER_WAY)
    searches = [ldap.Search(f"o={number}") for number in range(conversation.UNDER_WAY)]
    reply = conversation.converse(ldap.Login(server.port, "cn=root", "hush"), searches, 20)
    assert [[entry.dn for entry in found.entries] for found in reply.found] == [[each.base] for each in searches]


@pytest.mark.parametrize("kind", [b"\x65", b"\x64"])
def test_an_answer_to_what_was_not_asked_is_none(tmp_path: Path, kind: bytes) -> None:
    class Foreign(_LdapServer):
        def _serve(self) -> None:
            with self._listener, self._tls.wrap_socket(self._listener.accept()[0], server_side=True) as client:
                client.sendall(_message(_number(client.recv(4096)), b"\x61" + DONE))
                number = int.from_bytes(_number(client.recv(4096)), "big") + 1
                client.sendall(_message(number.to_bytes(4, "big"), kind + DONE))
                client.recv(4096)

    reply = conversation.converse(
        ldap.Login(Foreign(tmp_path, b"", 0).port, "cn=root", "hush"), [ldap.Search("o=b")], 20
    )
    assert reply.found == (ldap.Found(why="the search broke off (LDAPSocketReceiveError)"),)
