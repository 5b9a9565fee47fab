"""Small questions that remedies ask of the evidence.  Each raises Missing if the answer is not there."""

from __future__ import annotations

from collections import Counter
from typing import Any

from evidence.fact import Missing
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions.sapi import SapiMetadata, present
from remediate.actions.smf import Smf, Verb
from remediate.actions.usbkey import UsbkeyConfig
from remediate.steps import RESTARTS, SAFE, Risk, Step, acting


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


def metadata_of(target: SapiObject, wanted: dict[str, Any], gone: tuple[str, ...] = ()) -> SapiMetadata:
    """The action that sets metadata of a SAPI application or service, and takes keys out of it."""
    return SapiMetadata(target.uuid, wanted, gone, present(target.metadata.values, (*wanted, *gone)))


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
    return acting(headnode(datacenter), metadata_of(target, wanted), risk=risk, why=why, by_hand=by_hand)


def without_metadata(
    datacenter: Datacenter, target: SapiObject, gone: tuple[str, ...], *, risk: Risk, why: str
) -> Step:
    """A step that takes keys out of the metadata of a SAPI application or service, with the old values as its undo."""
    return acting(headnode(datacenter), metadata_of(target, {}, gone), risk=risk, why=why)


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
