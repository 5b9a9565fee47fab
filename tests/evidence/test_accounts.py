"""A candidate's accounts against the master's: which collide, what the master is asked, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from evidence.accounts import Account, Collision, Collisions
from evidence.collect import accounts, history
from evidence.collect.ldap import Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError

ADMIN = "930896af-bf8c-48d4-885c-6573a94b1853"


def entry(login: str, email: str, uuid: str) -> Entry:
    return Entry(f"uuid={uuid}, ou=users, o=smartdc", {"login": (login,), "email": (email,), "uuid": (uuid,)})


HANS = accounts.Person("Hans", "hans@example.com", "1")
INES = accounts.Person("ines", "ines@example.com", "2")


def test_everybody_but_admin() -> None:
    found = Found((entry("ines", "i", "2"), entry("admin", "root@localhost", ADMIN), entry("hans", "h", "1")))
    people = accounts.people(found, ADMIN)
    assert [one.login for one in people] == ["hans", "ines"]
    assert accounts.accounts(people, ()).count == 2


def test_what_else_it_has_that_replication_brings() -> None:
    groups = Found(
        tuple(Entry(f"cn={name}, ou=groups, o=smartdc", {}) for name in ("readers", "operators", "auditors"))
    )
    shared = Found((Entry("region=my-dc, o=smartdc", {}), Entry("cn=blacklist, o=smartdc", {})))
    assert accounts.accounts((), (groups, shared)).besides == (
        "cn=auditors, ou=groups, o=smartdc",
        "cn=blacklist, o=smartdc",
        "region=my-dc, o=smartdc",
    )
    with pytest.raises(UnreadableError, match="it broke off"):
        accounts.accounts((), (groups, Found(why="it broke off")))


@pytest.mark.parametrize("told", [ADMIN, "", "dddddddd-0000-4000-8000-00000000000d"])
@pytest.mark.parametrize("login", ["admin", "Admin"])
def test_admin_is_left_out_by_its_name_whatever_its_uuid(login: str, told: str) -> None:
    found = Found((entry("hans", "h", "1"), entry(login, "root@localhost", ADMIN.upper())))
    assert [one.login for one in accounts.people(found, told)] == ["hans"]


def test_sub_users_go_with_their_account() -> None:
    sub_user = Entry(f"uuid=3, uuid=1, {accounts.USERS}", {"login": ("1/eve",), "email": ("e",), "uuid": ("3",)})
    assert [one.login for one in accounts.people(Found((entry("hans", "h", "1"), sub_user)), ADMIN)] == ["hans"]


def below(rdn: str, kind: str, **values: str) -> Entry:
    dn = f"{rdn}, uuid={ADMIN}, {accounts.USERS}"
    return Entry(dn, {"objectclass": (kind,)} | {name: (value,) for name, value in values.items()})


def test_what_is_below_admin() -> None:
    found = Found((
        entry("admin", "a", ADMIN),
        below("fingerprint=aa:bb", "sdckey", name="laptop", fingerprint="aa:bb", openssh="ssh-rsa AAAA me"),
        Entry(f"uuid=3, uuid={ADMIN}, {accounts.USERS}", {"objectclass": ("sdcperson", "sdcaccountuser"), "login": (f"{ADMIN}/eve",)}),
        below("group-uuid=4", "sdcaccountrole", name="ops"),
        below("policy-uuid=5", "sdcaccountpolicy", name="deployers"),
        below("accesskeyid=6", "accesskey", accesskeyid="6"),
        below("what=7", "whatever"),
        below("amonprobe=8", "amonprobe", name="disk"),
        below("dclocalconfig=9", "dclocalconfig"),
    ))  # fmt: skip
    seen = accounts.belongings(found)
    assert (seen.count, seen.counts) == (
        8,
        dict.fromkeys(("access key", "entry", "key", "policy", "role", "sub-user"), 1),
    )
    assert [str(one) for one in seen.named] == [
        "access key '6'", "entry 'what=7'", "key 'laptop' (aa:bb)", "policy 'deployers'", "role 'ops'", "sub-user 'eve'",
    ]  # fmt: skip
    assert [one.public for one in seen.named if one.public] == ["ssh-rsa AAAA me"]


def test_what_is_saved_of_admin_is_measured_where_it_was_asked_whole() -> None:
    probe = below("amonprobe=8", "amonprobe", name="disk", config="x" * 1000)
    found = Found((entry("admin", "a", ADMIN), probe))
    assert accounts.belongings(found).size is None
    size = accounts.belongings(found, whole=True).size
    assert size is not None
    assert 1500 < size < 2200
    assert accounts.below(ADMIN, whole=True).attributes == ("*",)


def test_what_is_below_admin_is_named_up_to_a_number() -> None:
    many = tuple(below(f"policy-uuid={number}", "sdcaccountpolicy", name=str(number)) for number in range(50))
    seen = accounts.belongings(Found(many))
    assert (seen.count, seen.counts, len(seen.named)) == (50, {"policy": 50}, accounts.MOST)
    with pytest.raises(UnreadableError):
        accounts.belongings(Found(why="it broke off"))


def test_a_search_that_failed_is_no_empty_datacenter() -> None:
    with pytest.raises(UnreadableError):
        accounts.people(Found(why="it broke off"), ADMIN)
    with pytest.raises(UnreadableError):
        accounts.collisions((HANS,), [Found(why="it broke off")])


@pytest.mark.parametrize(
    ("theirs", "taken"),
    [
        (entry("hans", "other@example.com", "9"), ("login",)),
        (entry("other", "HANS@example.com", "9"), ("email",)),
        (entry("Hans", "hans@example.com", "1"), ("login", "email", "uuid")),
    ],
)
def test_who_collides_and_by_what(theirs: Entry, taken: tuple[str, ...]) -> None:
    found = accounts.collisions((HANS, INES), [Found((theirs,))])
    assert found == Collisions(1, (Collision(Account("1", "Hans"), taken),))


def test_an_address_is_not_taken_for_a_login() -> None:
    assert accounts.collisions((HANS,), [Found((entry("hans@example.com", "hans", "9"),))]).count == 0


def test_the_master_is_asked_for_them_alone_also_in_lower_case_and_harmlessly() -> None:
    everybody = [accounts.Person(f"u{number}", f"u{number}@x", str(number)) for number in range(5000)]
    searches = accounts.questions([*everybody, accounts.Person("A)(b*", "", "x\\00")])
    assert len(searches) == 101
    assert searches[-1].filter == r"(|(login=A\29\28b\2a)(login=a\29\28b\2a)(uuid=x\5c00))"
    assert "(login=u0)" in searches[0].filter
    assert "userpassword" not in searches[0].attributes


async def nothing_earlier() -> history.Earlier:
    return {}


def changed(dn: str, changes: object) -> Entry:
    told = changes if isinstance(changes, str) else json.dumps(changes)
    return Entry("changenumber=1, cn=changelog", {"targetdn": (dn,), "changes": (told,)})


def test_what_an_account_had_earlier_collides_too() -> None:
    dn = f"uuid=9, {accounts.USERS}"
    moved = {"operation": "replace", "modification": {"type": "email", "vals": ["Ines@example.com"]}}
    log = Found(
        (changed(dn, {"login": ["other"], "email": ["hans@Example.com"]}), changed(dn, [moved]), changed(dn, "{no"))
    )
    known = history.identities([log, Found((changed("cn=x, ou=groups, o=smartdc", {"login": ["ines"]}),))])
    assert known == {"login": {"other"}, "email": {"hans@example.com", "ines@example.com"}}
    found = accounts.collisions((HANS, INES), [Found()], known)
    assert [one.taken for one in found.first] == [("email, which an account of the master had earlier",)] * 2
    with pytest.raises(UnreadableError):
        history.identities([Found(why="it broke off")])


def test_the_whole_changelog_is_asked_for_in_stretches() -> None:
    asked = history.searches(2001)
    assert [each.filter for each in asked][::2] == [
        "(&(changenumber>=1)(changenumber<=1000))",
        "(&(changenumber>=2001)(changenumber<=3000))",
    ]


def meet(*, master: Found | None, candidate: bool = True) -> Collisions:
    """What a candidate learns if the master answers this, or (None) is dark."""

    async def everything() -> Collisions:
        meeting = accounts.Meeting(["c", "dark"])

        async def ask(_: Sequence[Search]) -> tuple[Found, ...]:
            assert master is not None
            return (master,)

        async def serve() -> None:
            if master is not None:
                await meeting.serve(ask, nothing_earlier)
            meeting.end("m", master=True)

        meeting.end("dark", master=False)
        people = (HANS,) if candidate else ()
        found, _ = await asyncio.gather(meeting.introduce("c", people), serve())
        return found

    async def bounded() -> Collisions:
        return await asyncio.wait_for(everything(), 60)

    return asyncio.run(bounded())


def test_candidate_and_master_meet_though_another_candidate_is_dark() -> None:
    assert meet(master=Found((entry("hans", "", "9"),))).count == 1
    assert meet(master=Found(), candidate=False).count == 0


def test_a_master_that_cannot_say_leaves_a_reason() -> None:
    for master, words in ((None, "did not say"), (Found(why="it broke off"), "it broke off")):
        with pytest.raises(UnansweredError, match=words):
            meet(master=master)
