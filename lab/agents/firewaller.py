"""The zones' firewalls: firewaller turns FWAPI's rules into rules of each zone's own kernel.

A zone whose firewall is on takes TCP and UDP only from sources that an enabled ALLOW names, unless a BLOCK of higher priority names them
too. A zone without firewall_enabled takes everything. ICMP always passes, because Triton's own rules let it in from anywhere (facts: hazard
8). So ping succeeds where TCP is dropped. Outgoing connections are never blocked.

Routing rules do it, because not every kernel has a packet filter. A packet that comes in over a NIC and is not allowed finds a black hole
before the zone's own addresses. Routing rules know no connections. So only ports below the ephemeral ones count, because answers to the
zone's own questions come to the ones above.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from lab.agents.agent import TIMEOUT, Agent
from lab.machine import namespaces
from lab.machine.machines import Machine, Site
from lab.plan.datacenters import Plan, Zone
from lab.plan.names import ADMIN_UUID
from lab.servers import http
from lab.servers.fwapi.initial import initial_rules
from lab.servers.fwapi.rules import HIGHEST, Rule, Target, is_meant, parse
from lab.servers.fwapi.server import PORT

LAST_PORT = 32767  # Linux takes ephemeral ports from 32768 on
ANYWHERE = "0.0.0.0/0"
OWN_ADDRESSES = ("rule add pref 500 lookup local", "rule del pref 0")  # behind the firewall's rules
FIREWALLER_PACE = 300.0


def _networks(source: Target, zones: Iterable[Zone]) -> list[str]:
    """The addresses that a source stands for. FWAPI knows only the VMs of its own datacenter."""
    kind, what, _ = source
    if what == "any" or kind in ("ip", "subnet"):
        return [ANYWHERE if what == "any" else what if "/" in what else f"{what}/32"]
    return [f"{nic.ip}/32" for zone in zones if is_meant(source, zone) for nic in zone.nics]


Effect = tuple[str, str, int, int]
"""Protocol, source, first and last port."""


def allowed(rules: Iterable[Rule], zone: Zone, zones: Sequence[Zone]) -> set[Effect]:
    """Everything that the rules let into a zone, unless a BLOCK of higher priority comes first."""
    return {effect for _, action, effect in effects(rules, zone, zones) if action == "allow"}


def effects(rules: Iterable[Rule], zone: Zone, zones: Sequence[Zone]) -> set[tuple[int, str, Effect]]:
    """Priority, action and effect of all rules for what comes into a zone."""
    found = set()
    for rule in rules:
        mine = rule.get("global") or rule.get("owner_uuid") == ADMIN_UUID
        parsed = parse(rule["rule"])
        if not (rule["enabled"] and mine):
            continue
        if not any(is_meant(target, zone) for target in parsed.targets):
            continue
        for network in {each for source in parsed.sources for each in _networks(source, zones) if ":" not in each}:
            found |= {
                (parsed.priority, parsed.action, (parsed.protocol, network, first, min(last, LAST_PORT)))
                for first, last in parsed.ports
                if first <= LAST_PORT
            }
    return found


def lines(rules: Iterable[Rule], zone: Zone, zones: Sequence[Zone], *, on: bool) -> set[str]:
    """The kernel's rules of a zone, each in the form that `ip rule add` takes."""
    if not on:
        return set()
    found = set()
    for nic in zone.nics:
        for priority, action, (protocol, network, first, last) in effects(rules, zone, zones):
            ports = f"ipproto {protocol} dport {first}-{last}"
            then = "lookup local" if action == "allow" else "blackhole"
            found.add(f"pref {_pref(priority, action, network)} iif {nic.interface} from {network} {ports} {then}")
        for protocol in ("tcp", "udp"):
            found.add(f"pref 450 iif {nic.interface} ipproto {protocol} dport 1-{LAST_PORT} blackhole")
    return found


def _pref(priority: int, action: str, network: str) -> int:
    """The order: higher priority first, and ALLOW first at the same one (smartos-live:src/fw, test/unit/priority.test.js).

    If two rules have the same pref, the kernel takes one that is from anywhere for the same. So these get prefs of their own.
    """
    return 4 * (HIGHEST - priority) + 2 * (action == "block") + (network != ANYWHERE) + 1


def initial(the_plan: Plan) -> dict[str, list[str]]:
    """The commands for each firewalled zone's namespace when it is made, by the zone's id."""
    made = {}
    for datacenter in the_plan.datacenters:
        zones, rules = datacenter.zones, initial_rules(the_plan, datacenter)
        for zone in zones:
            if zone.firewall_enabled:
                wanted = sorted(lines(rules, zone, zones, on=True))
                made[zone.id] = [*OWN_ADDRESSES, *(f"rule add {line}" for line in wanted)]
    return made


class Firewaller(Agent):
    """The agent firewaller of one server. It hears of FWAPI's changes, and asks for all rules now and then."""

    def __init__(self, site: Site, rules: Sequence[Rule], server: Machine) -> None:
        super().__init__()
        self.site, self.server = site, server
        zones = site.datacenter.zones
        own = [zone for zone in zones if zone.server == server.zone.server]
        self._present = {zone.id: lines(rules, zone, zones, on=zone.firewall_enabled) for zone in own}
        self._ready = {zone.id for zone in own if zone.firewall_enabled}

    def __repr__(self) -> str:
        return f"firewaller of {self.server.zone.id}"

    def pause(self) -> float:
        return FIREWALLER_PACE * self.site.headnode.clock.factor

    async def look(self) -> None:
        host = self.site.datacenter.zone("fwapi").admin_ip
        answer = await http.fetch(self.server.dial, host, PORT, "/rules", within=TIMEOUT)
        if answer.status == 200:
            rules: list[Rule] = json.loads(answer.body)
            for machine in self.site.zones_of(self.server.zone.server):
                self._apply(machine, rules)

    def _apply(self, machine: Machine, rules: Sequence[Rule]) -> None:
        """Add before removing, so no connection is lost that both the old and the new rules allow."""
        zone = machine.zone
        wanted = lines(rules, zone, self.site.datacenter.zones, on=machine.firewall_enabled)
        present = self._present.get(zone.id, set())  # a zone of Manta's came later
        changes = [f"rule add {line}" for line in sorted(wanted - present)]
        changes += [f"rule del {line}" for line in sorted(present - wanted)]
        if changes and zone.id not in self._ready:
            changes = [*OWN_ADDRESSES, *changes]
            self._ready.add(zone.id)
        if changes:
            namespaces.run_batch(changes, machine.namespace)
            self._present[zone.id] = wanted
