"""A UFDS whose answer is cut in the middle has not answered that search, whatever came before the cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.collect import ldap
from tests.security.test_ill_will import _LdapServer

BOUND = bytes.fromhex("300c02010161070a010004000400")


def _tlv(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([kind, len(body)]) + body


ENTRY = _tlv(
    0x30,
    _tlv(2, b"\2"),
    _tlv(0x64, _tlv(4, b"uid=a, o=b"), _tlv(0x30, _tlv(0x30, _tlv(4, b"uid"), _tlv(0x31, _tlv(4, b"a"))))),
)
DONE = bytes.fromhex("300c02010265070a010004000400")


class Cutting(_LdapServer):
    """Binds, then sends so many bytes of what a search finds, and is gone."""

    def _serve(self) -> None:
        try:
            with self._listener, self._tls.wrap_socket(self._listener.accept()[0], server_side=True) as client:
                client.recv(4096)
                client.sendall(BOUND)
                client.recv(4096)
                client.sendall(self._answer)
        except OSError:
            pass


def found(folder: Path, answer: bytes) -> ldap.Reply:
    server = Cutting(folder, answer, 0)
    return ldap.converse(ldap.Login(server.port, "cn=root", "hush"), [ldap.Search("o=b")], 20)


def test_a_whole_answer_is_taken(tmp_path: Path) -> None:
    reply = found(tmp_path, ENTRY + DONE)
    assert ldap.complete(reply), reply
    assert [entry.attributes for entry in reply.found[0].entries] == [{"uid": ("a",), "objectclass": ()}]


@pytest.mark.parametrize("length", [0, 5, len(ENTRY) - 1, len(ENTRY), len(ENTRY) + 3, len(ENTRY + DONE) - 1])
def test_an_answer_that_is_cut_is_none(tmp_path: Path, length: int) -> None:
    reply = found(tmp_path, (ENTRY + DONE)[:length])
    assert not ldap.complete(reply)
    assert not any(each.entries for each in reply.found)
