"""Searches that were not recorded: what sdc-ufds, moray and the old ldapjs do with them by their sources."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPExceptionError

from lab.ufds import conformance
from lab.ufds.replay import Replay

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "ufds"
ALICE = "uuid=10000000-0000-4000-8000-000000000001, ou=users, o=smartdc"
POSEIDON = "uuid=aaaaaaaa-0000-4000-8000-000000000001, ou=users, o=smartdc"
UNINDEXED = "ufds_o_smartdc does not have indexes that support "


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    directory = conformance.recorded_directory(RECORDINGS, "master")
    two = {"objectclass": ["sdcperson"], "login": ["twomails"], "uuid": ["90000000-0000-4000-8000-0000000000aa"],
           "email": ["one@two.example.com", "two@two.example.com"], "userpassword": ["x"], "disabled": ["true"],
           "created_at": ["5"], "updated_at": ["7"]}  # fmt: skip
    directory.put_silently("uuid=90000000-0000-4000-8000-0000000000aa, ou=users, o=smartdc", two)
    with conformance.serving({"master": directory}) as addresses:
        running = Replay(addresses)
        yield running
        running.close()


def ask(replay: Replay, base: str, scope: str, wanted: str, bind: Any = "root", **more: Any) -> dict[str, Any]:
    request = {"op": "search", "base": base, "scope": scope, "filter": wanted, **more}
    return replay.ask({"server": "master", "bind": bind, "request": request})


FOUND = {
    # An index holds several values of an attribute as one text.
    "(email=one@two.example.com)": 0,
    "(email=one@two*)": 1,
    "(login=twomails)": 1,
    # Numbers and booleans are converted in the filter, and never equal the text that is stored.
    "(created_at=5)": 0,
    "(&(created_at>=5)(created_at<=6))": 1,
    "(&(updated_at>=5)(updated_at<=6))": 0,
    "(disabled=true)": 0,
    # A negated index of a list finds only entries that have the attribute.
    "(!(memberpolicy=x))": 1,
    "(!(objectclass=sdcperson))": 33,
    # Unindexed parts of an `and`, and negated ones, are matched afterwards.
    "(&(objectclass=sdcperson)(!(phone=*)))": 4,
    "(&(objectclass=sdckey)(pkcs=-----BEGIN*)(pkcs=*KEY-----*))": 6,
    "(&(objectclass=sdckey)(pkcs=-----BEGIN*END*))": 0,
    "(login:caseIgnoreMatch:=POSEIDON)": 1,
    "(login:caseIgnoreSubstringsMatch:=POSEI*)": 1,
}


@pytest.mark.parametrize("wanted", FOUND)
def test_finds(replay: Replay, wanted: str) -> None:
    got = ask(replay, "o=smartdc", "sub", wanted)
    assert (got["result"]["code"], got["count"]) == (0, FOUND[wanted])


REFUSED = {
    "(objectclass=sdc*)": UNINDEXED + "(objectclass=sdc*)",
    "(|(login=alice)(phone=1))": UNINDEXED + "(|(login=alice)(phone=1))",
    "(&(phone=1)(address=2))": UNINDEXED + "(&(phone=1)(address=2))",
    "(&(objectclass=sdcperson)(!(|(login=alice)(phone=*))))": UNINDEXED + "(|(login=alice)(phone=*))",
    "(disabled=perhaps)": "(disabled=perhaps) is an invalid filter",
    "(login:2.5.13.2:=ALICE)": UNINDEXED + "(login:2.5.13.2:=ALICE)",
    "(login:caseExactMatch:=alice)": "unsupported ext filter",
    "(&(login~=alice)(phone=1))": "approx filters not allowed",
}


@pytest.mark.parametrize("wanted", REFUSED)
def test_refuses(replay: Replay, wanted: str) -> None:
    got = ask(replay, "o=smartdc", "sub", wanted)
    assert got["result"] == {"code": 1, "message": REFUSED[wanted], "matched": "o=smartdc"}
    assert ask(replay, "ou=none, o=smartdc", "sub", wanted)["result"]["code"] == 32


BASE = {"(login~=poseidon)": 1, "(objectclass=sdc*)": 1, "(created_at>=5)": 0, "(login:caseIgnoreMatch:=POSEIDON)": 1,
        "(|(login=x)(phone=1))": 0, "(_key=*)": 0}  # fmt: skip


@pytest.mark.parametrize("wanted", BASE)
def test_a_base_search_does_not_ask_moray(replay: Replay, wanted: str) -> None:
    got = ask(replay, POSEIDON, "base", wanted)
    assert (got["result"]["code"], got["count"]) == (0, BASE[wanted])


CHANGELOG = {
    "(objectclass=*)": (1, "(objectclass=*) is an invalid filter"),
    "(changenumber=*)": (1, "(_id=*) is an invalid filter"),
    "(|(changetype=add)(objectclass=*))": (
        1, "ufds_cn_changelog does not have indexes that support (|(changetype=add)(objectclass=*))"),
    "(changetime=2020-01-01T00:00:00Z)": (1, "value (string|buffer) required"),
    "(changetype~=add)": (1, "approx filters not allowed"),
    "(changetype=add)": (0, 51),
    "(changetype=modify)": (0, 0),
    "(changetime>=2020-01-01T00:00:00Z)": (0, 51),
    "(changetime<=2020-01-01)": (0, 0),
    "(targetdn=*ou=groups, o=smartdc)": (0, 3),
    "(&(changenumber>=1)(objectclass=changeLogEntry))": (0, 0),
    "(&(changenumber>=1)(!(changetype=add)))": (0, 0),
}  # fmt: skip


@pytest.mark.parametrize("wanted", CHANGELOG)
def test_the_changelog_needs_an_index(replay: Replay, wanted: str) -> None:
    code, rest = CHANGELOG[wanted]
    got = ask(replay, "cn=changelog", "sub", wanted)
    assert got["result"]["code"] == code
    assert rest == (got["count"] if code == 0 else got["result"]["message"])
    assert got["result"]["matched"] == ("cn=changelog" if code else "")


NAMES = {
    "OU=users;  o=smartdc": (0, 1),  # a semicolon separates too
    " ou=users,o=smartdc": (0, 1),  # a space anywhere before a part will do
    "ou = users, o = smartdc": (0, 1),
    "ou=users,o=smartdc": (32, 0),
    "ou=users, o=smartdc,": (0, 0),  # an empty last part: another tree, hence the root
    "cn=a\\,b, o=smartdc": (32, 0),
    'cn="a,b", o=smartdc': (32, 0),
    "cn=a+sn=b, o=smartdc": (32, 0),
    "a_b=c, o=smartdc": (2, 0),
    "=x, o=smartdc": (2, 0),
    'cn="a, o=smartdc': (2, 0),
    " ": (2, 0),
}


@pytest.mark.parametrize("base", NAMES)
def test_names(replay: Replay, base: str) -> None:
    got = ask(replay, base, "sub", "(login=poseidon)")
    code, count = NAMES[base]
    assert got["result"]["code"] == code
    if code == 0:
        assert [each["dn"] for each in got["entries"]] == ([POSEIDON] if count else [""])


def test_a_sort_control_is_answered(replay: Replay) -> None:
    controls = {"controls": [["1.2.840.113556.1.4.473", True]]}
    assert ask(replay, ALICE, "sub", "(objectclass=*)", **controls)["response_controls"] == ["1.2.840.113556.1.4.474"]
    assert "response_controls" not in ask(replay, ALICE, "base", "(objectclass=*)", **controls)
    assert "response_controls" not in ask(replay, "", "base", "(objectclass=*)", **controls)


@pytest.mark.parametrize(("asked", "names"), [(["LOGIN"], ["login"]), (["+"], []), (["1.1", "login"], ["login"])])
def test_attributes(replay: Replay, asked: list[str], names: list[str]) -> None:
    (entry,) = ask(replay, POSEIDON, "base", "(objectclass=*)", attributes=asked)["entries"]
    assert list(entry["attributes"]) == names


def test_a_bind_other_than_simple_ends_the_connection(replay: Replay) -> None:
    host, port = replay.servers["master"]
    server = ldap3.Server(host, port=port, use_ssl=True, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, authentication=ldap3.SASL, sasl_mechanism=ldap3.EXTERNAL, receive_timeout=60)
    assert not connection.bind()
    assert connection.result["result"] == 2
    with pytest.raises(LDAPExceptionError):
        connection.search("", "(objectclass=*)", ldap3.BASE)


def test_a_new_name_that_is_none_is_a_wrong_name(replay: Replay) -> None:
    renaming = {"op": "modrdn", "dn": POSEIDON, "new_rdn": "garbage"}
    got = replay.ask({"server": "master", "bind": "root", "request": renaming})
    assert (got["result"]["code"], got["closes_connection"]) == (2, True)
