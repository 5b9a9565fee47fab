"""The output of head nodes is read; hostile output becomes a sentence, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from evidence.collect import health, parse, printed
from evidence.collect.parse import UnreadableError

VM = {
    "uuid": "c076731a-bd61-552d-934a-297b25182e09",
    "alias": "ufds0",
    "state": "running",
    "tags": {"smartdc_role": "ufds"},
    "nics": [{"ip": "10.3.1.29", "nic_tag": "admin", "primary": True}],
    "routes": {"10.2.2.29": "10.3.1.1"},
    "firewall_enabled": False,
    "customer_metadata": {"ufds_ldap_root_pw": "hidden"},
}
PARSERS: tuple[Callable[[str], object], ...] = (
    parse.sysinfo,
    parse.vms,
    health.check_health,
    health.healthcheck,
    parse.networks,
    printed.svcs,
)
HOSTILE = (
    "",
    "   ",
    "\0",
    "[",
    "{",
    "null",
    "1",
    '"x"',
    "true",
    "[1]",
    "[null]",
    "[[]]",
    '{"a": 1}',
    "NaN",
    "[Infinity]",
    "1" * 5000,
    "[" * 200_000,
    '{"a":' * 100_000,
    "\x1b[2J\x1b]0;x\x07",
    "<script>",
    '[{"uuid": {}}]',
    '[{"tags": []}]',
    '[{"tags": {"smartdc_role": "ufds"}}]',
    '[{"tags": {"smartdc_role": ["ufds"]}}]',
    '[{"name": 1, "uuid": 2}]',
    '[{"health_errors": 3}]',
    '[{"health_errors": [3]}]',
    '{"Boot Parameters": []}',
    '{"UUID": 5}',
    "a:b",
    "a:b:c:d:e",
    "online",
    "online 11:00:00 nonsense",
)


@pytest.mark.parametrize("reader", PARSERS)
def test_hostile_answers_become_sentences(reader: Callable[[str], object]) -> None:
    for text in HOSTILE:
        try:
            msgspec.json.encode(reader(text))
        except UnreadableError as error:
            assert str(error)
            assert len(str(error)) < 300
            assert "\x1b" not in str(error)


def test_half_a_surrogate_pair_can_be_stored() -> None:
    text = json.dumps([VM]).replace("running", "\\ud800")
    assert msgspec.json.encode(parse.vms(text).value["ufds0"])


def test_zones_are_read_without_what_may_be_secret() -> None:
    found = parse.vms(json.dumps([VM, {**VM, "tags": {}}, {**VM, "tags": {"smartdc_role": "hermes"}}])).value
    assert list(found) == ["ufds0"]
    assert found["ufds0"].address("external", "admin") == "10.3.1.29"
    assert found["ufds0"].routes == {"10.2.2.29": "10.3.1.1"}
    assert b"hidden" not in msgspec.json.encode(found)


def test_no_zone_vanishes_for_its_alias() -> None:
    other = {**VM, "uuid": "d076731a-bd61-552d-934a-297b25182e09"}
    strange = {**VM, "uuid": "e076731a-bd61-552d-934a-297b25182e09", "alias": "a b\x1b"}
    assert list(parse.vms(json.dumps([VM, other, strange])).value) == ["ufds0", "ufds-d076731a", "ufds-e076731a"]


def test_sysinfo_says_whether_it_is_a_head_node() -> None:
    text = json.dumps({"Boot Parameters": {"headnode": "true"}, "Datacenter Name": "my-dc-3", "UUID": "u"})
    assert parse.sysinfo(text).headnode
    assert parse.sysinfo(text).datacenter_name == "my-dc-3"
    assert not parse.sysinfo("{}").headnode
    assert parse.sysinfo("{}").datacenter_name is None


def test_services_in_transition_and_legacy_ones() -> None:
    text = (
        " online*       11:29:33 svc:/manta/application/binder:default\nlegacy_run     Nov_23   lrc:/etc/rc2_d/S20x\n"
    )
    (service,) = printed.svcs(text + "maintenance    2025     svc:/a:b\n").value[1:]
    assert service.state == "online"


def test_health_rows() -> None:
    rows = health.check_health(
        '[{"type": "vm", "service": "ufds", "healthy": false, "health_errors": [{"message": "no"}]}]'
    ).value
    assert rows[0].errors == ("no",)
    assert health.check_health('[{"service": "ur"}]').value[0].healthy is None
    assert health.healthcheck("ufds:running:-:online\n").value[0].status == "online"


def test_the_tags_that_rules_can_name_are_kept_as_rules_write_them() -> None:
    tags = {"smartdc_role": "ufds", "smartdc_type": "core", "n": 3, "yes": True, "odd": ["x"], "none": None}
    (vm,) = parse.vms(json.dumps([VM | {"tags": tags}])).value.values()
    assert vm.tags == {"smartdc_type": "core", "n": "3", "yes": "true"}
