"""The inventory is a claim. Where the datacenters agree with each other and contradict the file, the file is wrong.

A remedy that followed such a file would undo a coupling that works. So everything is judged by what the datacenters agree on, and
each mistake is told with its line. One word of a datacenter is never enough. A coupling is believed only if SAPI, /usbkey/config,
the replicator and the checkpoint in UFDS agree, as far as they can be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from evidence.fact import Missing, OutOfSight
from evidence.inventory.model import CANDIDATE, DNS_NAME, ID, MASTER, REPLICA, Inventory, same_name
from evidence.model import Configuration, Evidence, Probe, Registered
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import MANTA_ROLES, REPLICATOR
from evidence.subjects.world import Mistake, World

T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """A datacenter's place, as everything seen of it says: which address it follows (empty: none), and whether it ever followed one."""

    follows: str
    ever: bool


Found = tuple[Inventory, tuple[Mistake, ...]]


def corrected(told: Inventory, evidence: Evidence) -> Found:
    """The inventory as the datacenters have it, and the mistakes that this corrects."""
    inventory, mistakes = told, list[Mistake]()
    for judge in (_master, _states, _address, _regions, _domain, _manta):
        inventory, found = judge(World(inventory, evidence))
        mistakes += found
    return inventory, tuple(mistakes)


def judged(told: Inventory, evidence: Evidence) -> World:
    """The world as it is judged: by what the datacenters agree on, with the mistakes in the inventory."""
    inventory, mistakes = corrected(told, evidence)
    return World(inventory, evidence, told, mistakes)


def standing(datacenter: Datacenter) -> Standing | None:
    """The datacenter's place in the coupling; None if something is unknown, or if two parts contradict each other."""
    try:
        said = {_role(datacenter.sdc_metadata)}
        usbkey = _in_sight(lambda: datacenter.usbkey)
        said |= {_role(usbkey)} if usbkey is not None else set()
        zones = datacenter.zones("ufds")
        replicates = _in_sight(lambda: any(each.fmri == REPLICATOR for ufds in zones for each in ufds.services))
        urls = {each.url for ufds in zones for each in ufds.directory.checkpoints}
        whole = all(ufds.directory.admin for ufds in zones)
    except Missing:
        return None
    if len(said) != 1:
        return None
    ((is_master, remote),) = said
    if is_master == "false" and remote and replicates is not False and f"ldaps://{remote}" in urls and whole:
        return Standing(remote, True)
    return Standing("", bool(urls)) if is_master == "true" and not remote and not replicates else None


def _role(settings: Configuration) -> tuple[str, str]:
    values = settings.values
    return str(values.get("ufds_is_master")).lower(), str(values.get("ufds_remote_ip") or "")


def _setting(datacenter: Datacenter, key: str) -> set[str]:
    """What a datacenter's SAPI says about a key, and its /usbkey/config if that can be seen."""
    usbkey = _in_sight(lambda: datacenter.usbkey)
    told = (datacenter.sdc_metadata, usbkey) if usbkey is not None else (datacenter.sdc_metadata,)
    return {str(each.values.get(key) or "") for each in told}


def _in_sight(ask: Callable[[], T]) -> T | None:
    """The value; None if it cannot be seen by design."""
    try:
        return ask()
    except OutOfSight:
        return None


def ufds_addresses(datacenter: Datacenter) -> frozenset[str]:
    """Every known address of a datacenter's UFDS: those of its NICs, and the one in the inventory."""
    declared = datacenter.declared
    named = {declared.ufds_address} | {end.host for role, end in declared.endpoints.items() if role == "ufds"}
    return _nics(datacenter) | named - {""}


def follows_well(replica: Datacenter) -> bool:
    """Whether a replica visibly follows the master that it names: it has a checkpoint for it, and every replicator runs."""
    place = standing(replica)
    try:
        moving = all(not ufds.progress.stuck for ufds in replica.zones("ufds"))
    except Missing:
        return False
    return place is not None and place.follows != "" and moving


def follows(datacenter: Datacenter, address: str) -> bool:
    """Whether a datacenter's UFDS has a checkpoint for an address, so it has replicated from there. Raises Missing."""
    urls = {each.url for ufds in datacenter.zones("ufds") for each in ufds.directory.checkpoints}
    return bool(address) and f"ldaps://{address}" in urls


def _master(world: World) -> Found:
    """Nobody follows the declared master, but it follows another datacenter itself, or the others do.

    The real master is named if it is seen to follow nobody. Otherwise only the declared one is said to be wrong.
    """
    told, named = world.inventory, world.master
    places = {dc.name: standing(dc) for dc in world.datacenters}
    own = places[named.name]
    followed = _followed(places)
    if own is not None and own.follows in ufds_addresses(named):
        own = Standing("", own.ever)  # that it follows itself is one-ufds-master's finding
    own_follows = own.follows if own is not None else ""
    if not followed or followed & (ufds_addresses(named) - {named.declared.ufds_address}):
        return told, ()
    sought = {own_follows} if own_follows else followed
    found = [dc for dc in world.datacenters if sought & ufds_addresses(dc) and dc.name != named.name]
    place = places[found[0].name] if len(found) == 1 else None
    if place is not None and not place.follows and sought <= ufds_addresses(found[0]):
        return _another_master(world, found[0], own)
    if not own_follows:
        return told, ()
    mistake = Mistake(
        "master",
        f"master: {named.name}",
        f"{named.name} follows {own_follows}: its SAPI, its /usbkey/config, its replicator and its checkpoint say so. The suite saw "
        f"nobody follow {named.name}",
        f"name the datacenter whose UFDS is {own_follows} there. If {named.name} was meant to be the master, this suite cannot "
        "undo its coupling",
        tuple(sorted(told.datacenters)),
    )
    return told, (mistake,)


def _followed(places: Mapping[str, Standing | None]) -> set[str]:
    """The addresses that datacenters follow."""
    return {place.follows for place in places.values() if place is not None} - {""}


def _another_master(world: World, real: Datacenter, own: Standing | None) -> Found:
    """Another master than the declared one; `own` is the place of the declared one."""
    told, named = world.inventory, world.master
    state = CANDIDATE if own is not None and not own.follows and not own.ever else REPLICA
    datacenters = told.datacenters | {
        named.name: replace(named.declared, state=state, ufds_address=""),
        real.name: replace(real.declared, state=MASTER),
    }
    if own is not None and own.follows:
        why = (
            f"{named.name} follows {own.follows}, the UFDS of {real.name}: its SAPI, its /usbkey/config, its replicator "
            f"and its checkpoint say so. {real.name} follows nobody"
        )
        meant = f"If {named.name} was meant to be the master, sdc-ufds-m2s was typed on the wrong head node"
    else:
        why = f"all datacenters that follow anybody follow {real.name}; {real.name} follows nobody, and nobody follows {named.name}"
        meant = f"If {named.name} was meant to be the master, sdc-ufds-m2s was given the wrong address"
    mistake = Mistake(
        "master",
        f"master: {named.name}",
        why,
        f"write `master: {real.name}` (and its `ufds_address` there, if there is one). {meant}; this suite cannot undo that",
        tuple(sorted(told.datacenters)),
    )
    return replace(told, master=real.name, datacenters=datacenters), (mistake,)


def _states(world: World) -> Found:
    """Declared candidates that follow the master, and declared replicas that never followed anybody."""
    told, mistakes = world.inventory, list[Mistake]()
    datacenters = dict(told.datacenters)
    places = {dc.name: standing(dc) for dc in world.datacenters}
    followed = _followed(places)
    for dc in world.datacenters:
        place = places[dc.name] if dc.state != MASTER else None
        if place is None:
            continue
        key = f"datacenters.{dc.name}.state"
        if dc.state == CANDIDATE and place.follows in ufds_addresses(world.master):
            datacenters[dc.name] = replace(dc.declared, state=REPLICA)
            why = f"{dc.name} is coupled: it follows {place.follows}, the UFDS of the master {told.master}"
            change = f"remove `state: candidate` of {dc.name}"
            mistakes.append(Mistake(key, f"state of {dc.name}: candidate", why, change, (dc.name,)))
        elif dc.state == REPLICA and not place.follows and not place.ever and not followed & ufds_addresses(dc):
            datacenters[dc.name] = replace(dc.declared, state=CANDIDATE)
            why = f"{dc.name} was never coupled: it has no replicator and no checkpoint, and calls itself a master"
            change = f"write `state: candidate` for {dc.name}, until sdc-ufds-m2s has coupled it"
            mistakes.append(Mistake(key, f"state of {dc.name}: replica", why, change, (dc.name,)))
    return replace(told, datacenters=datacenters), tuple(mistakes)


def _address(world: World) -> Found:
    """A ufds_address that the master's UFDS does not have and nobody uses, while all replicas follow another address."""
    told, master = world.inventory, world.master
    said = master.declared.ufds_address
    replicas = [dc for dc in world.datacenters if dc.state == REPLICA]
    followed = {place.follows for dc in replicas if follows_well(dc) and (place := standing(dc)) is not None}
    anothers = any(said in _nics(dc) for dc in world.datacenters if dc.name != master.name)
    if not said or said in followed | _nics(master) or not followed or (_used(world, said) and not anothers):
        return told, ()
    used = ", ".join(sorted(followed))
    address = used if len(followed) == 1 else ""
    declared = replace(master.declared, ufds_address=address)
    mistake = Mistake(
        f"datacenters.{master.name}.ufds_address",
        f"ufds_address of {master.name}: {said}",
        f"the replicas follow {master.name} by {used}, no NIC of its ufds zones has {said}, and nobody was seen to reach it there",
        f"write `ufds_address: {used}`, or remove the line. Leave the replicas as they are, even if {said} leads to the same UFDS (by "
        "NAT). A checkpoint belongs to an address: with another address a replica begins at change 0 with a full directory, and its "
        "replicator ends in maintenance",
        (master.name,),
        minor=True,
    )
    return replace(told, datacenters=told.datacenters | {master.name: declared}), (mistake,)


def _nics(datacenter: Datacenter) -> frozenset[str]:
    try:
        return frozenset(nic.ip for ufds in datacenter.zones("ufds") for nic in ufds.vm.nics)
    except Missing:
        return frozenset()


def _used(world: World, address: str) -> bool:
    """Whether anybody (a candidate, for example) was seen to reach a UFDS at this address."""
    return any(
        probe.host == address and probe.result == "open"
        for dc in world.datacenters
        for link in _links(dc)
        for probe in link
    )


def _links(datacenter: Datacenter) -> list[tuple[Probe, ...]]:
    try:
        return [fact.value or () for fact in datacenter.evidence.links.values()]
    except Missing:
        return []


def _regions(world: World) -> Found:
    """A region that a datacenter has everywhere, and under which the master's UFDS lists it, but which the file spells differently.

    Nobody lists a candidate yet, so it goes with the datacenters that have the same region in the file.
    """
    told, mistakes, renamed = world.inventory, list[Mistake](), dict[str, set[str]]()
    datacenters = dict(told.datacenters)
    for dc in world.datacenters:
        real, said = _region(dc) if dc.state != CANDIDATE else "", dc.declared.region
        if real:
            renamed.setdefault(said, set()).add(real)
        if real not in ("", said):
            datacenters[dc.name] = replace(dc.declared, region=real)
            why = f"{dc.name} has region_name {real} in its SAPI and its /usbkey/config, and the others know it there"
            mistakes.append(_misspelt(dc, real, why))
    for dc in world.datacenters:
        found = renamed.get(dc.declared.region, set()) if dc.state == CANDIDATE else set()
        for real in found - {dc.declared.region} if len(found) == 1 else ():
            datacenters[dc.name] = replace(dc.declared, region=real)
            mistakes.append(
                _misspelt(dc, real, f"the other datacenters of the file's {dc.declared.region} are in {real}")
            )
    return replace(told, datacenters=datacenters), tuple(mistakes)


def _misspelt(datacenter: Datacenter, real: str, why: str) -> Mistake:
    key, said = f"datacenters.{datacenter.name}.region", f"region of {datacenter.name}: {datacenter.declared.region}"
    return Mistake(key, said, why, f"write `region: {real}` for {datacenter.name}", (datacenter.name,))


def _region(datacenter: Datacenter) -> str:
    """The region on which everything seen of a coupled datacenter agrees; empty if there is none, or if it cannot be a region's name.

    Somebody else must confirm the datacenter's own settings: a UFDS that lists it there, or another datacenter in that region.
    """
    try:
        said = _setting(datacenter, "region_name")
    except Missing:
        return ""
    coupled = datacenter.world.coupling.coupled
    listed = {entry.region for dc in coupled for entry in _listed(dc) if entry.datacenter == datacenter.name}
    shared = {region for dc in coupled if dc.name != datacenter.name for region in _settings_seen(dc, "region_name")}
    real = said.pop() if len(said) == 1 else ""
    confirmed = listed == {real} or (not listed and real in shared and datacenter.declared.region not in shared)
    return real if confirmed and ID.fullmatch(real) else ""


def _listed(datacenter: Datacenter) -> tuple[Registered, ...]:
    """The datacenters that a UFDS lists, as far as this can be seen."""
    try:
        return tuple(entry for ufds in datacenter.zones("ufds") for entry in ufds.directory.datacenters)
    except Missing:
        return ()


def _settings_seen(datacenter: Datacenter, key: str) -> set[str]:
    """The datacenter's value of a key; empty if it cannot be asked."""
    try:
        return _setting(datacenter, key)
    except Missing:
        return set()


def _domain(world: World) -> Found:
    """A dns_domain that no datacenter has, while most of the datacenters that can be asked share another one.

    One that is only spelt otherwise is no mistake: it is judged as most datacenters have it, and so it is if the inventory names none.
    """
    told = world.inventory
    if shared := _shared_domain(world):
        return replace(told, dns_domain=shared), ()
    seen = [said for dc in world.datacenters if (said := _settings_seen(dc, "dns_domain"))]
    counted = Counter(next(iter(said)) for said in seen if len(said) == 1)
    real, count = counted.most_common(1)[0] if counted else ("", 0)
    nobodys = not any(told.dns_domain in said for said in seen)
    if not told.dns_domain or not nobodys or 2 * count <= len(seen) or not DNS_NAME.fullmatch(real):
        return told, ()
    mistake = Mistake(
        "dns_domain",
        f"dns_domain: {told.dns_domain}",
        f"{'every datacenter' if count == len(seen) == len(told.datacenters) else f'{count} of {len(told.datacenters)} datacenters'} "
        f"has dns_domain {real}, in its SAPI and its /usbkey/config, and none has {told.dns_domain}",
        f"write `dns_domain: {real}`, or remove the line",
        tuple(sorted(told.datacenters)),
    )
    return replace(told, dns_domain=real), (mistake,)


def _shared_domain(world: World) -> str:
    """The domain, as most SAPIs and /usbkey/config of coupled datacenters spell the one in the inventory, or any; empty if none does.

    As many as name another leave it to the master; if the inventory names none, and the master was not seen, nobody knows.
    """
    told, votes = world.inventory.dns_domain, Counter[str]()
    for datacenter in world.coupling.coupled:
        said = _settings_seen(datacenter, "dns_domain")
        votes.update(
            {each: 2 // len(said) for each in said if DNS_NAME.fullmatch(each) and (not told or same_name(told, each))}
        )
    own = _settings_seen(world.master, "dns_domain")
    return max(votes, key=lambda each: (votes[each], each in own, each), default="") if told or own else ""


def _manta(world: World) -> Found:
    """Manta that is expected, and of which nothing is there: no application in SAPI, and no zone in any datacenter.

    In part, it is being deployed, or was lost: that is judged. Of what nobody could see nothing is said.
    """
    told, expected = world.inventory, world.manta_datacenters
    if not expected or any(
        _has_manta(dc) is not False for dc in {dc.name: dc for dc in (world.master, *expected)}.values()
    ):
        return told, ()
    said = ", ".join(told.expect.manta) if isinstance(told.expect.manta, tuple) else "true"
    mistake = Mistake(
        "expect.manta",
        f"expect.manta: {said}",
        f"there is no Manta: {', '.join(dc.name for dc in expected)} have no zone of it, and {told.master} has no application manta",
        "write `manta: false`, or `manta: planned` if it is to come. Then nothing of Manta is judged: no network, no setting, no route",
        tuple(dc.name for dc in expected),
        minor=True,
    )
    return replace(told, expect=replace(told.expect, manta=False)), (mistake,)


def _has_manta(datacenter: Datacenter) -> bool | None:
    """Whether a datacenter has anything of Manta; None if it cannot be told."""
    try:
        seen = datacenter.evidence
    except Missing:
        return None
    if seen.zones.value is None or seen.zones.unread:
        return None
    made, zones = seen.manta_applications, seen.zones.value.values()
    if any(zone.vm.role in MANTA_ROLES for zone in zones) or (made is not None and made.value):
        return True
    known = {each.uuid for zone in zones if zone.poseidons is not None for each in zone.poseidons.value or ()}
    if any(known & {*net.owner_uuids} for net in (seen.networks.value or {}).values() if net.name == "manta"):
        return True  # manta-init was there
    return None if made is not None and made.value is None else False
