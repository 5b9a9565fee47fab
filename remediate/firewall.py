"""Chapter: firewalls.  A rule in FWAPI for those who have to come in; the firewall of UFDS on, and no door for everybody."""

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
from remediate import typed
from remediate.durable import destination
from remediate.lookup import headnode
from remediate.napi import is_destination
from remediate.registry import Advised, remedy
from remediate.shell import compact, quote
from remediate.steps import DISRUPTIVE, SAFE, Note, Step

UFDS = 636
Dropped = tuple[Link, str, tuple[str, ...]]


@remedy("firewall-lets-peers-in")
def let_peers_in(target: Zone) -> Advised:
    """One rule for each protocol: whole admin networks, since a zone that is provisioned anew has another address."""
    found, unknown = shut_out(target)
    yield from rules_for(target, found)
    if found:
        yield Note(
            "The agent firewaller takes the rule to the zone. If it does not: svcs firewaller, on the head node of "
            f"{target.datacenter.name}."
        )
    if unknown is not None:
        yield Note(f"Not known of all who have to come in: {unknown}.")


def rules_for(target: Zone, found: Mapping[str, Dropped]) -> Iterable[Step | Note]:
    """The rules in FWAPI that let in what is dropped."""
    wanted: dict[str, set[str]] = defaultdict(set)
    ports: dict[str, set[int]] = defaultdict(set)
    for link, address, dropped in found.values():
        for each in dropped:
            protocol, _, port = each.partition("/")
            net = destination(address, link.source.datacenter)
            if not is_destination(net):
                yield Note(f"No rule is given for {link.source.id}: its address, {net}, is no IPv4 address.")
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
    body = compact({"description": said, "enabled": True, "owner_uuid": owner, "rule": rule, "uuid": uuid})
    return Step(
        on=headnode(target.datacenter),
        run=f"[[ $(sdc-fwapi /rules/{uuid} | json -H uuid) == {uuid} ]] ||\n"
        f"    sdc-fwapi /rules -X POST -d {quote(body)}\n{_is(uuid, enabled=True)}",
        risk=SAFE,
        why=f"the firewall of {target.alias} is on, and no rule lets these in; Triton's own know the local admin network "
        f"only. It holds for every {target.role} zone of {target.datacenter.name}",
        undo=f"sdc-fwapi /rules/{uuid} -X DELETE",
        undo_note="this rule alone, by the uuid that the step gives it",
    )


def _is(uuid: str, *, enabled: bool) -> str:
    """Whether FWAPI has it so: `sdc-fwapi` itself ends well whatever FWAPI says."""
    return (
        f"[[ $(sdc-fwapi /rules/{uuid} | json -H enabled) == {compact(enabled)} ]] ||\n"
        "    { echo 'FWAPI does not have the rule so.' >&2; false; }"
    )


def _switch(uuid: str, *, enabled: bool) -> str:
    """Switches a rule on or off."""
    return f"sdc-fwapi /rules/{uuid} -X PUT -d {quote(compact({'enabled': enabled}))}\n{_is(uuid, enabled=enabled)}"


def _several(parts: list[str], word: str) -> str:
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"


@remedy("ufds-is-not-open")
def close_ufds(datacenter: Datacenter) -> Advised:
    """First those who must come in get a rule, then the firewall goes on, then the doors for everybody are closed."""
    for ufds in datacenter.zones("ufds"):
        if all(nic.nic_tag == "admin" for nic in ufds.vm.nics):
            continue
        everybody = anybody(ufds.rules, ufds.vm, "tcp", UFDS)
        shut, unknown = _without_a_rule(ufds, {rule.uuid for rule in everybody})
        yield from rules_for(ufds, shut)
        if unknown is not None:
            yield Note(
                f"No door of {ufds.id} is closed now, for somebody who has to come in may have no other: it is not known from which "
                f"address he comes ({unknown})."
            )
            continue
        if not ufds.vm.firewall_enabled:
            uuid = typed.uuid(ufds.vm.uuid)
            yield Step(
                on=headnode(datacenter),
                run=f"vmadm update {uuid} <<< {quote(compact({'firewall_enabled': True}))}",
                risk=DISRUPTIVE,
                why=f"the firewall of {ufds.alias} is off. From now on only those come in whom a rule names: the local admin "
                "network, and those of the rules for ufds",
                undo=f"vmadm update {uuid} <<< {quote(compact({'firewall_enabled': False}))}",
            )
        for rule in everybody:
            if not is_uuid(rule.uuid):
                yield Note(f"FWAPI calls the rule {rule.rule!r} {rule.uuid!r}, which is no uuid: no command is given.")
                continue
            yield Step(
                on=headnode(datacenter),
                run=_switch(rule.uuid, enabled=False),
                risk=DISRUPTIVE,
                why=f"lets everybody reach {ufds.alias}: {rule.rule}. If it is meant for other zones too, write one for those",
                undo=_switch(rule.uuid, enabled=True),
            )
        yield Note("Whoever else has to reach UFDS from outside (operators with ldapsearch) needs a rule of his own.")


def _without_a_rule(ufds: Zone, besides: set[str]) -> tuple[dict[str, Dropped], Missing | None]:
    """Who has to reach this UFDS, and would be dropped without the rules that let in everybody; and of whom it is not known."""
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
