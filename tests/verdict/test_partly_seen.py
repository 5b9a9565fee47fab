"""Checks on evidence that lacks something: what is seen is judged, and what is not never counts as passed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.accounts import Account
from evidence.spec import BLOCKED, FAILED, Result
from evidence.subjects import World
from fixtures.check import CHECKS
from remediate.registry import advice_for
from tests.judging import check_functions, results
from tests.remediate import synthetic as s
from verdict.judge import Cause, judge

OTHER = "22222222-2222-4222-8222-222222222222"
DARK = s.changed(s.healthy(), "my-dc-1", applications="timed out", networks="timed out", zones="timed out")


def row(world: World, check: str, subject: str) -> Result:
    check_functions()
    return next(each for each in results(world) if (each.check, each.subject) == (check, subject))


def second_poseidon(world: World) -> World:
    return s.changed_zone(world, "my-dc-3", "ufds0", poseidons=s.fact((Account(OTHER, "poseidon"),)))


def overlapping(world: World) -> World:
    networks = world.datacenter("my-dc-3").networks
    same = replace(networks["admin"], subnet=world.datacenter("my-dc-2").networks["admin"].subnet)
    return s.changed(world, "my-dc-3", networks=s.fact(networks | {"admin": same}))


WRONG = {
    "one-ufds-master": s.changed_metadata(DARK, "my-dc-3", ufds_is_master="true"),
    "one-poseidon": second_poseidon(DARK),
    "networks-do-not-overlap": overlapping(DARK),
}


@pytest.mark.parametrize("check", WRONG)
def test_a_dark_datacenter_does_not_hide_what_the_others_show(check: str) -> None:
    found = row(WRONG[check], check, "coupling")
    assert (found.outcome, "my-dc-3" in found.culprits, "my-dc-1" in found.culprits) == (FAILED, True, False)
    dark = Result("headnode-answers", "my-dc-1", "critical", FAILED)
    causes = {str(cause.name) for cause in judge([found, dark], CHECKS, WRONG[check]).causes}
    assert causes == {f"{check}[coupling]", "headnode-answers[my-dc-1]"}
    assert advice_for(Cause(found), WRONG[check]).notes or advice_for(Cause(found), WRONG[check]).steps


@pytest.mark.parametrize("check", WRONG)
def test_with_a_dark_datacenter_it_cannot_be_said_that_all_is_well(check: str) -> None:
    found = row(DARK, check, "coupling")
    assert (found.outcome, found.lacks.partition(".")[0]) == (BLOCKED, "my-dc-1")


@pytest.mark.parametrize("check", ["one-ufds-master", "one-poseidon"])
def test_the_remedy_comes_for_those_that_are_seen(check: str) -> None:
    advice = advice_for(Cause(row(WRONG[check], check, "coupling")), WRONG[check])
    assert {step.on for step in advice.steps} == {"my-dc-3.global"}
    assert any("my-dc-1" in note and "Not known" in note for note in advice.notes)


@pytest.mark.parametrize("subnet", ["", "10.2.1.0/99", None])
def test_a_network_that_cannot_be_read_is_not_disjoint(subnet: str | None) -> None:
    networks = dict(s.healthy().datacenter("my-dc-3").networks)
    admin = networks.pop("admin")
    if subnet is not None:
        networks["admin"] = replace(admin, subnet=subnet)
    world = s.changed(s.healthy(), "my-dc-3", networks=s.fact(networks))
    assert row(world, "networks-do-not-overlap", "coupling").outcome == BLOCKED
