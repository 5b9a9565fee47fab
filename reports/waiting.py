"""Waiting until what was changed has settled: asks again, tells whose turn it is, and ends when all is well or patience is over.

Between two looks only the datacenters are asked in which something has not settled, and the master with them, with which they
are compared.  The report is always made from one that asked everybody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from evidence.subjects.spec import FINDINGS, Result, Spec, place_of
from evidence.subjects.world import World
from reports.page import counted, safe, some
from reports.progress import ProgressLine
from reports.underway import underway
from verdict.judge import Named, Verdict, judge

PAUSE = 10.0
"""Seconds between two looks."""
_OFF = re.compile(r"\b(disabled|maintenance)\b")
"""What SMF starts only when it is told to."""
NOBODY = "nobody by himself: these wait for somebody to repair them"
TURNS = {
    "config-agent (it looks every 60 to 180 s)": (
        "rendered-config-is-current",
        "rendered-files-are-usable",
        "settings-are-not-overridden",
        "services-have-read-their-files",
        "binder-region-agrees",
        "binder-names-its-own-datacenter",
        "sapi-loaded-its-master",
        "cloudapi-knows-the-master",
        "muskie-is-rendered-multi-dc",
        "replica-points-at-master",
        "master-password-is-known",
    ),
    "binder (it asks for other resolvers every 5 min)": (
        "binder-answers-other-datacenters",
        "binder-has-read-its-resolvers",
    ),
    "ufds-replicator (it tries again within half a minute, and copies about 50 changes a second)": (
        "admin-and-operators-are-there",
        "amon-probes-are-back",
        "binder-is-listed-as-resolver",
        "datacenters-are-registered",
        "directory-entries-agree",
        "poseidon-is-operator",
        "replicator-is-caught-up",
        "replicator-moves",
        "replicator-runs",
    ),
    "net-agent (it sets routes when it starts, and when NAPI changes)": (
        "adminui-reaches-master-ufds",
        "binder-reaches-binder",
        "cloudapi-reaches-master-ufds",
        "electric-moray-reaches-ring-imgapi",
        "routes-go-both-ways",
        "sapi-reaches-master-moray",
        "triton-zones-have-manta-routes",
        "ufds-reaches-master-ufds",
    ),
    "the service itself, or SMF (seconds; cloudapi half a minute)": (
        "adminui-answers",
        "agents-run",
        "binder-answers-own-names",
        "binder-runs-its-config",
        "cloudapi-answers",
        "cloudapi-answers-outside",
        "core-services-are-healthy",
        "internal-apis-answer",
        "muskie-answers",
        "net-agent-runs",
        "other-instances-are-healthy",
        "sapi-answers",
        "sapi-reaches-its-master",
        "services-run",
        "ufds-answers",
    ),
}
"""Whose turn it is until a check passes by itself: who, and how often (facts "Rendered config files")."""


class Waiting:
    """`ask` asks these datacenters again, or all (None).  `results` judges a world, `chosen` says what is waited for.

    `causes_alone`: what only follows from something else is not waited for.
    """

    def __init__(
        self,
        ask: Callable[[World, Collection[str] | None], World],
        results: Callable[[World], Iterable[Result]],
        specs: Mapping[str, Spec],
        chosen: Callable[[Result], bool],
        say: Callable[[str], None],
        progress: ProgressLine,
        *,
        causes_alone: bool = False,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._results, self._specs, self._chosen = ask, results, specs, chosen
        self._say, self._progress, self._pause, self._clock = say, progress, pause, clock
        self._causes_alone = causes_alone

    def until_well(self, world: World, patience: float) -> World:
        """The world in which all is well, or the last one within patience."""
        start, told, whole = self._clock(), "", True
        while True:
            verdict = judge(self._results(world), self._specs, world)
            left = self._left(verdict)
            spent = self._clock() - start
            if not left and whole:
                return self._ended(f"All is well after {_minutes(spent)}." if told else "", world)
            if left and spent >= patience:
                told = some([str(name) for name in _causes(left, verdict)], 5)
                return self._ended(f"Waited {_minutes(spent)}. This is left: {told}", self._all(world, whole))
            if left and (text := "\n".join((_turns(left, verdict), *_coupling(world)))) != told:
                told = text
                self._say(f"Waiting up to {_minutes(patience)} for {counted(len(left), 'finding')} to settle.\n{text}")
            try:
                if left:
                    self._rest(min(PAUSE, patience - spent), start, patience, len(left))
            except KeyboardInterrupt:
                return self._ended("No longer waited for. This is judged as it was seen last.", world)
            whole = not left
            world = self._ask(world, None if whole else places(left, verdict, world))

    def _left(self, verdict: Verdict) -> list[Named]:
        causes = {cause.name for cause in verdict.causes}
        rows = (row.result for row in verdict.results if row.result.outcome in FINDINGS)
        rows = (each for each in rows if not self._causes_alone or Named(each.check, each.subject) in causes)
        return [Named(result.check, result.subject) for result in rows if self._chosen(result)]

    def _all(self, world: World, whole: bool) -> World:
        return world if whole else self._ask(world, None)

    def _rest(self, seconds: float, start: float, patience: float, left: int) -> None:
        """A clock that moves, so that one sees that something is waited for."""
        end = self._clock() + seconds
        while (rest := end - self._clock()) > 0:
            spent = self._clock() - start
            self._progress(
                f"{_minutes(spent)} of {_minutes(patience)}: {counted(left, 'finding')} left, asking again in {rest:.0f} s"
            )
            self._pause(min(1.0, rest))

    def _ended(self, said: str, world: World) -> World:
        self._progress.done()
        if said:
            self._say(said)
        return world


def places(left: Iterable[Named], verdict: Verdict, world: World, *, compared: bool = True) -> set[str]:
    """The datacenters in which something does not hold, and the one with which they are compared."""
    of = {(row.result.check, row.result.subject): row.result for row in verdict.results}
    found: set[str] = set()
    for name in left:
        known = world.inventory.datacenters
        ends = {dc for dc in known if dc == place_of(name.subject) or f"--{dc}." in name.subject}
        found |= ends or {*of[name.check, name.subject].culprits} or {*world.inventory.datacenters}
    return found | ({world.inventory.master} if compared else set())


def _turns(left: Iterable[Named], verdict: Verdict) -> str:
    """The causes by whose turn it is, one line each."""
    known = {check: who for who, checks in TURNS.items() for check in checks}
    found: dict[str, list[str]] = {}
    off = {row.name for row in verdict.results if _OFF.search(row.result.observed)}
    for name in _causes(left, verdict):
        found.setdefault(NOBODY if name in off else known.get(name.check, NOBODY), []).append(str(name))
    order = [*TURNS, NOBODY]
    return "\n".join(safe(f"  {who}:\n    {some(found[who])}", keep="\n") for who in sorted(found, key=order.index))


def _coupling(world: World) -> list[str]:
    """How far an sdc-ufds-m2s that is under way has come."""
    return [safe(f"  {each}") for each in underway(world)]


def _causes(left: Iterable[Named], verdict: Verdict) -> list[Named]:
    """The causes of what is left."""
    names = set(left)
    causes = [cause.name for cause in verdict.causes if {cause.name, *_following(cause.consequences)} & names]
    return causes or sorted(names)


def _following(results: Iterable[Result]) -> set[Named]:
    return {Named(result.check, result.subject) for result in results}


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
