"""Chapter: firewalls.  Rules in FWAPI let in the zones that must come in.  The firewall of UFDS is on and not open to everybody."""

from __future__ import annotations

import uuid as uuids
from collections import defaultdict
from collections.abc import Iterable, Mapping

from evidence.fact import Missing, graver
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import Link, links_to
from evidence.subjects.network.firewall import anybody
from evidence.subjects.network.paths import dropped_by, shut_out
from evidence.subjects.network.routes import source_address
from evidence.subjects.triton import ADMIN_UUID, MANTA_ROLES, is_uuid
from evidence.subjects.zone import Zone
from remediate.actions.fwapi import FirewallSwitch, MadeRule
from remediate.actions.vm import VmFirewall
from remediate.durable import destination
from remediate.lookup import headnode
from remediate.registry import Advised, remedy
from remediate.steps import DISRUPTIVE, OPENS, Note, Step, acting
from remediate.typed import NotOfTheFormError, refusal

UFDS = 636
Dropped = tuple[Link, str, tuple[str, ...]]


@remedy("firewall-lets-peers-in")
def let_peers_in(target: Zone) -> Advised:
    """Add one rule per protocol, for whole admin networks: a zone that is provisioned again has another address."""
    found, unknown = shut_out(target)
    yield from rules_for(target, found)
    if found:
        yield Note(
            "The agent firewaller brings the rule to the zone. If it does not, look at svcs firewaller on the head node of "
            f"{target.datacenter.name}."
        )
    if unknown is not None:
        yield Note(f"The suite does not know all zones that must come in: {unknown}.")


def rules_for(target: Zone, found: Mapping[str, Dropped]) -> Iterable[Step | Note]:
    """The rules in FWAPI that let in the packets that are dropped now."""
    wanted: dict[str, set[str]] = defaultdict(set)
    ports: dict[str, set[int]] = defaultdict(set)
    for link, address, dropped in found.values():
        for each in dropped:
            protocol, _, port = each.partition("/")
            try:
                net = destination(address, link.source.datacenter)
            except NotOfTheFormError as error:
                yield Note(f"No rule is given for {link.source.id}. {refusal(error, target.datacenter.world)}")
                continue
            wanted[protocol].add(f"subnet {net}" if "/" in net else f"ip {net}")
            ports[protocol].add(int(port))
    for protocol in sorted(wanted):
        yield _rule(target, protocol, sorted(wanted[protocol]), sorted(ports[protocol]))


def _rule(target: Zone, protocol: str, sources: list[str], ports: list[int]) -> Step:
    tag = "manta_role" if target.role in MANTA_ROLES else "smartdc_role"
    given = [f"PORT {port}" for port in ports]
    rule = f'FROM {_several(sources, "OR")} TO tag "{tag}" = "{target.role}" ALLOW {protocol} {_several(given, "AND")}'
    owner = target.vm.owner_uuid if is_uuid(target.vm.owner_uuid) else ADMIN_UUID
    said = f"{target.role}: other datacenters ({protocol})"
    uuid = str(uuids.uuid5(uuids.NAMESPACE_URL, f"{target.datacenter.name} {owner} {rule}"))
    return acting(
        headnode(target.datacenter),
        MadeRule(uuid, rule, owner, said),
        risk=OPENS,
        why=f"the firewall of {target.alias} is on, and no rule lets these zones in; Triton's own rules let in only the local "
        f"admin network. The rule holds for every {target.role} zone of {target.datacenter.name}",
        undo_note="deletes only this rule, by the uuid that the step gives it",
    )


def _several(parts: list[str], word: str) -> str:
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"


@remedy("ufds-is-not-open")
def close_ufds(datacenter: Datacenter) -> Advised:
    """First add rules for those who must come in, then turn the firewall on, then disable the rules that let everybody in."""
    for ufds in datacenter.zones("ufds"):
        if all(nic.nic_tag == "admin" for nic in ufds.vm.nics):
            continue
        everybody = anybody(ufds.rules, ufds.vm, "tcp", UFDS)
        shut, unknown = _without_a_rule(ufds, {rule.uuid for rule in everybody})
        yield from rules_for(ufds, shut)
        if unknown is not None:
            yield Note(
                f"No step closes {ufds.id} now: the suite does not know from which address somebody comes who must come in, and "
                f"that one may have no other rule ({unknown})."
            )
            continue
        if not ufds.vm.firewall_enabled:
            yield acting(
                headnode(datacenter),
                VmFirewall(ufds.vm.uuid, enabled=True),
                risk=DISRUPTIVE,
                why=f"the firewall of {ufds.alias} is off. After this step only those come in whom a rule names: the local admin "
                "network, and the sources of the rules for ufds",
            )
        for rule in everybody:
            if not is_uuid(rule.uuid):
                yield Note(
                    f"No command is given for the rule {rule.rule!r}: FWAPI calls it {rule.uuid!r}, which is no uuid."
                )
                continue
            yield acting(
                headnode(datacenter),
                FirewallSwitch(rule.uuid, enabled=False),
                risk=DISRUPTIVE,
                why=f"this rule lets everybody reach {ufds.alias}: {rule.rule}. If other zones need it, write a rule for those",
            )
        yield Note("Anybody else who must reach UFDS from outside (operators with ldapsearch) needs a rule.")


def _without_a_rule(ufds: Zone, besides: set[str]) -> tuple[dict[str, Dropped], Missing | None]:
    """The zones that must reach this UFDS and would be dropped without the rules for everybody, and why this is unknown of one."""
    found: dict[str, Dropped] = {}
    unknown = None
    kept = tuple(rule for rule in ufds.rules if rule.uuid not in besides)
    for link in links_to(ufds):
        try:
            address = source_address(link.source, link.host)
            dropped = dropped_by(ufds, link, address, kept)
        except Missing as missing:
            unknown = graver(unknown, missing)
            continue
        if dropped:
            found[link.source.id] = link, address, dropped
    return found, unknown
