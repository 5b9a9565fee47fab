"""FWAPI's rules, as text and in effect: a zone whose firewall is on drops what no rule lets in (facts: hazard 8)."""

from __future__ import annotations

import json

import pytest

from lab.agents import firewaller as firewall
from lab.plan.making import make_plan
from lab.plan.names import ADMIN_UUID
from lab.servers.fwapi import initial
from lab.servers.fwapi.rules import RuleError, parse
from tests.lab.operator import Operator
from tests.lab.test_core import operator  # noqa: F401  a fixture

pytestmark = pytest.mark.proof

PROBE = 'zlogin -Q $(sdc-vmname {zone}) "nc -z {address} {port}"'
THE_PLAN = make_plan()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("from any to all vms allow icmp type all", "FROM any TO all vms ALLOW icmp TYPE all"),
        ("FROM any TO all vms ALLOW icmp TYPE 8 CODE 0", "FROM any TO all vms ALLOW icmp TYPE 8 CODE 0"),
        (
            "FROM (tag b OR ip 10.9.9.9) TO tag smartdc_role = sapi ALLOW tcp (port 443 and port 80)",
            'FROM (ip 10.9.9.9 OR tag "b") TO tag "smartdc_role" = "sapi" ALLOW tcp (PORT 80 AND PORT 443)',
        ),
        ("FROM any TO tag x BLOCK udp PORTS 1-20, 53", 'FROM any TO tag "x" BLOCK udp PORTS 1 - 20, 53'),
        ("FROM any TO tag x ALLOW tcp PORT all PRIORITY 7", 'FROM any TO tag "x" ALLOW tcp PORT all PRIORITY 7'),
    ],
)
def test_a_rule_is_kept_in_fwapis_own_words(given: str, kept: str) -> None:
    assert parse(given).text == kept
    assert parse(kept).text == kept


@pytest.mark.parametrize(
    "given",
    ["", "FROM any", "FROM any TO ip 10.0.0.1 ALLOW tcp PORT 80", "FROM any TO tag x ALLOW tcp PORT 70000",
     "FROM subnet 10.0.0.1/8 TO tag x ALLOW tcp PORT 1", "FROM any TO tag x ALLOW tcp PORT 80 80"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(given: str) -> None:
    with pytest.raises(RuleError):
        parse(given)


def test_default_rules_let_the_local_admin_network_in_and_nobody_else() -> None:
    datacenter = THE_PLAN.datacenters[0]
    rules, sapi = initial.default_rules(datacenter), datacenter.zone("sapi")
    let_in = firewall.allowed(rules, sapi, datacenter.zones)
    assert let_in == {(protocol, "10.1.1.0/24", 1, firewall.LAST_PORT) for protocol in ("tcp", "udp")}
    assert all(rule["rule"] == parse(rule["rule"]).text for rule in rules)


def test_who_is_let_in() -> None:
    datacenter = THE_PLAN.datacenters[0]
    sapi = datacenter.zone("sapi")
    rule = {"enabled": True, "owner_uuid": ADMIN_UUID, "uuid": "x"}

    def let_in(text: str, **changed: object) -> set[str]:
        return {each[1] for each in firewall.allowed([{**rule, "rule": text, **changed}], sapi, datacenter.zones)}

    text = "FROM tag smartdc_role = ufds TO tag smartdc_role = sapi ALLOW tcp PORT 80"
    assert let_in(text) == {"10.1.1.29/32", "10.1.2.29/32"}
    assert let_in(text.replace("ALLOW", "BLOCK")) == set()
    assert let_in(text, enabled=False) == set()
    assert let_in(text, owner_uuid="10000000-0000-4000-8000-000000000001") == set()
    assert let_in(f"FROM any TO vm {sapi.uuid} ALLOW tcp PORT 80") == {"0.0.0.0/0"}
    assert let_in("FROM all vms TO any ALLOW tcp PORT 80") == set()


def test_the_higher_priority_goes_first_and_at_the_same_one_the_allow() -> None:
    datacenter = THE_PLAN.datacenters[0]
    texts = (
        "FROM any TO all vms ALLOW tcp PORT 80",
        "FROM ip 10.3.1.29 TO all vms BLOCK tcp PORT 80",
        "FROM subnet 10.3.1.0/24 TO all vms BLOCK tcp PORT 80 PRIORITY 1",
        "FROM ip 10.3.1.30 TO all vms ALLOW tcp PORT 80 PRIORITY 1",
        "FROM any TO all vms BLOCK tcp PORT 80 PRIORITY 100",
    )
    rules = [{"enabled": True, "owner_uuid": ADMIN_UUID, "uuid": text, "rule": text} for text in texts]
    kernel = firewall.lines(rules, datacenter.zone("sapi"), datacenter.zones, on=True)
    ordered = sorted((int(line.split()[1]), line.split(" from ")[-1]) for line in kernel if " from " in line)
    assert [line for _, line in ordered] == [
        "0.0.0.0/0 ipproto tcp dport 80-80 blackhole",
        "10.3.1.30/32 ipproto tcp dport 80-80 lookup local",
        "10.3.1.0/24 ipproto tcp dport 80-80 blackhole",
        "0.0.0.0/0 ipproto tcp dport 80-80 lookup local",
        "10.3.1.29/32 ipproto tcp dport 80-80 blackhole",
    ]
    assert all(0 < pref < 450 for pref, _ in ordered)


def reaches(operator: Operator, datacenter: str, zone: str, address: str, port: int) -> bool:  # noqa: F811
    """Whether a connection from a zone is accepted. Half a second is long here."""
    probe = f"(echo > /dev/tcp/{address}/{port}) & sleep 0.5; kill -9 $! 2>/dev/null; wait $! 2>/dev/null"
    code, said = operator.on(datacenter, f'zlogin -Q $(sdc-vmname {zone}) "{probe.replace("$", chr(92) + "$")}"')
    assert code in (0, 137), said  # 137: still connecting when it was killed, as when packets are dropped
    return code == 0


def test_other_datacenters_are_dropped_and_a_rule_opens_the_way(operator: Operator) -> None:  # noqa: F811
    assert reaches(operator, "my-dc-3", "napi", "10.3.1.32", 80)
    assert not reaches(operator, "my-dc-1", "napi", "10.3.1.32", 80)
    assert operator.on("my-dc-1", 'zlogin -Q $(sdc-vmname napi) "ping 10.3.1.32 2"') == (0, "10.3.1.32 is alive\n")
    assert reaches(operator, "my-dc-1", "sapi", "10.3.1.11", 53)  # no firewall there, and answers find their way back
    rule = {"enabled": True, "owner_uuid": ADMIN_UUID, "description": "peers",
            "rule": "FROM subnet 10.1.1.0/24 TO tag smartdc_role = sapi ALLOW tcp PORT 80"}  # fmt: skip
    code, said = operator.on("my-dc-3", f"sdc-fwapi /rules -X POST -d '{json.dumps(rule)}'")
    assert code == 0
    assert said.startswith("HTTP/1.1 202")
    uuid = json.loads(said[said.index("{") :])["uuid"]
    operator.lab("settle")
    assert reaches(operator, "my-dc-1", "napi", "10.3.1.32", 80)
    assert not reaches(operator, "my-dc-2", "napi", "10.3.1.32", 80)
    assert operator.on("my-dc-3", f"sdc-fwapi /rules/{uuid} -X DELETE")[1].startswith("HTTP/1.1 204")
    operator.lab("settle")
    assert not reaches(operator, "my-dc-1", "napi", "10.3.1.32", 80)


def test_without_firewaller_a_rule_is_only_written_down(operator: Operator) -> None:  # noqa: F811
    assert operator.on("my-dc-2", "svcadm disable firewaller")[0] == 0
    rule = {"enabled": True, "owner_uuid": ADMIN_UUID, "rule": "FROM any TO tag smartdc_role ALLOW tcp PORT 80"}
    assert operator.on("my-dc-2", f"sdc-fwapi /rules -X POST -d '{json.dumps(rule)}'")[0] == 0
    operator.lab("settle")
    assert not reaches(operator, "my-dc-1", "napi", "10.2.1.32", 80)
    assert operator.on("my-dc-2", "svcadm enable firewaller")[0] == 0
    operator.lab("settle")
    assert reaches(operator, "my-dc-1", "napi", "10.2.1.32", 80)


def test_firewall_enabled_decides(operator: Operator) -> None:  # noqa: F811
    assert reaches(operator, "my-dc-3", "napi", "10.1.1.11", 53)
    switch = "echo '{{\"firewall_enabled\": {}}}' | vmadm update $(sdc-vmname binder)"
    assert operator.on("my-dc-1", switch.format("true"))[0] == 0
    operator.lab("settle")
    assert not reaches(operator, "my-dc-3", "napi", "10.1.1.11", 53)
    assert reaches(operator, "my-dc-1", "napi", "10.1.1.11", 53)
    assert operator.on("my-dc-1", switch.format("false"))[0] == 0
    operator.lab("settle")
    assert reaches(operator, "my-dc-3", "napi", "10.1.1.11", 53)


def test_fwapi_says_what_is_wrong_with_a_rule(operator: Operator) -> None:  # noqa: F811
    code, said = operator.on("my-dc-1", 'sdc-fwapi /rules -X POST -d \'{"global": true, "rule": "FROM"}\' | json -H')
    assert code == 0
    assert json.loads(said)["code"] == "InvalidParameters"
    assert json.loads(operator.on("my-dc-1", "sdc-fwapi --no-headers /rules")[1])[0]["global"] is True
