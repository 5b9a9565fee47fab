"""Which finding explains which: the `after` of the catalogue on overlapping subjects.  Source: contract "Overlap"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from evidence.spec import ALL_OF_THE_ZONE, Result, Spec
from evidence.subjects import ROLES, Coupling, Datacenter, Link, Region, Subject, World, Zone, datacenters_of, subjects

HEADNODE = ("headnode-answers", "headnode-is-the-right-one")
SERVICES = "services-run"
_ZONE_ROWS = frozenset({*ROLES, "zone", "link"})


def afters(spec: Spec, specs: Mapping[str, Spec]) -> tuple[str, ...]:
    """The declared `after` of a check, and the implicit ones that the contract gives every row."""
    found = list(spec.after)
    if ALL_OF_THE_ZONE in found:
        found.remove(ALL_OF_THE_ZONE)
        found += [other.id for other in specs.values() if other.subject in _ZONE_ROWS and other.id != spec.id]
    if spec.id != HEADNODE[0]:
        found += HEADNODE[: HEADNODE.index(spec.id) if spec.id in HEADNODE else None]
    if spec.subject in _ZONE_ROWS and spec.id != SERVICES:
        found.append(SERVICES)
    if spec.subject == "link":
        found += [f"{check}@target" for check in HEADNODE]
    return tuple(dict.fromkeys(name for name in found if name.removesuffix("@target") in specs))


def cycle(specs: Mapping[str, Spec]) -> tuple[str, ...]:
    """A cycle among the checks, or nothing.  `x@target` counts as x: a cycle over a link is one too."""
    done: set[str] = set()

    def walk(check: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if check in path:
            return path[path.index(check) :]
        if check in done:
            return ()
        for name in afters(specs[check], specs):
            found = walk(name.removesuffix("@target"), (*path, check))
            if found:
                return found
        done.add(check)
        return ()

    return next(filter(None, (walk(check, ()) for check in sorted(specs))), ())


def subjects_by_id(world: World, specs: Iterable[Spec]) -> dict[str, Subject]:
    """Every subject that the checks can be about, by its id."""
    found: dict[str, Subject] = {}
    for spec in specs:
        for subject in subjects(world, spec.subject, spec.stage, spec.id):
            found[subject.id] = subject
    return found


def contains(outer: Subject, inner: Subject) -> bool:
    """Coupling ⊇ region ⊇ datacenter ⊇ zone ⊇ the links from it; every subject contains itself."""
    if outer.id == inner.id or isinstance(outer, Coupling):
        return True
    if isinstance(outer, Region):
        return not isinstance(inner, Coupling) and {dc.name for dc in datacenters_of(inner)} <= {
            dc.name for dc in outer.datacenters
        }
    if isinstance(outer, Datacenter):
        return isinstance(inner, (Zone, Link)) and datacenters_of(inner)[0].name == outer.name
    return isinstance(outer, Zone) and isinstance(inner, Link) and inner.source.id == outer.id


def explains(finding: Result, at: Subject, other: Subject, *, at_target: bool) -> bool:
    """Whether a finding at one subject can explain one at another, given that `after` names its check."""
    if finding.culprits:
        wanted = {other.target.name} if at_target and isinstance(other, Link) else _names(other)
        return bool(set(finding.culprits) & wanted)
    if not at_target:
        return contains(at, other) or contains(other, at)
    if not isinstance(other, Link):
        return False
    target = other.target
    if isinstance(at, Datacenter):
        return at.name == target.name
    zones = {zone.id for zone in other.target_zones}
    if isinstance(at, Zone):
        return at.id in zones
    return isinstance(at, Link) and at.source.id in zones


def _names(subject: Subject) -> set[str]:
    return {dc.name for dc in datacenters_of(subject)}


def explanations(
    finding: Result, findings: Iterable[Result], specs: Mapping[str, Spec], known: Mapping[str, Subject]
) -> Iterator[Result]:
    """The findings that explain one finding directly."""
    names = afters(specs[finding.check], specs)
    here, there = {n for n in names if "@" not in n}, {n.removesuffix("@target") for n in names if "@" in n}
    places = [known[finding.subject]]
    if finding.lacks in known:
        places.append(known[finding.lacks])
    for other in findings:
        if other is finding:
            continue
        at = known[other.subject]
        if (other.check in here and any(explains(other, at, place, at_target=False) for place in places)) or (
            other.check in there and any(explains(other, at, place, at_target=True) for place in places)
        ):
            yield other
