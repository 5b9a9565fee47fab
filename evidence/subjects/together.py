"""Several files of evidence as one, where no machine reaches all datacenters: each was collected apart, by `az-checks collect`.

What is put together was seen at nearly the same time, of the same inventory, and with the same key of the fingerprints. Otherwise it would
be judged as one, and would not be one. A link that was tried where its target's address was not known, or is another one, is missing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from evidence.fact import Fact, Missing, missing
from evidence.inventory.model import Inventory
from evidence.model import CollectedPart, DatacenterEvidence, Evidence, Late, Probe
from evidence.store import EvidenceError
from evidence.subjects.following import with_progress
from evidence.subjects.links import LINKS, MEASURES, PROBE, Link, links
from evidence.subjects.world import World

DECLARED: Final = ("master", "dns_domain", "expect", "waived")
"""What the files must have declared alike, besides the datacenters. How long one waits and where files lie is each machine's own."""

Named = tuple[str, Evidence]


def together(files: Sequence[Named], longest: float, allowed: str) -> Evidence:
    """The evidence of all files, whose names are told. `longest`: so many seconds may lie between their beginnings, typed as `allowed`.

    One file is itself. Raises EvidenceError, which names the files.
    """
    if len(files) == 1:
        return files[0][1]
    by_time = sorted(files, key=lambda file: (_moment(file), sorted(file[1].datacenters)))
    for one, other in itertools.combinations(by_time, 2):
        _refuse(one, other)
    _refuse_old(by_time, longest, allowed)
    every = [evidence for _, evidence in by_time]
    last = every[-1]
    merged = Evidence(
        last.inventory,
        ", ".join(sorted({each.suite_version for each in every})),
        every[0].started,
        max(each.finished for each in every),
        dict(sorted((name, seen) for each in every for name, seen in each.datacenters.items())),
        late=Late(*(max(getattr(each.late, name) for each in every) for name in Late.__struct_fields__)),
        key_mark=last.key_mark,
        parts=tuple(sorted(itertools.chain(*map(parts_of, every)), key=lambda part: part.datacenters)),
    )
    linked = replace(merged, datacenters=dict(_with_links(merged)))
    return replace(linked, datacenters=dict(with_progress(linked.datacenters, linked.inventory)))


def parts_of(evidence: Evidence) -> tuple[CollectedPart, ...]:
    """What was collected together. Evidence that has no parts is one."""
    names = tuple(sorted(evidence.datacenters))
    return evidence.parts or (CollectedPart(names, evidence.started, evidence.finished, evidence.suite_version),)


def address_unknown(link: Link) -> str:
    """What to say of a link whose target's address was not known where its source was collected."""
    source, target = link.source.datacenter.name, link.target.name
    return (
        f"collected apart: where {source} was collected the address of {link.kind.target_role} in {target} was not known; collect {source} "
        f"again with --knowing FILE, the evidence of {target}"
    )


def _refuse(one: Named, other: Named) -> None:
    """Raise EvidenceError if two files are not of one coupling, one key, and different datacenters."""
    names = f"{one[0]} and {other[0]}"
    twice = sorted(one[1].datacenters.keys() & other[1].datacenters.keys())
    if twice:
        raise EvidenceError(f"{names} both hold {', '.join(twice)} — name one of them")
    different = [*_different(one[1].inventory, other[1].inventory)]
    if different:
        told = ", ".join(different)
        raise EvidenceError(
            f"{names} are of different inventories, which differ in {told} — collect both with the same one"
        )
    for name, evidence in (one, other):
        if not evidence.key_mark:
            raise EvidenceError(
                f"{name} does not say with which key its fingerprints were made, as an older version wrote it — collect it anew"
            )
    if one[1].key_mark != other[1].key_mark:
        raise EvidenceError(
            f"{names} were collected with different keys of the fingerprints, so what is secret cannot be compared — give both machines "
            'the same key (docs/operation.md, "Outgrowing one machine"), and collect anew'
        )


def _different(one: Inventory, other: Inventory) -> Iterator[str]:
    """The keys in which two inventories declare something else."""
    for key in DECLARED:
        if getattr(one, key) != getattr(other, key):
            yield "waivers" if key == "waived" else key
    for name in sorted(one.datacenters.keys() | other.datacenters.keys()):
        if one.datacenters.get(name) != other.datacenters.get(name):
            yield f"datacenters.{name}"


def _refuse_old(files: Sequence[Named], longest: float, allowed: str) -> None:
    every = [(_time_of(part.started, name), name) for name, seen in files for part in parts_of(seen)]
    (first, old), (last, new) = min(every), max(every)
    apart = (last - first).total_seconds()
    if apart > longest:
        raise EvidenceError(
            f"{old} was begun at {first:%Y-%m-%d %H:%M} UTC and {new} at {last:%Y-%m-%d %H:%M} UTC, which is more than {allowed} apart — "
            "collect anew, or allow more with --max-age"
        )


def _moment(file: Named) -> datetime:
    name, evidence = file
    return max(_time_of(part.started, name) for part in parts_of(evidence))


def _time_of(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise EvidenceError(f"{name} does not say when it was collected — collect it anew") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _with_links(merged: Evidence) -> Iterator[tuple[str, DatacenterEvidence]]:
    """Each datacenter with its links as all files together tell where they lead."""
    world = World(merged.inventory, merged)
    beside = {name: part.datacenters for part in merged.parts for name in part.datacenters}
    wanted: dict[str, list[Link]] = {name: [] for name in merged.datacenters}
    for check in (check for check, kind in LINKS.items() if kind.probed):
        for link in links(world, check):
            source = link.source.datacenter.name
            if source in wanted and link.target.name not in beside[source]:
                wanted[source].append(link)
    for name, seen in merged.datacenters.items():
        told: dict[str, Fact[tuple[Probe, ...]]] = {
            link.id: missing(link.id, PROBE, "zlogin", why) for link in wanted[name] if (why := _astray(link, seen))
        }
        yield name, replace(seen, links=dict(sorted((seen.links | told).items()))) if told else seen


def _astray(link: Link, seen: DatacenterEvidence) -> str:
    """Why what was tried says nothing of the link: nothing was, or it was another address. Empty if it was the right one."""
    found = seen.links.get(link.id)
    if found is None:
        return "" if link.source.absent else address_unknown(link)
    tried = ", ".join(sorted({probe.host for probe in found.value or () if probe.protocol not in MEASURES}))
    try:
        if not tried or link.host in tried.split(", "):
            return ""
    except Missing as nobody:
        return f"it was tried at {tried}, which earlier evidence told, and whose that is now nobody says: {nobody}"
    return f"it was tried at {tried}, and {link.target.name} has {link.host} now: {address_unknown(link)}"
