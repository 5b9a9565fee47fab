"""What sdc-ufds-m2s would take away, on evidence without servers: what is a finding, of what severity, and what is advised."""

from __future__ import annotations

from typing import Any

import pytest

from evidence.accounts import KEY, POLICY, SUB_USER, Belonging, Belongings
from evidence.headnode import LACKING, MORE, OTHERWISE, UNFIT, CopyDifference, Room, UsbKey, UsbkeyCopy
from evidence.model import Directory, Key
from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, PASSED, WARNING, Result
from evidence.subjects.world import World
from remediate.registry import advice_for
from remediate.steps import OPENS, OVERWRITES
from tests.judging import check_functions, results
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate
from verdict.judge import Cause

DC, MASTER = "my-dc-3", "my-dc-2"
SAVES, COPY, ADMIN = (
    "candidate-can-save-what-is-deleted",
    "candidate-usbkey-copy-is-current",
    "candidate-admin-has-nothing-to-lose",
)
UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
PRINT = "15:07:b5:d4:f7:dc:4a:58:14:51:38:62:c7:40:b7:55"
LAPTOP = Belonging(
    KEY,
    "ops laptop",
    f"fingerprint={PRINT}, uuid={UUID}, ou=users, o=smartdc",
    PRINT,
    "ssh-rsa AAAAB3NzaC1yc2E= ops-laptop",
)
DEPLOYERS = Belonging(POLICY, "deployers", f"policy-uuid=1, uuid={UUID}, ou=users, o=smartdc")
EVE = Belonging(SUB_USER, "eve", f"uuid=2, uuid={UUID}, ou=users, o=smartdc")
EVES = Belonging(
    KEY,
    "eve's",
    f"fingerprint={PRINT}, uuid=2, uuid={UUID}, ou=users, o=smartdc",
    PRINT,
    "ssh-rsa AAAAB3NzaC1yc2E= eve",
)


def row(world: World, check: str) -> Result:
    check_functions()
    (found,) = (each for each in results(world) if (each.check, each.subject) == (check, DC))
    return found


def has(*named: Belonging, count: int | None = None, more: int = 0) -> World:
    """A candidate whose admin has these, and so many more that are not named."""
    counts: dict[str, int] = {}
    for one in named:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    counts["entry"] = more
    held = Belongings(len(named) if count is None else count, counts, named)
    return s.changed_zone(with_candidate(), DC, "ufds0", belongings=s.fact(held))


def told(**facts: Any) -> World:
    return s.changed(with_candidate(), DC, **{key: s.fact(value) for key, value in facts.items()})


@pytest.mark.parametrize(
    ("room", "outcome"),
    [
        (Room((), 100_000), PASSED),
        (Room((), 100), FAILED),
        (Room(("/var/tmp",), 100_000), FAILED),
        (Room(("/var/tmp/restore.ldif",), None), FAILED),
        (Room(), BLOCKED),
    ],
)
def test_it_must_be_able_to_save(room: Room, outcome: str) -> None:
    found = row(told(m2s_room=room), SAVES)
    assert (found.outcome, found.severity) == (outcome, CRITICAL)
    assert "/var/tmp" in found.observed or outcome == PASSED


@pytest.mark.parametrize(
    ("size", "free", "outcome"), [(100_000, 2_000, PASSED), (1_000_000, 2_000, FAILED), (0, 900, FAILED)]
)
def test_it_must_have_room_for_what_it_saves_twice(size: int, free: int, outcome: str) -> None:
    held = s.fact(Belongings(900, {}, (), size))
    world = s.changed_zone(told(m2s_room=Room((), free)), DC, "ufds0", belongings=held)
    assert row(world, SAVES).outcome == outcome


MOUNTED, UNMOUNTED = UsbKey("mounted", ok=True, devices=1), UsbKey("not mounted", ok=False, devices=1)
AT = "/mnt/usbkey/config"
OLD, MISSING = CopyDifference("region_name", OTHERWISE, "my-dc", "old"), CopyDifference("x_pw", LACKING)


@pytest.mark.parametrize(
    ("copy", "mount", "outcome", "severity", "said"),
    [
        (UsbkeyCopy(AT), UNMOUNTED, PASSED, CRITICAL, ""),
        (UsbkeyCopy(AT, (OLD, MISSING)), UNMOUNTED, FAILED, CRITICAL, "region_name is old, not my-dc; lacks x_pw"),
        (UsbkeyCopy(AT, (CopyDifference("x_pw", OTHERWISE),)), MOUNTED, FAILED, CRITICAL, "x_pw is another value"),
        (UsbkeyCopy(AT, (CopyDifference("x", MORE),)), MOUNTED, FAILED, WARNING, "has x, which /usbkey/config has not"),
        (UsbkeyCopy(AT, (CopyDifference("", UNFIT), CopyDifference("x", MORE))), MOUNTED, FAILED, CRITICAL, "no settings"),
        (UsbkeyCopy(), MOUNTED, FAILED, CRITICAL, "has no /mnt/usbkey/config"),
        (UsbkeyCopy(), UNMOUNTED, BLOCKED, CRITICAL, "not mounted"),
    ],
)  # fmt: skip
def test_the_keys_copy_must_be_current(copy: UsbkeyCopy, mount: UsbKey, outcome: str, severity: str, said: str) -> None:
    found = row(told(usbkey_copy=copy, usbkey_mount=mount), COPY)
    assert (found.outcome, found.severity) == (outcome, severity)
    assert said in found.observed


def test_a_key_that_is_not_mounted_gets_a_step_that_mounts_it() -> None:
    world = told(usbkey_copy=UsbkeyCopy(), usbkey_mount=UNMOUNTED)
    (step,) = advice_for(Cause(row(world, COPY)), world).steps
    assert (step.run, step.undo, step.applied_by_suite) == ("sdc-usbkey mount", "sdc-usbkey unmount", False)


def test_an_old_copy_gets_a_step_by_hand_and_the_question_which_is_right() -> None:
    world = told(usbkey_copy=UsbkeyCopy(AT, (OLD,)))
    advice = advice_for(Cause(row(world, COPY)), world)
    (step,) = advice.steps
    assert (step.risk, step.applied_by_suite) == (OVERWRITES, False)
    assert any("which of the two is right" in note for note in advice.notes)


@pytest.mark.parametrize(
    ("world", "outcome", "severity", "said"),
    [
        (has(), PASSED, CRITICAL, ""),
        (has(count=999), PASSED, CRITICAL, ""),
        (has(count=1000), FAILED, CRITICAL, "1000; none of them is lost"),
        (has(LAPTOP, DEPLOYERS), FAILED, WARNING, f"key 'ops laptop' ({PRINT}), policy 'deployers'"),
        (has(EVE), FAILED, WARNING, "sub-user 'eve'"),
        (has(more=3, count=3), FAILED, WARNING, "3 more"),
        (has(EVE, count=7), FAILED, WARNING, "; 6 more, probes and the like, are saved and loaded again"),
    ],
)
def test_what_is_lost_is_named(world: World, outcome: str, severity: str, said: str) -> None:
    found = row(world, ADMIN)
    assert (found.outcome, found.severity) == (outcome, severity)
    assert said in found.observed


@pytest.mark.parametrize("setting", ["SDC_KEY_ID", "ufds_admin_key_fingerprint"])
def test_the_head_nodes_own_keys_come_back(setting: str) -> None:
    assert row(s.changed_metadata(has(LAPTOP), DC, **{setting: f"MD5:{PRINT}"}), ADMIN).outcome == PASSED


def test_what_the_masters_admin_has_comes_back() -> None:
    world = s.changed_zone(has(LAPTOP), MASTER, "ufds0", directory=s.fact(Directory(1, keys=(Key(PRINT, "laptop"),))))
    assert row(world, ADMIN).outcome == PASSED
    assert (
        row(s.changed_zone(has(LAPTOP), MASTER, "ufds0", directory=s.missing("", "", "", "dark")), ADMIN).outcome
        == BLOCKED
    )


def test_a_key_is_copied_and_given_to_the_masters_admin_and_the_rest_is_told() -> None:
    world = has(LAPTOP, DEPLOYERS, EVE, EVES)
    advice = advice_for(Cause(row(world, ADMIN)), world)
    copy, key = advice.steps
    assert f"-b 'uuid={UUID}, ou=users, o=smartdc'" in copy.run
    assert (key.on, key.risk, key.applied_by_suite) == ("my-dc-2.global", OPENS, False)
    assert "'ssh-rsa AAAAB3NzaC1yc2E= ops-laptop'" in key.run
    assert "-n 'ops laptop' admin" in key.run
    assert any("policies first" in note for note in advice.notes)
    assert any("Sub-users have passwords" in note for note in advice.notes)


@pytest.mark.parametrize("check", [SAVES, COPY, ADMIN])
def test_older_evidence_says_nothing(check: str) -> None:
    world = s.changed(with_candidate(), DC, m2s_room=None, usbkey_copy=None)
    found = row(s.changed_zone(world, DC, "ufds0", belongings=None), check)
    assert found.outcome == "not_applicable"
    assert "collected by a version" in found.reason
