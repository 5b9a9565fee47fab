"""What is rendered again once SAPI is right, and how what gave up because of a file is started."""

from __future__ import annotations

from evidence.subjects.zone import Zone
from remediate.actions.wait import RenderedAnew
from remediate.lookup import fmris, headnode, service_step
from remediate.registry import Advised
from remediate.steps import RESTARTS, Step, acting


def rewritten(zone: Zone, path: str) -> RenderedAnew:
    """What config-agent has to write again: known by the time at which the evidence saw it written."""
    file = (zone.evidence.files.value or {}).get(path)
    patience = zone.datacenter.world.inventory.expect.patience
    return RenderedAnew(zone.vm.uuid, path, patience, file.written if file is not None else None)


def written_anew(zone: Zone, path: str) -> Step:
    return acting(
        headnode(zone.datacenter),
        rewritten(zone, path),
        risk=RESTARTS,
        why=f"config-agent writes {path} again at its start",
        undo_note="edits by hand in the file are lost",
    )


def cleared(zone: Zone) -> Advised:
    """Start what SMF gave up because of a file, once that is right."""
    down = [service.fmri for service in zone.known_services if service.state == "maintenance"]
    if down:
        given_up = fmris(zone, *(fmri.removeprefix("svc:") for fmri in down))
        yield service_step(zone, "clear", "SMF gave it up; with the new file it can start", *given_up)


def brought_up(zone: Zone) -> Advised:
    """Render the broken files of a zone again, once SAPI is right, and clear what gave up because of them."""
    broken = [path for path, file in sorted((zone.evidence.files.value or {}).items()) if file.broken]
    yield from (written_anew(zone, path) for path in broken)
    if broken:
        yield from cleared(zone)
