"""The first lines of all that is told about a run: which coupling, when it was seen, and what was not judged."""

from __future__ import annotations

import datetime

from evidence.inventory.model import CANDIDATE
from evidence.subjects.world import World
from reports.conclusion import Conclusion
from reports.page import BOLD, YELLOW, Page, counted, some


def write_heading(page: Page, conclusion: Conclusion, now: datetime.datetime) -> None:
    """Which coupling it is, and when it was seen."""
    world, extent = conclusion.world, conclusion.extent
    name, seen = coupling_told(world), seen_told(conclusion, now)
    colours = (YELLOW,) if extent.replayed else ()
    if len(name) + len(seen) + 3 <= page.width:
        page.painted((name, BOLD), " " * (page.width - len(name) - len(seen)), (seen, *colours))
    else:
        page.line(page.look.cut(name, page.width), BOLD)
        page.line(seen, *colours)
    for told in limits_told(conclusion):
        page.prose(told)
    for note in extent.notes:
        page.prose(note, 0, "", 0, YELLOW)


def coupling_told(world: World) -> str:
    """Which coupling it is: "my-dc (3 datacenters, master my-dc-2)"."""
    named = some([region.name for region in world.regions], 2)
    return f"{named} ({counted(len(world.datacenters), 'datacenter')}, master {world.inventory.master})"


def seen_told(conclusion: Conclusion, now: datetime.datetime) -> str:
    """When it was seen; of a replay also how old that is."""
    world = conclusion.world
    if conclusion.extent.replayed:
        return f"a replay: {_seen(world)}, {_age(world, now)}"
    apart = world.evidence is not None and world.evidence.parts
    return f"{counted(len(apart), 'part')} collected apart, {_seen(world)}" if apart else f"live, {_seen(world)}"


def limits_told(conclusion: Conclusion) -> tuple[str, ...]:
    """What is not coupled yet, and which part of the catalogue alone was judged."""
    candidates = [dc.name for dc in conclusion.world.datacenters if dc.state == CANDIDATE]
    told = (f"Not coupled yet: {', '.join(candidates)}",) if candidates else ()
    selection = conclusion.extent.selection
    return (*told, f"Only -m {selection} was judged.") if selection not in ("", "nightly") else told


def _moment(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except ValueError:
        return None


def _seen(world: World) -> str:
    """ "seen 09:47:44-09:47:56 UTC", with the day if it is not the same."""
    evidence = world.evidence
    begun, ended = (
        (_moment(at) for at in (evidence.started, evidence.finished)) if evidence is not None else (None, None)
    )
    if begun is None or ended is None:
        return "seen nobody knows when"
    day = "%Y-%m-%d " if begun.date() != datetime.datetime.now(datetime.UTC).date() else ""
    last = "" if begun == ended else f"-{ended:%H:%M:%S}"
    return f"seen {begun:{day}%H:%M:%S}{last} UTC"


def _age(world: World, now: datetime.datetime) -> str:
    ended = _moment(world.evidence.finished) if world.evidence is not None else None
    if ended is None:
        return "of unknown age"
    seconds = max(0.0, (now - ended).total_seconds())
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * length:
            return f"{counted(int(seconds // length), unit)} old"
    return f"{counted(int(seconds), 'second')} old"
