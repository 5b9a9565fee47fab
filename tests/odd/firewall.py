"""Odd firewalls: rules that say nothing about the coupling, or say it in another way."""

from __future__ import annotations

from tests.odd.draft import Draft, Plain, fact
from tests.odd.registry import odd

SUBNETS = "(subnet 10.0.0.0/8 OR subnet 172.16.0.0/12 OR subnet 192.168.0.0/16 OR subnet 100.64.0.0/10 OR subnet 198.51.100.0/24)"


def _rules(zone: Plain) -> list[Plain]:
    found: list[Plain] = (zone.get("rules") or {}).get("value") or []
    return found


def _add(draft: Draft, *texts: str, role: str = "ufds", enabled: bool = True) -> bool:
    """Add rules to what FWAPI has for the zones of a role whose firewall is on."""
    for _, _, zone in draft.every_zone(role):
        if zone["vm"]["firewall_enabled"]:
            rules = [{"uuid": draft.uuid(), "rule": text, "enabled": enabled} for text in texts]
            zone["rules"]["value"] = [*_rules(zone), *rules]
            draft.random.shuffle(zone["rules"]["value"])
    return True


@odd
def rules_for_other_tags(draft: Draft) -> bool:
    """Rules open or close zones with other tags.

    Source: sdc-fwapi:docs/index.md ("Rules": tags).
    """
    return _add(
        draft,
        'FROM any TO tag "smartdc_role" = "cloudapi" ALLOW tcp PORT all',
        'FROM any TO (tag "www" OR tag "manta_role" = "loadbalancer") ALLOW tcp (PORT 80 AND PORT 443 AND PORT 636)',
        'FROM tag "www" TO tag "db" = "ufds" ALLOW tcp PORT 636',
        'FROM any TO tag "web" = "false" ALLOW tcp PORTS 1-1000',
        'FROM any TO tag "www" BLOCK tcp PORT all PRIORITY 90',
    )


@odd
def disabled_rules(draft: Draft) -> bool:
    """Rules that would open UFDS, or close it, are disabled.

    Source: sdc-fwapi:docs/index.md (enabled).
    """
    return _add(
        draft,
        'FROM any TO tag "smartdc_role" = "ufds" ALLOW tcp PORT 636',
        "FROM any TO all vms ALLOW tcp PORT all",
        "FROM any TO all vms BLOCK tcp PORT all PRIORITY 100",
        enabled=False,
    )


@odd
def blocked_by_priority(draft: Draft) -> bool:
    """A BLOCK of higher priority overrides a rule that opens UFDS, and ALLOWs for the peers override that.

    Source: fwrule's grammar (PRIORITY).
    """
    return _add(
        draft,
        'FROM any TO tag "smartdc_role" = "ufds" ALLOW tcp PORT 636',
        'FROM any TO tag "smartdc_role" BLOCK tcp PORT 636 PRIORITY 10',
        f'FROM {SUBNETS} TO tag "smartdc_role" = "ufds" ALLOW tcp PORT 636 PRIORITY 20',
    )


@odd
def blocked_at_the_same_priority(draft: Draft) -> bool:
    """Incoming ALLOW wins over BLOCK at the same priority, so a BLOCK for all changes nothing.

    Source: sdc-fwapi:docs/index.md ("Rules").
    """
    return _add(draft, "FROM any TO all vms BLOCK tcp PORT 636", 'FROM any TO tag "smartdc_role" BLOCK udp PORT all')


@odd
def rules_about_what_goes_out(draft: Draft) -> bool:
    """Rules are about what zones send.

    Source: sdc-fwapi:docs/index.md ("Default Policy": outbound is allowed).
    """
    return _add(
        draft,
        'FROM tag "smartdc_role" TO any BLOCK tcp PORT 25',
        "FROM all vms TO subnet 169.254.0.0/16 BLOCK tcp PORT all PRIORITY 5",
        'FROM (tag "smartdc_role" = "ufds" OR tag "www") TO (ip 192.0.2.1 OR ip 192.0.2.2) BLOCK udp PORT 123',
    )


@odd
def rules_written_otherwise(draft: Draft) -> bool:
    """Rules are written in capitals, with ranges and lists of ports, several targets, IPv6 and ICMP.

    Source: fwrule's grammar.
    """
    return _add(
        draft,
        "from subnet 10.0.0.0/8 to (TAG smartdc_role = ufds or Tag smartdc_role = sapi) allow TCP ( Port 636 and port 80 )",
        "FROM ip fd00::1 TO all vms ALLOW tcp PORT 22",
        "FROM any TO all vms ALLOW icmp TYPE 8 CODE 0",
        f"FROM {SUBNETS} TO all vms ALLOW tcp PORTS 600 - 700, 1024",
        'FROM any TO tag "x y" = "a \\"quoted\\" value" ALLOW tcp PORT 636',
    )


@odd
def firewalls_of_other_zones(draft: Draft) -> bool:
    """The firewalls of further zones are on, and rules let their peers in.

    Source: facts hazard 8; sdc-fwapi:docs/index.md.
    """
    for name, alias, zone in draft.every_zone("binder", "moray", "imgapi", "cloudapi"):
        if not zone["vm"]["server"]:
            zone["vm"]["firewall_enabled"] = True
            rule = {"uuid": draft.uuid(), "rule": f"FROM {SUBNETS} TO all vms ALLOW tcp PORT all", "enabled": True}
            udp = {"uuid": draft.uuid(), "rule": f"FROM {SUBNETS} TO all vms ALLOW udp PORT all", "enabled": True}
            zone["rules"] = fact(f"{name}.{alias}", [*_rules(zone), rule, udp])
    return True


@odd
def no_firewall_where_nothing_is_outside(draft: Draft) -> bool:
    """A replica's ufds has its NIC on admin alone, and no firewall.

    Source: facts hazard 8 (the firewall of ufds is off by default).
    """
    for name in draft.replicas:
        for zone in draft.zones(name, "ufds").values():
            zone["vm"]["nics"] = [nic for nic in zone["vm"]["nics"] if nic["nic_tag"] == "admin"]
            keep = draft.network(name, "admin")["routes"]
            zone["vm"]["routes"] = {to: via for to, via in zone["vm"]["routes"].items() if to in keep}
            zone["kernel"]["value"] = sorted([to, via] for to, via in zone["vm"]["routes"].items())
            zone["vm"]["firewall_enabled"], zone["rules"] = False, None
    return True
