"""The firewall rules that a datacenter begins with: Triton's own, and what its operators have added.  Pure data."""

from __future__ import annotations

from lab import fwapi, plan


def default_rules(datacenter: plan.Datacenter) -> list[fwapi.Rule]:
    """What sdc-headnode:scripts/headnode.sh set_default_fw_rules adds, and firewaller hands on to FWAPI."""
    local = f'FROM subnet {datacenter.admin_subnet} TO tag "smartdc_role" ALLOW'
    texts = (
        ("allow all ICMPv4 types", "FROM any TO all vms ALLOW icmp TYPE all", False),
        ("SDC zones: allow all UDP from admin net", f"{local} udp PORT all", True),
        ("SDC zones: allow all TCP from admin net", f"{local} tcp PORT all", True),
        ("allow all ICMPv6 types", "FROM any TO all vms ALLOW icmp6 TYPE all", False),
    )
    return [
        {"description": said, "enabled": True, "log": False, "rule": rule, "version": "1753000000000.000001",
         "uuid": plan.made_uuid(datacenter.name, "fwrule", said)}
        | ({"owner_uuid": plan.ADMIN_UUID} if owned else {"global": True})
        for said, rule, owned in texts
    ]  # fmt: skip


def ufds_rule(the_plan: plan.Plan, datacenter: plan.Datacenter) -> fwapi.Rule:
    """What the operators have added when they secured UFDS, which has an external NIC: the coupling, and themselves."""
    peers = [dc.admin_subnet for dc in the_plan.datacenters if dc != datacenter]
    sources = " OR ".join([f"ip {plan.OPERATOR_ADDRESS}", *(f"subnet {each}" for each in peers)])
    said = "ufds: the other datacenters, and the operators"
    return {
        "description": said, "enabled": True, "log": False, "version": "1753000000001.000001",
        "rule": fwapi.parse(f"FROM ({sources}) TO tag smartdc_role = ufds ALLOW tcp PORT 636").text,
        "uuid": plan.made_uuid(datacenter.name, "fwrule", said), "owner_uuid": plan.ADMIN_UUID,
    }  # fmt: skip


def initial_rules(the_plan: plan.Plan, datacenter: plan.Datacenter) -> list[fwapi.Rule]:
    return [*default_rules(datacenter), ufds_rule(the_plan, datacenter)]
