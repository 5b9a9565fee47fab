"""FWAPI's rules as the checks read them: who is let in from another datacenter."""

from __future__ import annotations

import pytest

from evidence.model import FirewallRule, Vm
from evidence.subjects.network.firewall import UnreadableRuleError, anybody, lets_in
from lab.plan.making import make_plan
from lab.servers.fwapi import initial

UFDS = Vm("4a9baf47-34ec-4a84-9af5-548e1036f4dc", "ufds0", "ufds", "running")
PEER = "10.3.1.29"


def rules(*texts: str) -> tuple[FirewallRule, ...]:
    return tuple(FirewallRule(str(number), text, True) for number, text in enumerate(texts))


@pytest.mark.parametrize(
    ("given", "let_in"),
    [
        ([], False),
        (["FROM any TO all vms ALLOW icmp TYPE all"], False),
        (['FROM subnet 10.2.1.0/24 TO tag "smartdc_role" ALLOW tcp PORT all'], False),
        (['FROM (ip 10.9.9.9 OR subnet 10.3.1.0/24) TO tag "smartdc_role" = "ufds" ALLOW tcp PORT 636'], True),
        (['FROM subnet 10.3.1.0/24 TO tag "smartdc_role" = "sapi" ALLOW tcp PORT 636'], False),
        (['FROM subnet 10.3.1.0/24 TO tag "manta_role" ALLOW tcp PORT 636'], False),
        (["FROM any TO vm 4a9baf47-34ec-4a84-9af5-548e1036f4dc ALLOW tcp (PORT 80 AND PORT 636)"], True),
        (["FROM any TO all vms ALLOW tcp PORTS 1 - 100, 600-700"], True),
        (["FROM any TO all vms ALLOW udp PORT 636"], False),
        (["FROM any TO all vms BLOCK tcp PORT 636", f"FROM ip {PEER} TO all vms ALLOW tcp PORT 636"], True),
        (["FROM any TO all vms BLOCK tcp PORT all PRIORITY 5", f"FROM ip {PEER} TO all vms ALLOW tcp PORT 636"], False),
        (["FROM tag smartdc_role TO all vms ALLOW tcp PORT 636"], False),
        (['FROM any TO tag "a to = (allow)" ALLOW tcp PORT 636'], True),
    ],
)
def test_who_is_let_in(given: list[str], let_in: bool) -> None:
    assert lets_in(rules(*given), UFDS, PEER, "tcp", 636) is let_in


def test_a_rule_that_is_switched_off_lets_nobody_in() -> None:
    off = FirewallRule("x", "FROM any TO all vms ALLOW tcp PORT 636", False)
    assert not lets_in([off], UFDS, PEER, "tcp", 636)
    assert anybody([off], UFDS, "tcp", 636) == ()


@pytest.mark.parametrize(
    "given", ["", "FROM", "FROM any TO", "FROM any TO all vms ALLOW tcp PORT", "FROM any TO x ALLOW tcp PORT 1",
              "FROM any TO all vms ALLOW tcp PORT " + "1" * 30 + "!", '"' * 9000, "FROM any TO all vms ALLOW tcp PORTS 1-" * 500]
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_no_pass(given: str) -> None:
    with pytest.raises(UnreadableRuleError):
        lets_in(rules(given), UFDS, PEER, "tcp", 636)
    assert lets_in(rules(given, "FROM any TO all vms ALLOW tcp PORT 636"), UFDS, PEER, "tcp", 636)


def test_the_labs_own_rules_are_understood() -> None:
    made = make_plan()
    own = [FirewallRule(rule["uuid"], rule["rule"], True) for rule in initial.initial_rules(made, made.datacenters[1])]
    assert [lets_in(own, UFDS, address, "tcp", 636) for address in ("10.2.1.2", PEER, "10.2.2.35")] == [
        True,
        True,
        False,
    ]
    assert anybody(own, UFDS, "tcp", 636) == ()


ANY = "FROM any TO all vms ALLOW tcp PORT 636"
TAGGED = Vm(UFDS.uuid, "ufds0", "ufds", "running", tags={"smartdc_type": "core", "purpose": "accounts"})


@pytest.mark.parametrize(
    ("given", "open_ones"),
    [
        ([ANY], {"0"}),
        ([ANY, "FROM any TO all vms BLOCK tcp PORT 636 PRIORITY 1"], set()),
        ([ANY, "FROM any TO all vms BLOCK tcp PORT all PRIORITY 1"], set()),
        ([ANY, "FROM subnet 0.0.0.0/0 TO all vms BLOCK tcp PORTS 600-700 PRIORITY 1"], set()),
        ([ANY, "FROM any TO all vms BLOCK tcp PORT 636"], {"0"}),  # at the same priority, ALLOW comes before BLOCK
        ([f"{ANY} PRIORITY 2", "FROM any TO all vms BLOCK tcp PORT 636 PRIORITY 1"], {"0"}),
        ([f"{ANY} PRIORITY 1", "FROM any TO all vms BLOCK tcp PORT 636 PRIORITY 1", ANY], {"0"}),
        ([ANY, "FROM any TO all vms BLOCK tcp PORT 443 PRIORITY 1"], {"0"}),
        ([ANY, "FROM any TO all vms BLOCK udp PORT 636 PRIORITY 1"], {"0"}),
        ([ANY, "FROM subnet 10.9.0.0/16 TO all vms BLOCK tcp PORT 636 PRIORITY 1"], {"0"}),  # some are not everybody
        ([ANY, 'FROM any TO tag "smartdc_role" = "sapi" BLOCK tcp PORT 636 PRIORITY 1'], {"0"}),
        (['FROM any TO tag "smartdc_role" = "sapi" ALLOW tcp PORT 636'], set()),
        (['FROM (any OR tag "smartdc_role" = "ufds") TO tag "www" ALLOW tcp PORT 636'], set()),
        (['FROM any TO (tag "www" OR tag "smartdc_role" = "ufds") ALLOW tcp PORT 636'], {"0"}),
        (['FROM any TO tag "purpose" ALLOW tcp PORT 636'], {"0"}),
        (['FROM any TO tag "purpose" = "accounts" ALLOW tcp PORT 636'], {"0"}),
        (['FROM any TO tag "purpose" = "web" ALLOW tcp PORT 636'], set()),
        (['FROM any TO tag "smartdc_type" = "core" ALLOW tcp PORT 636'], {"0"}),
        (["FROM any TO vm 4a9baf47-34ec-4a84-9af5-548e1036f4dd ALLOW tcp PORT 636"], set()),
    ],
)
def test_what_is_open_to_everybody(given: list[str], open_ones: set[str]) -> None:
    assert {rule.uuid for rule in anybody(rules(*given), TAGGED, "tcp", 636)} == open_ones


def test_a_block_that_is_switched_off_closes_nothing() -> None:
    off = FirewallRule("off", "FROM any TO all vms BLOCK tcp PORT 636 PRIORITY 9", False)
    assert anybody([*rules(ANY), off], TAGGED, "tcp", 636) == rules(ANY)


def test_another_tag_lets_nobody_in_where_the_tags_are_known() -> None:
    other = rules(f'FROM ip {PEER} TO tag "www" ALLOW tcp PORT 636')
    assert not lets_in(other, TAGGED, PEER, "tcp", 636)
    assert lets_in(other, UFDS, PEER, "tcp", 636)  # FWAPI lists it for the zone, and nobody asked for its tags
    assert anybody(rules('FROM any TO tag "www" ALLOW tcp PORT 636'), UFDS, "tcp", 636) == ()
