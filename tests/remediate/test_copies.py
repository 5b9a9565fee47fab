"""Following what is printed never loses the only copy of something: not if typed twice, in two rounds, or by an undo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.accounts import Account, Accounts, Collisions
from evidence.comparison import EXTRA, Comparison, EntryDifference
from evidence.model import Configuration, SapiObject
from evidence.subjects.claims import judged
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from remediate.registry import advice_for
from remediate.steps import DESTROYS, Step
from tests.recording import recorded
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate
from tests.remediate.pretend import HeadNode
from tests.remediate.test_remedies import poseidon_twice

DC = "my-dc-3"
USERS = "ou=users, o=smartdc"
NAMED = 20
"""How many accounts evidence names: evidence.collect.accounts.MOST."""
POSEIDON = "22222222-2222-4222-8222-222222222222"
MANTA = "77777777-0000-4000-8000-000000000007"
SERVICE = "88888888-0000-4000-8000-000000000008"


def account(number: int) -> Account:
    return Account(f"99999999-0000-4000-8000-{number:012d}", f"user{number}")


def entry(dn: str, *lines: str) -> str:
    return "\n".join((f"dn: {dn}", "objectclass: sdcperson", *lines))


def person(one: Account) -> list[str]:
    base = f"uuid={one.uuid}, {USERS}"
    return [entry(base, f"login: {one.login}"), entry(f"fingerprint=aa:bb, {base}", "openssh: ssh-rsa AAAA")]


@pytest.fixture
def node(tmp_path: Path) -> HeadNode:
    return HeadNode(tmp_path)


def plan(check: str, subject: str, world: World) -> tuple[Step, Step]:
    """The step that copies, and the one that deletes."""
    steps = advice_for(s.cause(check, subject), world).steps
    (gone,) = (step for step in steps if step.risk == DESTROYS)
    return steps[0], gone


def candidate(*there: Account) -> tuple[Step, Step]:
    world = s.changed_zone(
        with_candidate(DC),
        DC,
        "ufds0",
        accounts=s.fact(Accounts(len(there), there[:NAMED])),
        collisions=s.fact(Collisions(0)),
    )
    return plan("candidate-has-no-accounts-to-lose", DC, world)


def poseidon() -> tuple[Step, Step]:
    return plan("one-poseidon", "coupling", poseidon_twice(s.healthy()))


def extra(dn: str, login: str = "") -> World:
    seen = Comparison(9, 0, 1, 0, (EntryDifference(dn, EXTRA, login=login),))
    return s.changed_zone(s.healthy(), DC, "ufds0", comparison=s.fact(seen))


ALL = [account(number) for number in range(25)]
OURS = [entry(USERS), entry(f"uuid={ADMIN_UUID}, {USERS}", "login: admin")]


def test_over_two_rounds_every_account_is_in_a_copy(node: HeadNode) -> None:
    node.has(*OURS, *(block for one in ALL for block in person(one)))
    for there in (ALL, ALL[NAMED:]):
        copy, gone = candidate(*there)
        assert node.type(copy.run).returncode == 0
        done = node.type(gone.run)
        assert done.returncode == 0, done.stderr
    assert node.dns() == [USERS, f"uuid={ADMIN_UUID}, {USERS}"]
    copies = list(node.kept().values())
    for one in ALL:
        for block in person(one):
            assert any(block.encode() in copy for copy in copies), block


@pytest.mark.parametrize("ways", [candidate, poseidon], ids=["candidate", "poseidon"])
@pytest.mark.parametrize("mode", ["dead", "empty", "cut"])
def test_pasted_again_when_ufds_is_ill_the_copy_stays(node: HeadNode, ways: object, mode: str) -> None:
    one = ALL[0] if ways is candidate else Account(POSEIDON, "poseidon")
    copy, gone = candidate(one) if ways is candidate else poseidon()
    node.has(*OURS, *person(one))
    assert node.type(copy.run).returncode == 0
    before = node.kept()
    assert len(before) == 1
    node.ldap(mode)
    assert node.type(copy.run).returncode != 0, "no copy was made, and it must be said"
    assert node.kept() == before
    assert node.type(gone.run).returncode != 0
    assert (node.root / "deleted").read_text() == ""
    node.ldap("")
    assert node.type(gone.run).returncode == 0
    assert node.dns() == [USERS, f"uuid={ADMIN_UUID}, {USERS}"]
    node.type(copy.run)
    node.type(gone.run)
    assert before.items() <= node.kept().items()


def test_a_copy_writes_over_nothing_within_the_same_second(node: HeadNode) -> None:
    (node.root / "tick").write_text("0")
    copy, _ = poseidon()
    node.has(*OURS, *person(Account(POSEIDON, "poseidon")))
    assert node.type(copy.run).returncode == 0
    before = node.kept()
    node.has(*OURS, entry(f"uuid={POSEIDON}, {USERS}", "login: poseidon"))
    assert node.type(copy.run).returncode != 0
    assert node.kept() == before


def test_a_copy_is_for_root_alone_and_lies_where_it_stays(node: HeadNode) -> None:
    copy, _ = poseidon()
    node.has(*person(Account(POSEIDON, "poseidon")))
    said = node.type(copy.run).stdout
    (file,) = node.copies.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"{file}: 2 entries" in said, "it says where it is"


def test_nothing_is_deleted_that_is_in_no_copy(node: HeadNode) -> None:
    copy, gone = poseidon()
    blocks = [*OURS, *person(Account(POSEIDON, "poseidon"))]
    node.has(*blocks)
    assert node.type(gone.run).returncode != 0, "no copy at all"
    assert node.type(copy.run).returncode == 0
    key = entry(f"fingerprint=cc:dd, uuid={POSEIDON}, {USERS}")
    node.has(*blocks, key)
    done = node.type(gone.run)
    assert done.returncode != 0
    assert "it stays" in done.stderr
    assert (node.root / "deleted").read_text() == ""
    assert node.type(copy.run).returncode == 0
    assert node.type(gone.run).returncode == 0


def test_children_go_first_and_gone_is_gone(node: HeadNode) -> None:
    copy, gone = poseidon()
    node.has(*OURS, *person(Account(POSEIDON, "poseidon")))
    node.type(copy.run)
    assert node.type(gone.run).returncode == 0
    base = f"uuid={POSEIDON}, {USERS}"
    assert (node.root / "deleted").read_text() == f"fingerprint=aa:bb, {base}\n{base}\n"
    again = node.type(gone.run)
    assert (again.returncode, "is gone already" in again.stdout) == (0, True)


def test_admin_stays_whatever_its_uuid_is_when_the_command_is_typed(node: HeadNode) -> None:
    copy, gone = poseidon()
    node.has(*OURS, *person(Account(POSEIDON, "Admin")))
    assert node.type(copy.run).returncode == 0
    assert node.type(gone.run).returncode != 0
    assert f"uuid={POSEIDON}, {USERS}" in node.dns()


def test_the_undo_of_a_copy_is_to_keep_it() -> None:
    dn = f"uuid={POSEIDON}, {USERS}"
    left = s.changed(s.healthy(), DC, leftovers=s.fact(("/var/tmp/backup.ldif", "/var/tmp/restore.ldif")))
    for copy, _ in (
        candidate(ALL[0]),
        poseidon(),
        plan("directory-entries-agree", DC, extra(dn)),
        plan("no-password-left-behind", DC, left),
    ):
        assert copy.undo == ""
        assert "keep it" in copy.undo_note


class TestFiles:
    LEFT = s.changed(s.healthy(), DC, leftovers=s.fact(("/var/tmp/backup.ldif", "/var/tmp/restore.ldif")))

    def test_what_m2s_left_goes_only_where_a_copy_is_the_same(self, node: HeadNode) -> None:
        copy, gone = plan("no-password-left-behind", DC, self.LEFT)
        for name in ("backup", "restore"):
            (node.root / f"var/tmp/{name}.ldif").write_text(f"dn: {name}\n")
        assert node.type(gone.run).returncode != 0
        assert len(list((node.root / "var/tmp").iterdir())) == 2
        assert node.type(copy.run).returncode == 0
        (node.root / "var/tmp/backup.ldif").write_text("dn: another round\n")
        assert node.type(gone.run).returncode != 0
        assert (node.root / "var/tmp/backup.ldif").exists()
        assert node.type(copy.run).returncode == 0
        assert node.type(gone.run).returncode == 0
        assert list((node.root / "var/tmp").iterdir()) == []
        assert sorted(node.kept().values()) == [
            b"dn: another round\n",
            b"dn: backup\n",
            b"dn: restore\n",
            b"dn: restore\n",
        ]
        assert node.type(gone.run).returncode == 0

    def test_a_second_m2s_does_not_cost_the_copy_of_the_first(self, node: HeadNode) -> None:
        world = s.changed(with_candidate(DC), DC, leftovers=s.fact(("/var/tmp/backup.ldif",)))
        steps = advice_for(s.cause("candidate-is-still-whole", DC), world).steps
        for text in ("dn: all of it\n", "dn: what was left\n"):
            (node.root / "var/tmp/backup.ldif").write_text(text)
            assert node.type(steps[0].run).returncode == 0
            node.type(steps[0].undo)
        assert sorted(node.kept("*").values()) == [b"dn: all of it\n", b"dn: what was left\n"]

    def test_a_copy_that_cannot_be_made_is_said(self, node: HeadNode) -> None:
        copy, _ = plan("no-password-left-behind", DC, self.LEFT)
        done = node.type(copy.run)
        assert done.returncode != 0
        assert node.kept() == {}

    def test_probes_that_were_loaded_stay_in_a_copy(self, node: HeadNode) -> None:
        left = s.changed(s.healthy(), DC, leftovers=s.fact(("/var/tmp/restore.ldif",)))
        steps = advice_for(s.cause("amon-probes-are-back", DC), left).steps
        (node.root / "var/tmp/restore.ldif").write_text("dn: probe\n")
        for step in steps[1:]:
            assert node.type(step.run).returncode == 0
        assert list(node.kept().values()) == [b"dn: probe\n"]

    def test_settings_that_are_no_json_are_kept_and_good_ones_are_left_alone(self, node: HeadNode) -> None:
        bad = s.changed(s.healthy(), DC, check_health="sdcadm's answer is no JSON")
        (step,) = advice_for(s.cause("health-commands-answer", DC), bad).steps
        conf = node.root / "var/sdcadm/sdcadm.conf"
        conf.write_text('{"good": 1}')
        assert node.type(step.run).returncode == 0
        assert conf.exists()
        for text in ("{first", "{second"):
            conf.write_text(text)
            assert node.type(step.run).returncode == 0
            assert not conf.exists()
        conf.write_text("new")
        node.type(step.undo)
        assert conf.read_text() == "new", "the undo writes over nothing"
        conf.unlink()
        node.type(step.undo)
        assert conf.read_text() == "{second"
        assert {b"{first", b"{second"} <= {path.read_bytes() for path in node.root.rglob("sdcadm.conf*")}

    def test_without_the_tool_json_no_file_goes(self, node: HeadNode) -> None:
        bad = s.changed(s.healthy(), DC, check_health="sdcadm's answer is no JSON")
        (step,) = advice_for(s.cause("health-commands-answer", DC), bad).steps
        (node.root / "var/sdcadm/sdcadm.conf").write_text('{"good": 1}')
        (node.root / "bin/json").unlink()
        node.type(step.run)
        assert (node.root / "var/sdcadm/sdcadm.conf").exists()


class TestSapi:
    def step(self) -> Step:
        found = SapiObject(MANTA, "manta", Configuration({}), owner_uuid=POSEIDON)
        evidence = recorded("healthy-manta")
        world = s.changed(judged(evidence.inventory, evidence), DC, manta_applications=s.fact((found,)))
        for other in ("my-dc-1", "my-dc-2"):
            world = s.changed(world, other, manta_applications=s.fact(()))
        (step,) = advice_for(s.cause("one-manta-application", "my-dc"), world).steps
        return step

    def objects(self, node: HeadNode, *instances: dict[str, str]) -> dict[str, list[dict[str, str]]]:
        given = {
            "applications": [{"uuid": MANTA, "name": "manta"}],
            "services": [{"uuid": SERVICE, "application_uuid": MANTA, "name": "webapi"}],
            "instances": list(instances),
        }
        (node.root / "sapi.json").write_text(json.dumps(given))
        return given

    def left(self, node: HeadNode) -> object:
        return json.loads((node.root / "sapi.json").read_text())

    @pytest.mark.parametrize("kind", ["services", "instances"])
    @pytest.mark.parametrize(
        "said",
        [
            ("", 0),
            ("", 7),
            ("<html>", 0),
            ('{"code": "InternalError"}', 0),
            ("[", 0),
            ("[{}]", 0),
            ("[]", 7),
            ("[oops]", 0),
        ],
        ids=["nothing", "no-answer", "html", "error", "cut", "nameless", "empty-but-failed", "no-json"],
    )
    def test_no_answer_is_not_none(self, node: HeadNode, kind: str, said: tuple[str, int]) -> None:
        before = self.objects(node, {"uuid": ALL[0].uuid, "service_uuid": SERVICE})
        node.answers(**{kind: said})
        assert node.type(self.step().run).returncode != 0
        assert self.left(node) == before

    def test_what_has_instances_stays_whole(self, node: HeadNode) -> None:
        before = self.objects(node, {"uuid": ALL[0].uuid, "service_uuid": SERVICE})
        assert node.type(self.step().run).returncode != 0
        assert self.left(node) == before

    def test_what_has_none_goes_and_is_kept(self, node: HeadNode) -> None:
        before = self.objects(node)
        done = node.type(self.step().run)
        assert done.returncode == 0, done.stderr
        assert self.left(node) == {"applications": [], "services": [], "instances": []}
        kept = [json.loads(each) for each in node.kept().values()]
        assert sorted(kept, key=str) == sorted([*before["applications"], *before["services"]], key=str)


@pytest.mark.parametrize("why", ["dark", "owner"])
def test_a_poseidon_that_the_master_may_have_lost_is_not_deleted(why: str) -> None:
    """As far as is seen, only a replica has it: it may be the last one."""
    world = poseidon_twice(s.healthy())
    for dc in ("my-dc-1", "my-dc-2"):
        world = s.changed_zone(world, dc, "ufds0", poseidons=s.fact(()))
    cause = s.cause("one-poseidon", "coupling")
    assert [step for step in advice_for(cause, world).steps if step.risk == DESTROYS], (
        "made there, for all that is seen"
    )
    if why == "dark":
        world = s.changed(world, "my-dc-1", zones="dark")
    else:
        networks = world.datacenter("my-dc-2").networks
        owned = {key: replace(net, owner_uuids=(POSEIDON,)) for key, net in networks.items()}
        world = s.changed(world, "my-dc-2", networks=s.fact(owned))
    advice = advice_for(cause, world)
    assert [step for step in advice.steps if step.risk == DESTROYS] == []
    assert any("has lost" in note for note in advice.notes)


PROBE = "dn: amonprobe={}, uuid=1\nobjectclass: amonprobe\n\n"


@pytest.mark.parametrize(
    ("here", "copies", "loaded"),
    [
        (2, (), "/var/tmp/restore.ldif: 2"),
        (0, (3,), "20260101T000001Z: 3"),
        (2, (2,), "/var/tmp/restore.ldif: 2"),
        (None, (1, 3), "20260101T000002Z: 3"),
        (0, (), None),
        (None, (), None),
    ],
)
def test_the_probes_are_loaded_from_the_file_that_has_most(
    node: HeadNode, here: int | None, copies: tuple[int, ...], loaded: str | None
) -> None:
    """A second sdc-ufds-m2s writes over the file of the first, when there is nothing left below admin."""
    if here is not None:
        (node.root / "var/tmp/restore.ldif").write_text("".join(PROBE.format(number) for number in range(here)))
    node.has()
    node.copies.mkdir(exist_ok=True)
    for at, count in enumerate(copies, 1):
        name = f"restore.ldif.20260101T{at:06d}Z"
        (node.copies / name).write_text("".join(PROBE.format(number) for number in range(count)))
    run = advice_for(s.cause("amon-probes-are-back", "my-dc-1"), s.healthy()).steps[0].run
    done = node.type(run)
    assert (done.returncode == 0) == (loaded is not None), done.stderr
    if loaded is not None:
        assert done.stdout.strip().endswith(loaded)
