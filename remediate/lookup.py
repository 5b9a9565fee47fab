"""Small questions that remedies ask of the evidence.  Each raises Missing if the answer is not there."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

from msgspec.structs import replace

from evidence.fact import Fact, Missing
from evidence.model import MantaService, SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions.sapi import Among, SapiMetadata, present
from remediate.actions.smf import Smf, Verb
from remediate.actions.usbkey import UsbkeyConfig
from remediate.neighbours import own
from remediate.steps import RESTARTS, SAFE, Risk, Step, acting

T = TypeVar("T")


def headnode(datacenter: Datacenter) -> str:
    """`on` of a step for the datacenter's head node."""
    return f"{datacenter.name}.global"


def application(datacenter: Datacenter, name: str = "sdc") -> SapiObject:
    """A SAPI application of the datacenter."""
    fact = datacenter.evidence.applications
    found = fact.get().get(name)
    if found is None:
        raise Missing(fact.subject, fact.asked, fact.how, f"SAPI lists no application named {name}")
    return found


def service(datacenter: Datacenter, name: str) -> SapiObject:
    """A SAPI service of the datacenter."""
    fact = datacenter.evidence.services
    found = fact.get().get(name)
    if found is None:
        raise Missing(fact.subject, fact.asked, fact.how, f"SAPI lists no service named {name}")
    return found


def fmris(zone: Zone, *parts: str) -> tuple[str, ...]:
    """The zone's services whose FMRI contains one of the parts, sorted. Several instances of one service are a glob (facts)."""
    found = sorted({s.fmri for s in zone.services if any(part in s.fmri for part in parts)})
    count = Counter(fmri.rpartition(":")[0] for fmri in found)
    short = (f"{name}:*" if count[name := fmri.rpartition(":")[0]] > 1 else fmri for fmri in found)
    return tuple(dict.fromkeys(short))


def state_of(zone: Zone, fmri: str) -> str | None:
    """The state of one service of the zone, or None if it has none."""
    return next((s.state for s in zone.services if s.fmri == fmri), None)


def service_step(zone: Zone, verb: Verb, why: str, *services: str) -> Step:
    """A step that restarts or clears services of a zone."""
    return acting(headnode(zone.datacenter), Smf(zone.vm.uuid, verb, services), risk=RESTARTS, why=why)


def metadata_of(
    datacenter: Datacenter, target: SapiObject, wanted: dict[str, Any], gone: tuple[str, ...] = ()
) -> SapiMetadata:
    """The action that sets metadata of a SAPI application, service or instance, and takes keys out of it."""
    before = present(target.metadata.values, (*wanted, *gone))
    action = SapiMetadata(target.uuid, wanted, gone, before)
    return action if _is_named(datacenter) else _by_address(datacenter, action)


def _is_named(datacenter: Datacenter) -> bool:
    """Whether a binder answers SAPI's name, as far as was seen: with a wrong domain none does, and no restart helps."""
    name = f"sapi.{datacenter.suffix}"
    try:
        said = [binder.names[name].rcode for binder in datacenter.zones("binder") if name in binder.names]
    except Missing:
        return True
    return not said or "NOERROR" in said


def _by_address(datacenter: Datacenter, action: SapiMetadata) -> SapiMetadata:
    """The same, sent to SAPI's address."""
    held = datacenter.evidence
    lists: dict[Among, tuple[SapiObject | MantaService, ...]] = {
        "applications": (*_each(held.applications), *_seen(held.manta_applications)),
        "services": (*_each(held.services), *_seen(held.manta_services)),
    }
    found: list[Among] = [name for name, objects in lists.items() if any(each.uuid == action.uuid for each in objects)]
    address = own(datacenter.zones("sapi")[0].address("admin"), datacenter)
    return replace(action, address=address, among=found[0] if found else "instances")


def _each(fact: Fact[dict[str, SapiObject]]) -> tuple[SapiObject, ...]:
    return tuple((fact.value or {}).values())


def _seen(fact: Fact[tuple[T, ...]] | None) -> tuple[T, ...]:
    return (fact.value if fact is not None else None) or ()


def changed_metadata(
    datacenter: Datacenter,
    target: SapiObject,
    wanted: dict[str, Any],
    *,
    risk: Risk,
    why: str,
    by_hand: bool = False,
) -> Step:
    """A step that sets metadata of a SAPI application or service, with the old values as its undo."""
    return acting(headnode(datacenter), metadata_of(datacenter, target, wanted), risk=risk, why=why, by_hand=by_hand)


def without_metadata(
    datacenter: Datacenter, target: SapiObject, gone: tuple[str, ...], *, risk: Risk, why: str
) -> Step:
    """A step that takes keys out of the metadata of a SAPI application or service, with the old values as its undo."""
    return acting(headnode(datacenter), metadata_of(datacenter, target, {}, gone), risk=risk, why=why)


def usbkey_steps(datacenter: Datacenter, wanted: dict[str, str]) -> tuple[Step, ...]:
    """A step that writes the same settings into both copies of /usbkey/config, if they differ there."""
    values = datacenter.usbkey.values
    differ = {key: typed.usbkey(key, value) for key, value in wanted.items() if str(values.get(key, "")) != value}
    if not differ:
        return ()
    before = {key: str(values[key]) for key in sorted(differ) if key in values}
    old = ", ".join(f"{key}={before[key]}" if key in before else f"no line {key}" for key in sorted(differ))
    return (
        acting(
            headnode(datacenter),
            UsbkeyConfig(differ, (), before),
            risk=SAFE,
            why="the head node's own configuration disagrees with SAPI; nothing copies one to the other",
            undo="",
            undo_note=f"the same with the old values in both files: {old}; or the copies that the step leaves beside them",
        ),
    )
