"""How the answers of a UFDS are read."""

from __future__ import annotations

import pytest

from evidence.collect import directory
from evidence.collect.ldap import Entry, Found
from evidence.collect.parse import UnreadableError
from evidence.model import Registered

USERS = "ou=users, o=smartdc"


def entry(dn: str, /, **attributes: str) -> Entry:
    return Entry(dn, {name: (value,) for name, value in attributes.items()})


def answers(**changed: Found) -> tuple[Found, ...]:
    top = "region=my-dc, o=smartdc"
    found = {
        "latest": Found((entry("cn=latestchangenumber", count="43"),)),
        "version": Found((entry("cn=version, o=smartdc", version="20"),)),
        "admin": Found((entry(f"uuid=a, {USERS}"),)),
        "keys": Found((entry(f"fingerprint=f, uuid=a, {USERS}", fingerprint="f", name="my-dc-1 sdc key"),)),
        "probes": Found(),
        "groups": Found((entry("cn=operators, ou=groups, o=smartdc", uniquemember=f"uuid=a, {USERS}"),)),
        "regions": Found((
            entry(top, objectclass="region", region="my-dc"),
            entry(f"datacenter=d, {top}", objectclass="datacenter", region="my-dc", datacenter="d"),
            entry(f"network=admin, datacenter=d, {top}", objectclass="network", region="my-dc", datacenter="d"),
            entry(f"ip=1, network=admin, datacenter=d, {top}", objectclass="resolver", region="my-dc", datacenter="d", ip="1"),
            entry("datacenter=own, o=smartdc", objectclass="datacenter", region="my-dc", datacenter="own"),
        )),
        "checkpoints": Found((entry("uid=x", url="ldaps://1", changenumber="44", query="/o=smartdc"),)),
    }  # fmt: skip
    return tuple((found | changed).values())


def test_a_directory_is_read() -> None:
    read = directory.directory(answers())
    assert (read.latest, read.version, read.admin, read.operators, read.readers) == (43, 20, True, ("a",), False)
    assert read.datacenters == (Registered("my-dc", "d", True, ("1",)),)
    assert read.checkpoints[0].changenumber == 44
    assert len(answers()) == len(directory.searches("d", "a"))


def test_a_directory_without_version_has_none() -> None:
    assert directory.directory(answers(version=Found())).version is None


@pytest.mark.parametrize("count", ["", "-1", "4.5", "9" * 16, "\u0664", "nonsense"])
def test_what_is_no_number_is_refused(count: str) -> None:
    latest = Found((entry("cn=latestchangenumber", count=count),))
    with pytest.raises(UnreadableError, match="count of 'cn=latestchangenumber' is no number"):
        directory.directory(answers(latest=latest))


def test_one_search_that_fails_is_said() -> None:
    with pytest.raises(UnreadableError, match="busy"):
        directory.directory(answers(groups=Found(why="LDAP result 51 (busy)")))


@pytest.mark.parametrize(
    ("numbers", "latest", "gaps"),
    [
        (range(1, 101), 100, ()),
        ([], 0, ()),
        ([*range(1, 11), *range(61, 70)], 69, ()),  # 50 numbers are missing, which the replicator can jump over
        ([*range(1, 11), *range(62, 70)], 69, ((11, 61),)),
        (range(60, 70), 69, ((1, 59),)),
        (range(1, 11), 70, ((11, 70),)),
    ],
)
def test_gaps(numbers: list[int], latest: int, gaps: tuple[tuple[int, int], ...]) -> None:
    assert directory.gaps(numbers, latest) == gaps


def test_what_comes_next_is_asked_without_what_it_holds() -> None:
    search = directory.changes_after([7, 3, 7])
    assert search.filter == "(|(&(changenumber>=3)(changenumber<=53))(&(changenumber>=7)(changenumber<=57)))"
    assert not {"changes", "entry"} & set(search.attributes)
