"""What of a datacenter was in motion, or late, while it was asked.  A finding there may pass within seconds: it is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from evidence.fact import Missing
from evidence.model import Evidence, ZoneEvidence
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import IN_TIME_MS, READERS

JUST: Final = 12.0
"""Seconds in which a service that was started may still be without an answer: haproxy wants two good checks of cloudapi."""
UNDER_WAY: Final = ("ready", "shutting_down", "provisioning", "stopping", "installed")
"""States of a zone between running and stopped (vmadm(8))."""


def in_motion(datacenter: Datacenter, evidence: Evidence) -> tuple[str, ...]:
    """The zones of a datacenter that were between two states, had just been started, or answered late, each as a sentence's part."""
    try:
        seen = datacenter.evidence.zones.known()
    except Missing:
        return ()
    moment = _moment(datacenter, evidence)
    moving = (
        f"{alias}: {what}" for alias, zone in sorted(seen.items()) for what in (*_moving(zone, moment), *_late(zone))
    )
    return (*moving, *_late_outside(datacenter))


def _moving(zone: ZoneEvidence, moment: float) -> Iterator[str]:
    if zone.leftover:
        return
    if zone.vm.state in UNDER_WAY:
        yield f"the zone is {zone.vm.state}"
    for service in zone.services.value or ():
        if service.changing:
            yield f"{service.fmri} leaves the state {service.state}"
        elif service.state == "offline":
            yield f"{service.fmri} is offline"
        elif service.began is not None and service.state == "online" and 0 <= moment - service.began <= JUST:
            yield f"{service.fmri} was started {moment - service.began:.0f} s before"
    for path, file in sorted((zone.files.value or {}).items()):
        if path in READERS and file.written is not None and 0 <= moment - file.written <= JUST:
            yield f"{path} was written {moment - file.written:.0f} s before"


def _late(zone: ZoneEvidence) -> Iterator[str]:
    """A burst of work, ours among it, makes one answer late: only what stays late is a finding."""
    for name, answer in sorted((zone.names.value or {}).items() if zone.names is not None else ()):
        if answer.rcode == "NOERROR" and answer.ms > IN_TIME_MS:
            yield f"{name} was answered after {answer.ms} ms"


def _late_outside(datacenter: Datacenter) -> Iterator[str]:
    """The public way to a cloudapi that answers inside."""
    fact = datacenter.evidence.outside
    if fact is not None and fact.value is not None and fact.value.error.startswith(("no answer", "no complete answer")):
        yield f"its public cloudapi: {fact.value.error}"


def _moment(datacenter: Datacenter, evidence: Evidence) -> float:
    """When the asking began, by the datacenter's own clock as far as it is known."""
    began = datetime.fromisoformat(evidence.started).timestamp()
    try:
        return began + (datacenter.clock.least + datacenter.clock.most) / 2
    except Missing:
        return began
