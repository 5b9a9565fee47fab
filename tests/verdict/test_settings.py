"""The form of settings in SAPI, at every level, and what a replicator asks for, on made-up evidence."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.model import Configuration
from evidence.subjects.replicated import unasked
from evidence.subjects.shapes import SHAPES
from evidence.subjects.spec import BLOCKED, FAILED, PASSED
from evidence.subjects.triton import REPLICATOR_CONFIG
from evidence.subjects.world import World
from lab.ufds import seed
from remediate.actions.wait import Rendered
from remediate.registry import advice_for
from tests.judging import verdict_on
from tests.remediate import synthetic as s
from tests.verdict.test_manta import application, found, manta

FORM = "settings-have-their-form"
LISTED = "CLOUDAPI_DATACENTERS"


def causes(world: World) -> list[str]:
    assert world.evidence is not None
    return sorted(str(cause.name) for cause in verdict_on(world.evidence).causes)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ufds_is_master", True),
        ("ufds_is_master", "false"),
        ("region_name", "EU.west_1"),
        ("dns_domain", "Srv.Example.COM."),
        ("ufds_admin_uuid", "930896AF-BF8C-48D4-885C-6573A94B1853"),
        (LISTED, {"my-dc-1": "https://cloudapi.example.com"}),
        (LISTED, '{"my-dc-1": "https://cloudapi.example.com"}\n'),
        ("CLOUDAPI_READONLY", False),
        ("DC_MAINT_MESSAGE", "Back at 10:00, don't worry"),
        ("admin_network", "10.0.0.0"),
        ("ufds_ldap_root_dn", "cn=root"),
    ],
)
def test_a_legal_value_has_its_form(key: str, value: Any) -> None:
    assert SHAPES[key].fits(value)


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("ufds_is_master", "False", "false"),
        ("ufds_is_master", 'false"', "false"),
        ("ufds_is_master", 0, "false"),
        ("region_name", "my-dc ", "my-dc"),
        ("region_name", 'my-"dc', "my-dc"),
        ("dns_domain", "srv.example.com\t", "srv.example.com"),
        ("sapi_domain", " sapi.my-dc-3.srv.example.com", "sapi.my-dc-3.srv.example.com"),
        ("sapi_domain", "sapi,my-dc-3", "sapi.my-dc-3.srv.example.com"),
        ("admin_network", "10.3.1.0 ", "10.3.1.0"),
    ],
)
def test_a_value_without_its_form_is_one_cause_and_mended(key: str, value: Any, right: Any) -> None:
    world = s.changed_metadata(s.healthy(), "my-dc-3", **{key: value})
    result = found(world, FORM, "my-dc-3")
    uuid = world.datacenter("my-dc-3").evidence.applications.get()["sdc"].uuid
    assert result.outcome == FAILED
    assert f"the application {uuid} (sdc) sets {key}: " in result.observed
    assert causes(world) == [f"{FORM}[my-dc-3]"]
    step = advice_for(s.cause(FORM, "my-dc-3"), world).steps[0]
    assert step.actions[0].wanted == {key: right}  # type: ignore[union-attr]


def test_a_list_that_is_no_json_is_a_cause_at_the_service_and_written_as_a_whole() -> None:
    world = s.changed_service(s.healthy(), "my-dc-3", "cloudapi", **{LISTED: "my-dc-3"})
    assert found(world, FORM, "my-dc-3").outcome == FAILED
    assert causes(world) == [f"{FORM}[my-dc-3]"]
    run = advice_for(s.cause(FORM, "my-dc-3"), world).steps[0].run
    assert all(f"https://cloudapi.my-dc-{number}." in run for number in (1, 2, 3))


def test_whatever_an_instance_has_is_told_as_that_alone() -> None:
    world = s.healthy()
    datacenter = world.datacenter("my-dc-3")
    zone, top = datacenter.zones("cloudapi")[0], datacenter.sdc_metadata
    merged = top.values | datacenter.service_metadata("cloudapi").values
    for key, value in (("DC_MAINT_MESSAGE", 'a "quote"'), ("ufds_is_master", "False")):
        settings = Configuration(merged | {key: value}, top.fingerprints)
        changed = s.changed_zone(world, "my-dc-3", zone.alias, settings=s.fact(settings))
        assert causes(changed) == [f"settings-are-not-overridden[{zone.id}]"]


@pytest.mark.parametrize("value", ["True", "true ", 1, "yes"])
def test_mantas_flags_at_the_master(value: Any) -> None:
    world = s.changed(manta(application(MUSKIE_MULTI_DC=value)), "my-dc-2", manta_services=s.fact(()))
    result = found(world, FORM, "my-dc-2")
    assert result.outcome == FAILED
    assert "MUSKIE_MULTI_DC" in result.observed
    assert f"{FORM}[my-dc-2]" in causes(world)
    assert "muskie-multi-dc-is-set[my-dc]" not in causes(world)


def test_values_that_cannot_be_seen_follow_from_sapi() -> None:
    world = s.changed(s.healthy(), "my-dc-3", applications="SAPI does not answer", services="SAPI does not answer")
    assert found(world, FORM, "my-dc-3").outcome == BLOCKED
    assert found(s.healthy(), FORM, "my-dc-3").outcome == PASSED


def test_every_query_of_the_template_is_needed() -> None:
    whole = seed.queries("my-dc")
    assert unasked(whole, "my-dc") == ()
    assert all(unasked([each for each in whole if each != left_out], "my-dc") for left_out in whole)
    assert unasked(whole, "another")
    older = [
        each.replace("(!(objectclass=vmusage))", "").replace("(!(objectclass=dclocalconfig))", "") for each in whole
    ]
    assert unasked(older, "my-dc") == ()


def test_a_replicator_that_leaves_something_out_is_told() -> None:
    world = s.healthy()
    ufds = world.datacenter("my-dc-3").zones("ufds")[0]
    file = ufds.file(REPLICATOR_CONFIG)
    fewer = [each for each in file.settings["remotes.0.queries"] if "groupofuniquenames" not in each]
    changed = replace(file, settings=file.settings | {"remotes.0.queries": fewer})
    world = s.changed_zone(world, "my-dc-3", ufds.alias, files=s.fact(ufds.files | {REPLICATOR_CONFIG: changed}))
    result = found(world, "replica-points-at-master", "my-dc-3")
    assert (result.outcome, "groupofuniquenames below ou=groups" in result.observed) == (FAILED, True), result.observed


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ({"datacenter_name": "my-dc-1"}, {"datacenter_name": "my-dc-3"}),
        ({"ufds_domain": "ufds.my-dc-1.srv.example.com"}, {"ufds_domain": "ufds.my-dc-3.srv.example.com"}),
        ({"ufds_domain": "ufds.ny-dc-3.srv.example.com"}, {"ufds_domain": "ufds.my-dc-3.srv.example.com"}),
        ({"ufds_domain": "ufds.my-dc-3.SRV.example.com"}, {"ufds_domain": "ufds.my-dc-3.srv.example.com"}),
        ({"datacenter_name": "MY-DC-3"}, {"datacenter_name": "my-dc-3"}),
    ],
)
def test_another_datacenters_names_are_told_and_put_right(values: dict[str, Any], right: dict[str, Any]) -> None:
    world = s.changed_metadata(s.healthy(), "my-dc-3", **values)
    assert causes(world) == ["datacenter-identity-agrees[my-dc-3]"]
    step = advice_for(s.cause("datacenter-identity-agrees", "my-dc-3"), world).steps[0]
    assert step.actions[0].wanted == right  # type: ignore[union-attr]
    waits = [each.value for one in advice_for(s.cause("datacenter-identity-agrees", "my-dc-3"), world).steps for each in one.actions
             if isinstance(each, Rendered)]  # fmt: skip
    assert waits == [value if key == "datacenter_name" else f"ldaps://{value}" for key, value in right.items()]


@pytest.mark.parametrize(
    "name", ["ufds.my-dc-3.srv.example.com.", "UFDS.my-dc-3.srv.example.com", "directory.example.com"]
)
def test_an_own_name_in_another_spelling_is_no_finding(name: str) -> None:
    world = s.changed_metadata(s.healthy(), "my-dc-3", ufds_domain=name)
    assert found(world, "datacenter-identity-agrees", "my-dc-3").outcome == PASSED


def test_an_address_in_a_list_is_a_wrong_form_and_no_wrong_way() -> None:
    """config-agent renders a list of one as the one, so everything works until somebody compares."""
    world = s.changed_metadata(s.healthy(), "my-dc-3", ufds_remote_ip=["10.2.2.29"])
    assert causes(world) == ["settings-have-their-form[my-dc-3]"]
    step = advice_for(s.cause("settings-have-their-form", "my-dc-3"), world).steps[0]
    assert step.actions[0].wanted == {"ufds_remote_ip": "10.2.2.29"}  # type: ignore[union-attr]
