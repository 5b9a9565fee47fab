"""What customers notice now: which clouds answer, which names fail, who cannot log in.  Only what the evidence shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evidence.comparison import MISSING, PASSWORD
from evidence.inventory.model import CANDIDATE
from evidence.model import DatacenterEvidence, HttpAnswer, ZoneEvidence
from evidence.subjects.spec import CRITICAL, FAILED, place_of
from reports.conclusion import Conclusion
from reports.page import some

_STALE = ("replicator-runs", "replicator-moves", "replicator-is-caught-up", "replica-points-at-master")
"""The checks whose finding means that a datacenter learns of no new account, key or password."""
_OURS = ("poseidon",)
"""Accounts of Triton's own, with which no customer logs in."""
_MOST = 4


def noticed(conclusion: Conclusion) -> tuple[str, ...]:
    """One sentence for each thing that customers notice, without its full stop; the worst first."""
    evidence = conclusion.world.evidence
    if evidence is None:
        return ()
    coupled = {dc.name for dc in conclusion.world.datacenters if dc.state != CANDIDATE}
    seen = {name: one for name, one in sorted(evidence.datacenters.items()) if name in coupled}
    return tuple(
        sentence
        for told in (_clouds(seen), _names(seen), _logins(seen, conclusion), _mantas(seen), _well(seen), _unseen(seen))
        for sentence in told
    )


def _zones(seen: DatacenterEvidence, role: str) -> list[ZoneEvidence]:
    return [zone for _, zone in sorted((seen.zones.value or {}).items()) if zone.vm.role == role and not zone.leftover]


def _pings(seen: DatacenterEvidence, role: str) -> list[HttpAnswer]:
    """What its zones of a role answered, as far as it was seen."""
    facts = (zone.ping for zone in _zones(seen, role))
    return [fact.value for fact in facts if fact is not None and fact.value is not None]


def _outside(seen: DatacenterEvidence) -> HttpAnswer | None:
    """What its public URL answered."""
    return seen.outside.value if seen.outside is not None else None


def _clouds(seen: dict[str, DatacenterEvidence]) -> Iterator[str]:
    """Which cloudapis do not answer, by what they say inside and at their public URL."""
    ill: dict[str, list[str]] = {}
    for name, one in seen.items():
        pings = _pings(one, "cloudapi")
        bad = [ping for ping in pings if ping.status != 200]
        outside = _outside(one)
        if pings and len(bad) == len(pings):
            ill.setdefault(_said(bad[0]), []).append(name)
        elif pings and outside is not None and outside.status != 200:
            ill.setdefault("cannot be reached at its public URL", []).append(name)
        elif pings and outside is not None and outside.expired:
            ill.setdefault(f"shows a certificate that expired on {outside.expired}", []).append(name)
        elif bad:
            ill.setdefault(f"{_said(bad[0])} in {len(bad)} of {len(pings)} zones", []).append(name)
    for said, names in ill.items():
        yield f"cloudapi of {_listed(names)} {said}"


def _well(seen: dict[str, DatacenterEvidence]) -> Iterator[str]:
    """Which cloudapis answer."""
    well = [name for name, one in seen.items() if any(ping.status == 200 for ping in _pings(one, "cloudapi"))]
    well = [
        name
        for name in well
        if (outside := _outside(seen[name])) is None or (outside.status == 200 and not outside.expired)
    ]
    if well:
        yield f"cloudapi of {_listed(well)} answers" if len(well) < len(seen) else "every cloudapi answers"


def _said(answer: HttpAnswer) -> str:
    return f"answers {answer.status}" if answer.status else "does not answer"


def _logins(seen: dict[str, DatacenterEvidence], conclusion: Conclusion) -> Iterator[str]:
    """Who cannot log in, and where."""
    for name, one in seen.items():
        gone: dict[str, set[str]] = {}
        for ufds in _zones(one, "ufds"):
            found = ufds.comparison.value.first if ufds.comparison is not None and ufds.comparison.value else ()
            for each in found:
                if each.login in _OURS:
                    continue
                if each.login and each.kind == MISSING:
                    gone.setdefault("cannot log in to", set()).add(each.login)
                elif each.login and PASSWORD in each.attributes:
                    gone.setdefault("may need another password in", set()).add(each.login)
        for what, logins in sorted(gone.items()):
            yield f"{some(sorted(logins))} {what} {name}"
    failed = {
        (row.name.check, place_of(row.name.subject)): row.result
        for row in conclusion.verdict.results
        if FAILED in (row.result.outcome, row.was)
    }
    if any(check == "admin-is-enabled" for check, _ in failed):
        yield "admin cannot log in anywhere"
    late = [name for check, name in failed if check == "clocks-agree" and failed[check, name].severity == CRITICAL]
    if late:
        yield f"cloudapi of {_listed(late)} refuses signed requests (its clock)"
    shut = [name for check, name in failed if check == "cloudapi-is-not-in-maintenance"]
    if shut:
        yield f"cloudapi of {_listed(shut)} is in maintenance"
    few = [name for check, name in failed if check == "cloudapi-lists-every-datacenter"]
    if few:
        yield f"cloudapi of {_listed(few)} does not list every datacenter"
    stale = sorted({name for check, name in failed if check in _STALE and name in seen})
    if stale:
        yield f"{_listed(stale)} {'get' if len(stale) > 1 else 'gets'} no new accounts or keys"


def _names(seen: dict[str, DatacenterEvidence]) -> Iterator[str]:
    """Whose names fail where.  One binder that answers is enough for a customer."""
    failing: dict[tuple[str, ...], list[str]] = {}
    asked = False
    for name, one in seen.items():
        lost: dict[str, bool] = {}
        for binder in _zones(one, "binder"):
            for of, answers in _answers(name, binder):
                asked = True
                lost[of] = lost.get(of, True) and not all(code == "NOERROR" for code in answers)
        if any(lost.values()):
            failing.setdefault(tuple(sorted(of for of in lost if lost[of])), []).append(name)
    for names, where in sorted(failing.items()):
        inside = "their" if len(where) > 1 else "its"
        yield (
            f"names of {_listed(names)} fail in {_listed(where)}"
            if names != tuple(where)
            else (f"{inside} own names fail in {_listed(where)}")
        )
    if asked and not failing:
        yield (
            "every name resolves"
            if all(_zones(one, "binder") for one in seen.values())
            else "names resolve where it was seen"
        )


def _answers(name: str, binder: ZoneEvidence) -> Iterator[tuple[str, list[str]]]:
    """What a binder answered about each datacenter."""
    if binder.names is not None and binder.names.value is not None:
        yield name, [answer.rcode for answer in binder.names.value.values()]
    elsewhere = binder.elsewhere.value if binder.elsewhere is not None else None
    for of, answers in (elsewhere or {}).items():
        yield of, [answer.rcode for answer in answers.values()]


def _mantas(seen: dict[str, DatacenterEvidence]) -> Iterator[str]:
    """Which mantas answer."""
    asked = {name: _pings(one, "webapi") for name, one in seen.items()}
    ill = {name: [ping for ping in pings if ping.status != 200] for name, pings in asked.items()}
    for name, bad in ill.items():
        if bad:
            few = f" in {len(bad)} of {len(asked[name])} zones" if len(bad) < len(asked[name]) else ""
            yield f"muskie of {name} {_said(bad[0])}{few}"
    if any(asked.values()) and not any(ill.values()):
        yield "every muskie answers"


def _unseen(seen: dict[str, DatacenterEvidence]) -> Iterator[str]:
    """Of whom nothing is known: whether customers notice anything there, nobody can tell from here."""
    dark = [name for name, one in seen.items() if not _pings(one, "cloudapi")]
    if dark:
        yield f"of {_listed(dark)} nothing was seen"


def _listed(names: Iterable[str]) -> str:
    told = list(names)
    if len(told) > _MOST:
        return some(told)
    return " and ".join(filter(None, (", ".join(told[:-1]), told[-1])))
