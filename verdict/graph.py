"""Which finding explains which other one, by the checks' `after` and the overlap of subjects. Source: contract "Overlap"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from evidence.subjects.binding import ZONES, Subject, datacenters_of, subjects
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import Link
from evidence.subjects.network.paths import unsent
from evidence.subjects.spec import AT_MASTER, BLOCKED, FAILED, TARGET, After, Result, Spec
from evidence.subjects.triton import Role, role_of
from evidence.subjects.world import Coupling, Region, World
from evidence.subjects.zone import Zone

HEADNODE = ("headnode-answers", "headnode-is-the-right-one")
INVENTORY = "inventory-agrees"
USABLE = "headnode-can-be-used"
"""The check whose finding explains only what nobody could see."""
ACCESS = (HEADNODE[0], USABLE, HEADNODE[1])
SERVICES = "services-run"
FILES = "rendered-files-are-usable"
"""The checks that explain what all others of a zone say."""
ADDRESS = "replica-points-at-master"
_ZONE_ROWS = ZONES | {"link"}


def afters(spec: Spec, specs: Mapping[str, Spec]) -> tuple[After, ...]:
    """The declared `after` of a check, with the implicit entries that the contract gives every check."""
    found = list(spec.after)
    if spec.sums_up:
        found += [After(other.id) for other in specs.values() if other.subject in _ZONE_ROWS and other.id != spec.id]
    found += map(After, ACCESS[: ACCESS.index(spec.id) if spec.id in ACCESS else None])
    if spec.subject in _ZONE_ROWS and spec.id != SERVICES and not _before(spec.id, SERVICES, specs):
        found.append(After(SERVICES))
    if spec.subject in ZONES and spec.id != FILES and not _before(spec.id, FILES, specs):
        found.append(After(FILES))
    if spec.subject == "link":
        found += [After(check, at=TARGET) for check in ACCESS]
    return tuple(dict.fromkeys(after for after in found if after.check in specs))


def _before(check: str, summary: str, specs: Mapping[str, Spec]) -> bool:
    """Whether a check of a zone explains a check that explains all others of the zone: its services, or its files."""
    if summary not in specs or specs[check].subject not in _ZONE_ROWS:
        return False
    return any(after.check == check for after in specs[summary].after)


def cycle(specs: Mapping[str, Spec]) -> tuple[str, ...]:
    """Return a cycle among the checks, or nothing. A check at a target counts as the check: a cycle over a link is one too.

    An entry for one role counts where the way leads over zones of that role. One that explains only what could not be seen does not
    count: a finding that could not be judged explains nothing for a check that has such an entry.
    """
    done: set[tuple[str, Role | None]] = set()

    def walk(check: str, role: Role | None, path: tuple[tuple[str, Role | None], ...]) -> tuple[str, ...]:
        here = (check, role)
        if here in path:
            return tuple(name for name, _ in path[path.index(here) :])
        if here in done:
            return ()
        for after in afters(specs[check], specs):
            if after.unseen or (after.only and role not in (None, after.only)):
                continue
            reached = _reached(after, specs[check], after.only or role, specs[after.check])
            found = walk(after.check, reached, (*path, here))
            if found:
                return found
        done.add(here)
        return ()

    return next(filter(None, (walk(check, _own_role(specs[check]), ()) for check in sorted(specs))), ())


def _own_role(spec: Spec) -> Role | None:
    """The role of the zones that a check is about; None if it is about any role."""
    return role_of(spec.subject.replace("_", "-"))


def _reached(after: After, spec: Spec, role: Role | None, other: Spec) -> Role | None:
    """The role of the zones that an `after` leads to from zones of a role. A check of every zone stays in its own zone."""
    if after.at == AT_MASTER:
        return _own_role(other)
    if after.at and after.at != TARGET:
        return after.at
    same = not after.at and other.subject == "zone" and spec.subject in ZONES
    return _own_role(other) or (role if same else None)


def subjects_by_id(world: World, specs: Iterable[Spec]) -> dict[str, Subject]:
    """Every subject of the checks, by id."""
    found: dict[str, Subject] = {}
    for spec in specs:
        for subject in subjects(world, spec.subject, spec.stage, spec.id):
            found[subject.id] = subject
    return found


def contains(outer: Subject, inner: Subject) -> bool:
    """Coupling ⊇ region ⊇ datacenter ⊇ zone ⊇ the links from it, to a role ⊇ to one instance; every subject contains itself."""
    if outer.id == inner.id or isinstance(outer, Coupling):
        return True
    if isinstance(outer, Region):
        return not isinstance(inner, Coupling) and {dc.name for dc in datacenters_of(inner)} <= {
            dc.name for dc in outer.datacenters
        }
    if isinstance(outer, Datacenter):
        return isinstance(inner, (Zone, Link)) and datacenters_of(inner)[0].name == outer.name
    if isinstance(outer, Link):
        return isinstance(inner, Link) and _one_of(inner, outer)
    return isinstance(outer, Zone) and isinstance(inner, Link) and inner.source.id == outer.id


def _one_of(inner: Link, outer: Link) -> bool:
    """Whether one link leads to an instance of what the other leads to as a whole."""
    ends = [(link.source.id, link.target.name, link.kind.target_role) for link in (inner, outer)]
    return ends[0] == ends[1] and inner.instance != "" == outer.instance


def explains(finding: Result, at: Subject, other: Subject, after: After) -> bool:
    """Whether a finding at one subject can explain a finding at another one, by this entry of the other check's `after`.

    A finding about several datacenters (networks that overlap) explains a link only if both ends are among the culprits.
    """
    if after.only and not (isinstance(other, Zone) and other.role == after.only):
        return False
    if after.at == AT_MASTER:
        return isinstance(at, (Datacenter, Zone)) and datacenters_of(at)[0].name == datacenters_of(other)[0].master.name
    if after.at and after.at != TARGET:
        return isinstance(at, Zone) and at.role == after.at and at.datacenter.name in _names(other)
    if after.at:
        return isinstance(other, Link) and _at_target(finding, at, other)
    if finding.culprits and isinstance(other, Link) and isinstance(at, Coupling):
        return {other.source.datacenter.name, other.target.name} <= set(finding.culprits)
    if finding.culprits:
        return bool(set(finding.culprits) & _names(other))
    return contains(at, other) or contains(other, at)


def _at_target(finding: Result, at: Subject, link: Link) -> bool:
    if finding.culprits:
        return link.target.name in finding.culprits
    if isinstance(at, Datacenter):
        return at.name == link.target.name
    zones = {zone.id for zone in link.target_zones}
    return (isinstance(at, Zone) and at.id in zones) or (isinstance(at, Link) and at.source.id in zones)


def _names(subject: Subject) -> set[str]:
    return {dc.name for dc in datacenters_of(subject)}


def by_check(findings: Iterable[Result]) -> Mapping[str, list[Result]]:
    """The findings of each check."""
    found: dict[str, list[Result]] = defaultdict(list)
    for finding in findings:
        found[finding.check].append(finding)
    return found


def explanations(
    finding: Result, findings: Mapping[str, list[Result]], specs: Mapping[str, Spec], known: Mapping[str, Subject]
) -> tuple[Result, ...]:
    """The findings that explain one finding directly.

    A gap that comes of a head node which does not answer needs no further explanation: of two dark datacenters, each explains its own
    gaps. Wrong data of a datacenter or coupling were seen; that the service holding them failed afterwards does not explain them.
    Otherwise one cause would hide another.

    A wrong inventory explains whatever was not asked because of it. Everything else is judged by what the datacenters agree on.
    A finding that is milder than its check says that all works in spite of it. What could not be judged explains a failure only if nothing
    that was seen to fail does.

    A finding that covers others is what they share. It explains those that nothing else explains, and if there are none, it follows itself
    from what explains them.
    """
    if finding.covers:
        covered = [each for each in _all(findings) if each.subject in finding.covers and not each.covers]
        above = [_told(each, findings, specs, known) for each in covered]
        return tuple(dict.fromkeys(each for found in above for each in found)) if above and all(above) else ()
    found = _told(finding, findings, specs, known)
    return found or tuple(each for each in _all(findings) if finding.subject in each.covers and finding is not each)


def _all(findings: Mapping[str, list[Result]]) -> list[Result]:
    return [finding for each in findings.values() for finding in each]


def _told(
    finding: Result, findings: Mapping[str, list[Result]], specs: Mapping[str, Spec], known: Mapping[str, Subject]
) -> tuple[Result, ...]:
    """The findings that explain one finding by its check's `after`."""
    if finding.check == INVENTORY and finding.outcome != BLOCKED:
        return ()
    found = tuple(
        other
        for other in _overlapping(finding, findings, specs, known)
        if other.severity.rank <= specs[other.check].severity.rank
    )
    if finding.outcome == BLOCKED:
        return tuple(other for other in found if other.check in HEADNODE) or found or _misled(finding, findings, known)
    found = tuple(other for other in found if not _unseen(other, findings) and _concerns(other, finding, known))
    found = tuple(other for other in found if other.outcome == FAILED) or found
    if specs[finding.check].subject in _ZONE_ROWS:
        return found
    return tuple(other for other in found if other.check in HEADNODE or not specs[other.check].answers)


def _misled(finding: Result, findings: Mapping[str, list[Result]], known: Mapping[str, Subject]) -> tuple[Result, ...]:
    """The finding about the inventory, if something was not asked of a datacenter because of it."""
    places = [known[subject] for subject in (finding.subject, finding.lacks) if subject in known]
    names = {name for place in places for name in _names(place)}
    names |= {place.target.name for place in places if isinstance(place, Link)}
    wrong = [each for each in findings.get(INVENTORY, ()) if each.outcome != BLOCKED]
    return tuple(each for each in wrong if names & set(each.culprits))


def _unseen(other: Result, findings: Mapping[str, list[Result]]) -> bool:
    """Whether a finding says only that a head node could not be used, or is blocked by that. It cannot explain what was seen."""
    if other.check == HEADNODE[1] and other.outcome == BLOCKED:
        return any(finding.subject == other.subject for finding in findings.get(USABLE, ()))
    return other.check == USABLE


def _concerns(other: Result, finding: Result, known: Mapping[str, Subject]) -> bool:
    """Whether another finding lies where a failed one does: at its culprits, if it has any.

    A blocked finding lies where its evidence is missing: while one head node is dark, nobody can say whether networks overlap, and that
    explains nothing elsewhere. The master concerns everything except links.
    """
    at, lacks = known[finding.subject], other.lacks if other.outcome == BLOCKED else ""
    besides = at.target if isinstance(at, Link) else datacenters_of(at)[0].master
    involved = set(finding.culprits) or _names(at) | {besides.name}
    return bool(involved & (set(other.culprits) or _names(known.get(lacks, known[other.subject]))))


def _overlapping(
    finding: Result, findings: Mapping[str, list[Result]], specs: Mapping[str, Spec], known: Mapping[str, Subject]
) -> Iterator[Result]:
    """The findings that come before this one on an overlapping subject.

    Overlap counts from the finding's subject, and from the subject whose evidence it lacks (a check of a replica may need the master's).
    If a link's source has no route at all, nothing was sent: neither the target nor a gap explains that.
    If nobody has a link's address, the source of that address explains it, and nothing at the target does. Otherwise the address does not.
    """
    entries: dict[str, list[After]] = {}
    at = known[finding.subject]
    nothing_sent = finding.outcome != BLOCKED and isinstance(at, Link) and unsent(at)
    strays = isinstance(at, Link) and at.misses
    unseen = (After(SERVICES),) if finding.outcome == BLOCKED and _before(finding.check, SERVICES, specs) else ()
    for after in (*afters(specs[finding.check], specs), *unseen):
        if isinstance(at, Link) and after.check == ADDRESS and not strays:
            continue
        if not ((nothing_sent or strays) and after.at == TARGET):
            entries.setdefault(after.check, []).append(after)
    places = [known[subject] for subject in (finding.subject, finding.lacks) if subject in known]
    for check, ways in entries.items():
        first = any(after.unseen for after in specs[check].after)
        for other in findings.get(check, ()):
            if first and other.outcome == BLOCKED:
                continue
            if other is finding or (nothing_sent and other.outcome == BLOCKED):
                continue
            if finding.check == SERVICES and other.outcome == BLOCKED and specs[other.check].subject in _ZONE_ROWS:
                continue  # what cannot be seen in a zone follows from its services, and not the other way round
            seen = finding.outcome != BLOCKED
            meant = [after for after in ways if after.applies(finding.kind, other.kind) and not (after.unseen and seen)]
            if any(explains(other, known[other.subject], place, after) for after in meant for place in places):
                yield other
