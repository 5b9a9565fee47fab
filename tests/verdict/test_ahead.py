"""What a later step of sdc-ufds-m2s needs, on evidence without servers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.model import Directory, Registered, SapiObject
from evidence.subjects.spec import FAILED, NOT_APPLICABLE, PASSED, Result
from evidence.subjects.world import World
from remediate.registry import advice_for
from remediate.steps import DESTROYS
from tests.judging import check_functions, results
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate
from verdict.judge import Cause

DC, MASTER = "my-dc-3", "my-dc-2"
OTHER = "dddddddd-0000-4000-8000-00000000000d"
NAMES, EFFECT, REGISTERED = (
    "candidate-usbkey-names-what-is-deleted",
    "candidate-settings-take-effect",
    "candidate-can-be-registered",
)
BEFORE, MANTA, SAVED, TWICE = (
    "candidate-is-not-registered-yet",
    "candidate-has-no-manta",
    "candidate-has-no-saved-data-left",
    "one-sdc-application",
)


def row(world: World, check: str) -> Result:
    check_functions()
    (found,) = (each for each in results(world) if (each.check, each.subject) == (check, DC))
    return found


def steps(world: World, check: str) -> list[str]:
    return [step.run for step in advice_for(Cause(row(world, check)), world).steps]


def usbkey(**values: str) -> World:
    kept = with_candidate().datacenter(DC).usbkey
    prints = {key: value for key, value in values.items() if key.endswith("_pw")}
    shown = {key: value for key, value in values.items() if key not in prints}
    changed = replace(kept, values=kept.values | shown, fingerprints=kept.fingerprints | prints)
    return s.changed(with_candidate(), DC, usbkey=s.fact(changed))


@pytest.mark.parametrize("key", ["ufds_admin_uuid", "region_name", "ufds_domain", "ufds_ldap_root_pw"])
def test_what_is_deleted_is_named_rightly(key: str) -> None:
    assert row(with_candidate(), NAMES).outcome == PASSED
    world = usbkey(**{key: "other"})
    found = row(world, NAMES)
    assert found.outcome == FAILED
    assert f"{key}: " in found.observed
    assert (steps(world, NAMES) == []) == (key == "ufds_ldap_root_pw")


@pytest.mark.parametrize("value", ["true", "", "10.2.2.29"])
@pytest.mark.parametrize("service", ["ufds", "cloudapi"])
def test_no_service_hides_what_is_set(service: str, value: str) -> None:
    assert row(with_candidate(), EFFECT).outcome == PASSED
    world = s.changed_service(with_candidate(), DC, service, ufds_remote_ip=value)
    assert row(world, EFFECT).outcome == FAILED
    assert any('"action":"delete"' in run and "ufds_remote_ip" in run for run in steps(world, EFFECT))


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("10.3.1.11", PASSED), ("10.3.1.11,10.3.1.12", FAILED), ("", FAILED), (None, FAILED), ("10.3.1.11 ", FAILED)],
)
def test_one_resolver_can_be_registered(value: str | None, outcome: str) -> None:
    assert row(s.changed_metadata(with_candidate(), DC, binder_admin_ips=value), REGISTERED).outcome == outcome


def test_older_evidence_does_not_know_the_binders() -> None:
    world = s.changed(s.changed_metadata(with_candidate(), DC, binder_admin_ips=None), DC, m2s_room=None)
    assert row(world, REGISTERED).outcome == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        (None, PASSED),
        (Registered("my-dc", DC, True, ("10.3.1.11",)), PASSED),
        (Registered("my-dc", DC, True, ("10.99.1.11",)), FAILED),
        (Registered("my-dc", DC, True, ()), FAILED),
        (Registered("old", DC, True, ("10.3.1.11",)), FAILED),
        (Registered("my-dc", "my-dc-1", True, ("10.99.1.11",)), PASSED),
    ],
)
def test_a_registration_of_a_former_life(entry: Registered | None, outcome: str) -> None:
    held = Directory(1, datacenters=(entry,) if entry else ())
    world = s.changed_zone(with_candidate(), MASTER, "ufds0", directory=s.fact(held))
    assert row(world, BEFORE).outcome == outcome
    if outcome == FAILED and entry:
        copy, removal = advice_for(Cause(row(world, BEFORE)), world).steps
        assert (copy.on, removal.risk) == ("my-dc-2.global", DESTROYS)
        assert f"datacenter={DC}, region={entry.region}, o=smartdc" in removal.run


def test_a_manta_of_its_own() -> None:
    assert row(with_candidate(), MANTA).outcome == PASSED
    world = s.changed(with_candidate(), DC, manta_applications=s.fact((SapiObject(OTHER, "manta", owner_uuid=OTHER),)))
    assert row(world, MANTA).outcome == FAILED
    assert any(f"app={OTHER}" in run for run in steps(world, MANTA))
    assert row(s.changed(with_candidate(), DC, manta_applications=None), MANTA).outcome == NOT_APPLICABLE


def test_what_an_earlier_run_saved_is_put_aside() -> None:
    assert row(s.changed(with_candidate(), DC, leftovers=s.fact(("/tmp/fixufds",))), SAVED).outcome == PASSED
    world = s.changed(with_candidate(), DC, leftovers=s.fact(("/var/tmp/restore.ldif",)))
    assert row(world, SAVED).outcome == FAILED
    kept, removed = steps(world, SAVED)
    assert "cmp" in kept
    assert "cmp -s" in removed


def test_two_applications_sdc() -> None:
    world = with_candidate()
    assert row(world, TWICE).outcome == PASSED
    known = world.datacenter(DC).evidence.applications.get()
    world = s.changed(world, DC, applications=s.fact(known | {f"sdc {OTHER}": SapiObject(OTHER, "sdc")}))
    assert row(world, TWICE).outcome == FAILED
    assert any(f"app={OTHER}" in run for run in steps(world, TWICE))
