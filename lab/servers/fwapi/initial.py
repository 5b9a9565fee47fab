"""The firewall rules that a datacenter begins with: Triton's own, and those that its operators have added. Pure data."""

from __future__ import annotations

from lab.plan.datacenters import Datacenter, Plan
from lab.plan.names import ADMIN_UUID, OPERATOR_ADDRESS, made_uuid
from lab.servers.fwapi.rules import Rule, parse


def default_rules(datacenter: Datacenter) -> list[Rule]:
    """The rules of sdc-headnode:scripts/headnode.sh set_default_fw_rules, which firewaller hands on to FWAPI."""
    local = f'FROM subnet {datacenter.admin_subnet} TO tag "smartdc_role" ALLOW'
    texts = (
        ("allow all ICMPv4 types", "FROM any TO all vms ALLOW icmp TYPE all", False),
        ("SDC zones: allow all UDP from admin net", f"{local} udp PORT all", True),
        ("SDC zones: allow all TCP from admin net", f"{local} tcp PORT all", True),
        ("allow all ICMPv6 types", "FROM any TO all vms ALLOW icmp6 TYPE all", False),
    )
    return [
        {"description": said, "enabled": True, "log": False, "rule": rule, "version": "1753000000000.000001",
         "uuid": made_uuid(datacenter.name, "fwrule", said)}
        | ({"owner_uuid": ADMIN_UUID} if owned else {"global": True})
        for said, rule, owned in texts
    ]  # fmt: skip


def ufds_rule(the_plan: Plan, datacenter: Datacenter) -> Rule:
    """The rules that the operators added when they secured UFDS, which has an external NIC: for the coupling, and for themselves."""
    peers = [dc.admin_subnet for dc in the_plan.datacenters if dc != datacenter]
    sources = " OR ".join([f"ip {OPERATOR_ADDRESS}", *(f"subnet {each}" for each in peers)])
    said = "ufds: the other datacenters, and the operators"
    return {
        "description": said, "enabled": True, "log": False, "version": "1753000000001.000001",
        "rule": parse(f"FROM ({sources}) TO tag smartdc_role = ufds ALLOW tcp PORT 636").text,
        "uuid": made_uuid(datacenter.name, "fwrule", said), "owner_uuid": ADMIN_UUID,
    }  # fmt: skip


def initial_rules(the_plan: Plan, datacenter: Datacenter) -> list[Rule]:
    return [*default_rules(datacenter), ufds_rule(the_plan, datacenter)]
