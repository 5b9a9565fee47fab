"""Collecting: everything is asked once, all at once, over SSH, and nothing is changed.

Commands run on head nodes: sysinfo, config.sh -json (which refreshes its own cache /tmp/.config.json, as Triton's tools do all the time),
vmadm lookup, sdcadm check-health, sdc-healthcheck, svcs, date, ls, true; on candidates also sdc-usbkey status, bootparams, diskinfo, fstyp,
grep and (on their master too) sdcadm insts; sdc-listdatacenters in the sdc zone; and zlogin with one constant script that only reads and
connects. svcs and zlogin run on compute nodes too, by ssh from the head node. Nothing is asked outside SSH except each cloudapi's public
URL, once.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from evidence.collect.accounts import Meeting
from evidence.collect.comparison import Comparing
from evidence.collect.datacenter import Collector, Shared
from evidence.collect.draft import Draft, blotted, now
from evidence.collect.how import AS_DECLARED, How
from evidence.collect.lateness import Lateness
from evidence.collect.lone import Alone
from evidence.collect.machine import make_room
from evidence.collect.names import Turns
from evidence.collect.replication import Changelog
from evidence.collect.waited import Waited
from evidence.deadline import Deadline
from evidence.fact import Fact
from evidence.inventory.model import CANDIDATE, REPLICA, Inventory, Timeouts
from evidence.model import CollectedPart, DnsAnswer, Evidence, Probe
from evidence.redact import Vault, fingerprint_key, key_mark
from evidence.subjects.links import LINKS, Link, links
from evidence.subjects.world import World
from triton_az_checks.places import version

log = logging.getLogger(__name__)

THREADS_PER_DATACENTER: Final = 12
LATER: Final = ("web", "conversation", "lookups")
"""What is loaded while head nodes are still dialled, in the order in which it is needed."""
PATIENCE: Final = 3.0
SLOW_MS: Final = 1000
_PROBED: Final = tuple(check for check, kind in LINKS.items() if kind.probed)


def _load_what_is_needed_later() -> None:
    for name in LATER:
        importlib.import_module(f"{__name__}.{name}")


async def collect(
    inventory: Inventory,
    progress: Callable[[str], None],
    before: Evidence | None = None,
    again: Collection[str] | None = None,
    patience: float = 1.0,
    deadline: Deadline | None = None,
    how: How = AS_DECLARED,
    alone: Alone | None = None,
) -> Evidence:
    """Return everything about every datacenter, as far as `inventory.timeouts`, taken `patience` times, allow.

    With `before` only the datacenters `again` are asked, the master among them if anybody is compared with it; of the others it
    has what is known.  What is not answered at the `deadline` is missing.  `how` says how directories are compared.  `alone` names the
    only datacenters that are asked on this machine, and the evidence is a part.

    `progress` gets a short line now and then. Raises FingerprintKeyError if the installation's key cannot be used, and MachineError if this
    machine lacks something, but nothing else: whatever fails outside is missing evidence.
    """
    make_room(len(inventory.datacenters))
    key = fingerprint_key()
    vault = Vault(key)
    started = now()
    timeouts, lateness = _times(inventory.timeouts, patience), Lateness()
    region = (
        inventory.datacenters[inventory.master].region if inventory.expect.manta else None
    )  # also where it is planned
    manta = {name for name, one in inventory.datacenters.items() if one.region == region}
    candidates = any(one.state == CANDIDATE for one in inventory.datacenters.values())
    names = tuple(sorted(inventory.datacenters))
    drafts = {
        name: Draft(one, vault, name in manta, candidates, _peers(inventory, name), names)
        for name, one in sorted(inventory.datacenters.items())
        if (before is None or again is None or name in again) and (alone is None or name in alone.names)
    }
    kept = {} if before is None else before.datacenters
    known = kept if alone is None else {**kept, **alone.known}
    for draft in drafts.values():
        if alone is not None:
            draft.apart, draft.parted = alone.unmet(inventory), alone.parted(draft.name, inventory)

    def evidence() -> Evidence:
        seen = {**known, **{name: draft.evidence() for name, draft in drafts.items()}}
        return Evidence(inventory, version(), started, now(), dict(sorted(seen.items())))

    async def links_from(name: str) -> Iterable[Link]:
        """The links of one datacenter, once all datacenters have told what must be known of where the links lead."""
        await asyncio.gather(*(draft.known.wait() for draft in drafts.values()))
        world = World(
            inventory, evidence()
        )  # as the datacenters told it: the links must not depend on who answered first
        wanted = [link for check in _PROBED for link in links(world, check) if link.source.datacenter.name == name]
        return wanted if alone is None else alone.reachable(wanted, drafts[name])

    replicas = tuple(name for name in drafts if inventory.datacenters[name].state == REPLICA)
    changelog = Changelog(replicas)
    limit = asyncio.timeout(_time_of(timeouts, deadline))

    def grows(seconds: float) -> None:
        """Large directories are read longer than all else may take; then there is a run's time left to compare what was read."""
        if limit.expired():
            return
        seconds += timeouts.run
        until = asyncio.get_running_loop().time() + (seconds if deadline is None else min(seconds, deadline.left))
        limit.reschedule(max(until, limit.when() or until))

    comparing = Comparing(replicas, timeouts.compare, grows, how.covered(key), how.memory(inventory, key))
    meeting = Meeting(name for name in drafts if inventory.datacenters[name].state == CANDIDATE)
    threads = ThreadPoolExecutor(max_workers=THREADS_PER_DATACENTER * len(drafts), thread_name_prefix="collect")
    threads.submit(_load_what_is_needed_later)
    shared = Shared(timeouts, threads, changelog, meeting, comparing, Turns(), inventory.expect.ufds_connections)
    waited = Waited(drafts, progress, reading=comparing.told)
    watching = [asyncio.ensure_future(each.watch()) for each in (lateness, waited)]
    try:
        async with limit, asyncio.TaskGroup() as tasks:
            for name, draft in drafts.items():
                collecting = Collector(draft, shared).collect(functools.partial(links_from, name))
                tasks.create_task(_survive(collecting, draft, waited))
    except TimeoutError:
        for draft in drafts.values():
            if draft.unanswered == Draft.unanswered:
                draft.unanswered = f"{_over(timeouts, deadline)} was over before this was answered"
    finally:
        for each in watching:
            each.cancel()
        threads.shutdown(wait=False, cancel_futures=True)
    seen = {**kept, **{name: blotted(draft.evidence(), vault) for name, draft in drafts.items()}}
    late = replace(lateness.seen, patience=patience)
    found = Evidence(
        inventory, version(), started, now(), dict(sorted(seen.items())), late=late, key_mark=key_mark(key)
    )
    if alone is None:
        return found
    return replace(found, parts=(CollectedPart(tuple(sorted(seen)), started, found.finished, found.suite_version),))


async def collect_patiently(
    inventory: Inventory,
    progress: Callable[[str], None],
    before: Evidence | None = None,
    again: Collection[str] | None = None,
    deadline: Deadline | None = None,
    how: How = AS_DECLARED,
    alone: Alone | None = None,
) -> Evidence:
    """The same; but if something lacks or came late while this machine itself was late, everything is asked again, with more patience.

    What is still missing then is missing in the datacenter, as far as this machine can tell.  Where the deadline cuts off what is asked
    again, what was seen before stands.
    """
    if deadline is not None and deadline.over and before is not None:
        return before
    seen = await collect(inventory, progress, before, again, deadline=deadline, how=how, alone=alone)
    if deadline is not None and deadline.cut:
        return _standing(seen, before, deadline)
    if not seen.late.busy or not in_doubt(seen.datacenters) or (deadline is not None and deadline.over):
        return seen
    patient = await collect(inventory, progress, before, again, PATIENCE, deadline, how, alone)
    return _standing(patient, seen, deadline) if deadline is not None and deadline.cut else patient


def _standing(cut: Evidence, before: Evidence | None, deadline: Deadline) -> Evidence:
    """What was seen before, if anything was: nothing of that was cut off."""
    deadline.cut = before is None
    return cut if before is None else before


def _time_of(timeouts: Timeouts, deadline: Deadline | None) -> float:
    return timeouts.run if deadline is None else min(timeouts.run, deadline.left)


def _over(timeouts: Timeouts, deadline: Deadline | None) -> str:
    """What was over, where something was: the deadline, or the time of one asking."""
    if deadline is None or not deadline.over:
        return f"the run's time of {timeouts.run:g} s"
    deadline.cut = True
    return f"the deadline of {deadline.told}"


def _times(given: Timeouts, patience: float) -> Timeouts:
    return Timeouts(given.connect * patience, given.command * patience, given.run * patience, given.compare)


def in_doubt(seen: object) -> bool:
    """Whether something in the evidence may be otherwise if there is more time for it: a gap, or what came late."""
    if isinstance(seen, Fact) and seen.why is not None and not seen.hidden:
        return True
    if isinstance(seen, Probe) and seen.result not in ("open", "refused", "unknown"):
        return True
    if isinstance(seen, DnsAnswer) and seen.ms > SLOW_MS:
        return True
    if isinstance(seen, Struct):
        return any(in_doubt(getattr(seen, name)) for name in seen.__struct_fields__)
    if isinstance(seen, Mapping):
        return any(map(in_doubt, seen.values()))
    return isinstance(seen, (tuple, list)) and any(map(in_doubt, seen))


def _peers(inventory: Inventory, name: str) -> tuple[str, ...]:
    """The other coupled datacenters of its region, whose names its binders must know."""
    return tuple(dc.name for dc in World(inventory).datacenter(name).peers if dc.state != CANDIDATE)


async def _survive(collecting: Awaitable[None], draft: Draft, waited: Waited) -> None:
    """A defect of ours costs one datacenter's evidence, which says so. It never costs the run, and there is no traceback."""
    try:
        await collecting
    except Exception as error:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        log.debug("%s", draft.name, exc_info=True)
        draft.unanswered, draft.broke = f"the suite broke while it collected ({type(error).__name__})", True
        draft.known.set()
    waited.done.add(draft.name)
