"""The remedies of replication and directories: the commands fit the evidence, with its values, quoted."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from evidence.accounts import Account
from evidence.comparison import DIFFERENT, EXTRA, MISSING, PASSWORD, Comparison, EntryDifference
from evidence.fact import missing
from evidence.inventory.model import Endpoint
from evidence.model import Change, Checkpoint, Directory, Progress, Registered, Service
from evidence.subjects.world import World
from lab.plan.names import ROOT_PASSWORD
from remediate.ldif import checkpoint_at
from remediate.registry import advice_for
from remediate.steps import DESTROYS, OPERATOR, OVERWRITES
from tests.remediate import synthetic as s

USERS = "ou=users, o=smartdc"
ADMIN = "930896af-bf8c-48d4-885c-6573a94b1853"
URL = "ldaps://10.2.2.29"
OWN = (
    f"uid={hashlib.md5(URL.encode(), usedforsecurity=False).hexdigest()}, cn=replicator, datacenter=my-dc-3, o=smartdc"
)
REPLICATOR = "svc:/smartdc/application/ufds-replicator:default"
CHILD = f"uuid=c, uuid=p, {USERS}"
EVIL = f"uuid=x'; reboot #, {USERS}"
OLD = "uid=old, cn=replicator, datacenter=my-dc-3, o=smartdc"
POSEIDON = "22222222-2222-4222-8222-222222222222"
W = s.healthy()


def ufds(datacenter: str, **facts: object) -> World:
    given = {name: s.fact(value) for name, value in facts.items()}
    return s.changed_zone(W, datacenter, "ufds0", **given)


def replicator(state: str, progress: Progress | None = None) -> World:
    return ufds("my-dc-3", services=(Service(REPLICATOR, state),), progress=progress or Progress(43, 44, 44))


def stuck(progress: Progress) -> World:
    return ufds("my-dc-3", progress=progress, directory=Directory(1, checkpoints=(Checkpoint(URL, 44, (), OWN),)))


def compared(*differences: EntryDifference) -> World:
    kinds = [each.kind for each in differences]
    missing, extra, different = (kinds.count(kind) for kind in (MISSING, EXTRA, DIFFERENT))
    return ufds("my-dc-3", comparison=Comparison(9, missing, extra, different, differences))


CASES: dict[str, tuple[str, str, World, str, str]] = {
    "password": ("master-password-is-known", "my-dc-3", W, OPERATOR, "opt/local/sbin; sapiadm update "),
    "disabled": ("replicator-runs", "my-dc-3", replicator("disabled"), "my-dc-3.global", f"enable -s {REPLICATOR}"),
    "maintenance": ("replicator-runs", "my-dc-3", replicator("maintenance"), "my-dc-3.global", f"clear {REPLICATOR}"),
    "conflict": (
        "replicator-runs", "my-dc-3", replicator("maintenance", Progress(44, 44, 44, conflict=f"uuid=x, {USERS}")), "my-dc-3.global",
        "-b 'uuid=x, ou=users, o=smartdc' -s sub",
    ),
    "checkpoints": (
        "replicator-has-one-checkpoint", "my-dc-3",
        ufds("my-dc-3", directory=Directory(1, checkpoints=(Checkpoint(URL, 44, (), OWN), Checkpoint(URL, 3, (), OLD)))),
        "my-dc-3.global", f"sdc-ldap delete '{OLD}'",
    ),
    "gap": (
        "replicator-moves", "my-dc-3", stuck(Progress(104, 44, 44, resumes=104)), "my-dc-3.global",
        "'replace: changenumber' 'changenumber: 104' | sdc-ldap modify ;;",
    ),
    "parent": (
        "replicator-moves", "my-dc-3", stuck(Progress(44, 44, 44, Change(44, CHILD, "add"), parentless=True)), OPERATOR,
        f"uuid=p, {USERS}",
    ),
    "otherwise": ("replicator-moves", "my-dc-3", stuck(Progress(44, 44, 44)), "my-dc-3.global", f"restart {REPLICATOR}"),
    "operators": (
        "admin-and-operators-are-there", "my-dc-3", ufds("my-dc-3", directory=Directory(1, admin=True, readers=True)),
        "my-dc-2.global", "-b 'cn=operators, ou=groups, o=smartdc' -s base '(objectclass=*)' uniquemember",
    ),
    "missing": (
        "directory-entries-agree", "my-dc-3", compared(EntryDifference(f"uuid=a, {USERS}", MISSING)), "my-dc-2.global",
        f"-b 'uuid=a, {USERS}' -s base '(objectclass=*)' objectclass",
    ),
    "different": (
        "directory-entries-agree", "my-dc-3", compared(EntryDifference(f"uuid=a, {USERS}", DIFFERENT, ("email",))),
        "my-dc-2.global", "replace: email",
    ),
    "extra": (
        "directory-entries-agree", "my-dc-3", compared(EntryDifference(f"uuid=x, {USERS}", EXTRA)), "my-dc-3.global",
        "while read -r dn; do sdc-ldap delete",
    ),
    "registered": (
        "datacenters-are-registered", "my-dc",
        ufds("my-dc-2", directory=Directory(1, regions=("my-dc",), datacenters=(
            Registered("my-dc", "my-dc-1", True, ("10.1.1.11",)), Registered("my-dc", "my-dc-2", True, ("10.2.1.11",)),
        ))),
        "my-dc-2.global", "'dn: ip=10.3.1.11, network=admin, datacenter=my-dc-3, region=my-dc, o=smartdc'",
    ),
    "key": ("replica-key-is-known-to-master", "my-dc-3", W, "my-dc-2.global", "sdc-useradm add-key -n 'my-dc-3 sdc key' admin"),
    "probes": ("amon-probes-are-back", "my-dc-3", W, "my-dc-3.global", "in /var/tmp/restore.ldif /var/az-copies/restore.ldif.*Z; do"),
    "poseidon": (
        "poseidon-is-operator", "my-dc-2",
        ufds("my-dc-2", poseidons=(Account(POSEIDON, "poseidon"),), directory=Directory(1, operators=(ADMIN,))),
        "my-dc-2.global", f"'add: uniquemember' 'uniquemember: uuid={POSEIDON}, {USERS}' | sdc-ldap modify",
    ),
    "schema": ("ufds-schema-is-not-older", "my-dc-3", W, "my-dc-3.global", "sdcadm update ufds"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_remedy_gives_the_command(name: str) -> None:
    check, subject, world, on, command = CASES[name]
    advice = advice_for(s.cause(check, subject), world)
    assert not [note for note in advice.notes if "broke" in note or note.startswith("Not known")]
    assert command in "\n".join(step.run for step in advice.steps if step.on == on)
    for step in advice.steps:
        assert step.proof
        for text in filter(None, (step.run, step.undo)):
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_what_only_a_replica_has_is_never_deleted_by_the_suite() -> None:
    world = compared(
        EntryDifference(f"uuid=a, {USERS}", EXTRA), EntryDifference(f"fingerprint=f, uuid=a, {USERS}", EXTRA)
    )
    steps = advice_for(s.cause("directory-entries-agree", "my-dc-3"), world).steps
    assert [step.risk for step in steps].count(DESTROYS) == 1, "what is below goes with it"
    assert not any(step.applied_by_suite for step in steps)


@pytest.mark.parametrize(
    ("dn", "login"),
    [
        (f"uuid={ADMIN}, {USERS}", ""),
        (f"UUID={ADMIN.upper()}, {USERS}", ""),
        (f"uuid={POSEIDON}, {USERS}", "admin"),
        (f"uuid={POSEIDON}, {USERS}", "Admin"),
        (USERS, ""),
    ],
)
def test_what_is_extra_and_admin_or_above_it_is_never_deleted(dn: str, login: str) -> None:
    below = f"fingerprint=f, uuid={POSEIDON}, uuid={ADMIN}, {USERS}"
    world = compared(
        EntryDifference(dn, EXTRA, login=login), EntryDifference(f"uuid=a, uuid={POSEIDON}, ou=x, o=smartdc", EXTRA)
    )
    advice = advice_for(s.cause("directory-entries-agree", "my-dc-3"), world)
    (gone,) = (step for step in advice.steps if step.risk == DESTROYS)
    assert dn not in gone.run
    assert any("admin is below it. No step deletes it" in note for note in advice.notes)
    if login:
        return
    stuck_at = replicator("maintenance", Progress(44, 44, 44, conflict=dn))
    steps = advice_for(s.cause("replicator-runs", "my-dc-3"), stuck_at).steps
    assert not [step for step in steps if step.risk == DESTROYS]
    beneath = advice_for(s.cause("directory-entries-agree", "my-dc-3"), compared(EntryDifference(below, EXTRA))).steps
    assert f"for base in '{below}'; do" in beneath[1].run, "what is below admin goes by its own DN"


def test_what_differs_in_nobody_knows_what_is_not_sent_again() -> None:
    """Directories that were listed apart: only digests were compared."""
    known = EntryDifference(f"uuid=a, {USERS}", DIFFERENT, ("email",))
    unknown = [EntryDifference(f"uuid={name}, {USERS}", DIFFERENT) for name in "bc"]
    for some in ([known, *unknown], [known, unknown[0]]):
        advice = advice_for(s.cause("directory-entries-agree", "my-dc-3"), compared(*some))
        (step,) = advice.steps
        assert f"uuid=a, {USERS}" in step.run
        assert not any(each.dn in step.run for each in unknown)
        (note,) = [note for note in advice.notes if "is not known: the directories were listed apart" in note]
        assert "az-checks compare REGION.yaml my-dc-2 my-dc-3" in note
        assert unknown[0].dn in note


@pytest.mark.parametrize(
    ("at", "code", "set_to"), [("44", 0, "changenumber: 104"), ("104", 0, ""), ("57", 1, ""), ("", 1, "")]
)
def test_a_checkpoint_is_set_only_from_where_it_was_seen(tmp_path: Path, at: str, code: int, set_to: str) -> None:
    """Typed by bash: pasted twice, or much later, it changes nothing; and says where the checkpoint is by then."""
    stub = tmp_path / "sdc-ldap"
    found = f"printf 'dn: x\\nchangenumber: {at}\\n\\n'" if at else "exit 32"
    stub.write_text(f'#!/bin/bash\nif [ "$1" = search ]; then {found}; else cat > {tmp_path}/changed; fi\n')
    stub.chmod(0o755)
    command = checkpoint_at(OWN, "44", "104")
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", command], env=path, capture_output=True, text=True, check=False)
    changed = (tmp_path / "changed").read_text() if (tmp_path / "changed").exists() else ""
    assert (done.returncode, set_to in changed, bool(changed)) == (code, True, bool(set_to))
    said = f"The checkpoint is at {at or 'no number'} now, and not at 44 any more: nothing was changed.\n"
    assert done.stderr == (said if code else "")


def test_many_entries_are_sent_again_by_one_step() -> None:
    lost = tuple(EntryDifference(f"uuid={number}, {USERS}", MISSING) for number in range(600))
    changed = tuple(EntryDifference(f"uuid=x{number}, {USERS}", DIFFERENT, ("email", "cn")) for number in range(50))
    steps = advice_for(s.cause("directory-entries-agree", "my-dc-3"), compared(*lost, *changed)).steps
    assert [(step.on, step.risk, step.run.count("uuid=")) for step in steps] == [
        ("my-dc-2.global", OVERWRITES, 600), ("my-dc-2.global", OVERWRITES, 50), ("my-dc-2.global", OVERWRITES, 50),
    ]  # fmt: skip
    assert [
        name in step.run
        for step, name in zip(steps, ("replace: objectclass", "replace: email", "replace: cn"), strict=True)
    ]
    assert all(step.applied_by_suite for step in steps)
    assert steps[0].actions[0].patience > 300


def test_many_passwords_are_one_sentence_and_many_deletions_are_not_printed_at_once() -> None:
    changed = tuple(EntryDifference(f"uuid=x{number}, {USERS}", DIFFERENT, (PASSWORD,)) for number in range(50))
    extra = tuple(EntryDifference(f"uuid={number}, {USERS}", EXTRA) for number in range(50))
    advice = advice_for(s.cause("directory-entries-agree", "my-dc-3"), compared(*changed, *extra))
    assert [step.risk for step in advice.steps].count(DESTROYS) == 20
    assert [note for note in advice.notes if "and 30 more is not the same" in note]
    assert [note for note in advice.notes if "more entries than those named here" in note]


def test_an_entry_that_is_not_of_the_form_costs_the_others_nothing() -> None:
    good = f"uuid=a, {USERS}"
    evil = ("email$((id)>/tmp/pwned)", "email")
    world = compared(
        EntryDifference(EVIL, EXTRA), EntryDifference(good, EXTRA), EntryDifference(EVIL, MISSING),
        EntryDifference(good, DIFFERENT, evil),
    )  # fmt: skip
    advice = advice_for(s.cause("directory-entries-agree", "my-dc-3"), world)
    typed = "\n".join(step.run + step.undo for step in advice.steps)
    assert "reboot" not in typed
    assert "pwned" not in typed
    assert "replace: email" in typed
    assert f"for base in '{good}'; do" in typed
    told = [note for note in advice.notes if note.startswith("No command is given here: ")]
    assert len(told) == 2, "one for the DN, one for the attribute"
    assert all("(from my-dc-3)" in note for note in told)


def test_a_checkpoint_that_is_none_is_not_deleted() -> None:
    lies = (Checkpoint(URL, 44, (), OWN), Checkpoint(URL, 3, (), f"uuid={ADMIN}, {USERS}"), Checkpoint(URL, 3, (), OLD))
    advice = advice_for(
        s.cause("replicator-has-one-checkpoint", "my-dc-3"), ufds("my-dc-3", directory=Directory(1, checkpoints=lies))
    )
    assert advice.steps[0].run == f"sdc-ldap delete '{OLD}'"
    assert ADMIN not in "".join(step.run for step in advice.steps)


@pytest.mark.parametrize("answer", ["", "null", "undefined", '""', "Error: no SAPI"])
def test_without_a_password_the_replica_is_not_asked(answer: str) -> None:
    (step, *_) = advice_for(s.cause("master-password-is-known", "my-dc-3"), W).steps
    stub = f"ssh() {{ [[ $1 == -n ]] && echo {shlex.quote(answer)} || echo CHANGED; }}\n"
    done = subprocess.run(["bash"], input=stub + step.run, text=True, capture_output=True, check=False)
    assert "CHANGED" not in done.stdout


def test_a_password_goes_through_whole() -> None:
    (step, *_) = advice_for(s.cause("master-password-is-known", "my-dc-3"), W).steps
    stub = "ssh() { [[ $1 == -n ]] && printf '%s\\n' '\"a\\\\b $x\"' || cat; }\n"
    done = subprocess.run(["bash"], input=stub + step.run, text=True, capture_output=True, check=False)
    assert done.stdout == '{"metadata":{"ufds_remote_ldap_root_pw":"a\\\\b $x"}}'


def test_no_password_is_printed() -> None:
    advice = advice_for(s.cause("master-password-is-known", "my-dc-3"), W)
    assert "metadata.ufds_ldap_root_pw" in advice.steps[0].run
    assert not [step for step in advice.steps if ROOT_PASSWORD in step.run + step.undo + step.why]


@pytest.mark.parametrize("check", ["replicator-is-caught-up", "master-changelog-has-no-gap"])
def test_where_no_command_helps_a_note_says_why(check: str) -> None:
    world = ufds("my-dc-3", progress=Progress(99, 44, 50))
    world = s.changed_zone(world, "my-dc-2", "ufds0", gaps=s.fact(((44, 103),)))
    advice = advice_for(s.cause(check, "my-dc-3"), world)
    assert not advice.steps
    assert advice.notes[0].startswith(
        ("The replicator of my-dc-3.ufds0 moves, with 50", "No command closes the gap from 44 to 103")
    )


def afar(progress: Progress) -> tuple[list[str], str]:
    """The steps and notes for a replica of which LDAP alone is seen: neither VM, SMF nor SAPI."""
    world = stuck(progress)
    declared = structs.replace(world.told.datacenters["my-dc-3"], headnode="", endpoints={"ufds": Endpoint("x", 636)})
    inventory = structs.replace(world.told, datacenters=world.told.datacenters | {"my-dc-3": declared})
    assert world.evidence is not None
    unseen = structs.replace(
        world.evidence.datacenters["my-dc-3"], applications=missing("my-dc-3", "SAPI's application sdc", "", "no SSH")
    )
    evidence = structs.replace(world.evidence, datacenters=world.evidence.datacenters | {"my-dc-3": unseen})
    advice = advice_for(s.cause("replicator-moves", "my-dc-3"), World(inventory, evidence))
    assert {step.on for step in advice.steps} <= {"my-dc-3.global"}
    assert not any(step.applied_by_suite for step in advice.steps), "there is no way to it"
    return [step.run for step in advice.steps], " ".join([*advice.notes, *(step.why for step in advice.steps)])


def test_without_ssh_a_gap_is_left_behind_by_somebody_there() -> None:
    ((run,), said) = afar(Progress(104, 44, 44, resumes=104))
    assert "no change from 44 to 103" in said
    assert "'changenumber: 104'" in run
    assert OWN in run
    assert run.endswith(f'svcadm -z "$ufds" restart {REPLICATOR}')


@pytest.mark.parametrize(
    ("progress", "starts", "said"),
    [
        (Progress(44, 44, 44, Change(44, CHILD, "add"), parentless=True), 0, f"lacks 'uuid=p, {USERS}'"),
        (Progress(44, 44, 44, Change(44, CHILD, "add"), conflict=f"uuid=x, {USERS}"), 1, "is in its way"),
        (Progress(44, 44, 44, Change(44, CHILD, "add")), 1, ""),
        (Progress(104, 44, 44), 1, ""),
    ],
)
def test_without_ssh_what_stands_still_is_explained(progress: Progress, starts: int, said: str) -> None:
    runs, notes = afar(progress)
    assert len(runs) == starts
    assert said in notes
    assert all("maintenance) verb=clear" in run for run in runs)


@pytest.mark.parametrize(
    ("state", "typed"), [("online", "restart"), ("maintenance", "clear"), ("disabled", "enable"), ("offline", "")]
)
def test_a_replicator_is_started_by_its_state(state: str, typed: str) -> None:
    ((run,), _) = afar(Progress(44, 44, 44, Change(44, CHILD, "add")))
    tools = f'vmadm() {{ echo 1-2; }}; svcs() {{ [[ $3 == -x ]] || echo {state}; }}; svcadm() {{ echo "$@"; }}'
    done = subprocess.run(["bash", "-c", f"{tools}; {run}"], capture_output=True, text=True, check=False)
    assert done.stdout == (f"-z 1-2 {typed} {REPLICATOR}\n" if typed else "")
    assert (done.returncode == 0) is bool(typed)


def test_with_two_ufds_zones_nobody_guesses_which() -> None:
    ((run,), _) = afar(Progress(44, 44, 44, Change(44, CHILD, "add")))
    tools = "vmadm() { echo Requested a unique lookup >&2; return 1; }; svcadm() { echo started; }"
    done = subprocess.run(["bash", "-c", f"{tools}; {run}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
