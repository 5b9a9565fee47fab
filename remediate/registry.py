"""Which remedy belongs to which check, and how it is asked about a cause."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from evidence.fact import Missing
from evidence.subjects.binding import Subject, bind
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import LINKS, links
from evidence.subjects.spec import BLOCKED
from evidence.subjects.triton import MANTA_ROLES, ROLES
from evidence.subjects.world import World
from remediate.elsewhere import on_its_server
from remediate.steps import OPERATOR, Advice, Note, Step
from remediate.typed import NotOfTheFormError, refusal
from verdict.graph import INVENTORY
from verdict.judge import Cause

Advised = Iterator[Step | Note]
Build = TypeVar("Build", bound=Callable[..., Advised])

CHAPTERS = (
    "inventory",
    "access",
    "coupling",
    "losses",
    "ahead",
    "settings",
    "names",
    "routes",
    "firewall",
    "servers",
    "reachability",
    "binder",
    "ufds",
    "replication",
    "directory",
    "registrations",
    "sapi",
    "manta",
    "shards",
    "cloudapi",
)
"""The modules that hold remedies, in the order of a plan: what others depend on comes first."""


class Remedy(Struct, frozen=True):
    """A generator of steps. `parameters` are bound like those of its check (evidence.binding.bind).

    The steps of a remedy that is `for_unseen` reach what could not be asked. All others repair what was seen to be wrong.
    """

    check: str
    chapter: str
    parameters: tuple[str, ...]
    build: Callable[..., Advised]
    for_unseen: bool = False


_REMEDIES: dict[str, Remedy] = {}
_DEFECT = "No step can be given: the suite itself broke here. The report names this defect separately."
_BROKEN: dict[str, str] = {}
"""The chapters that cannot be loaded, and why."""


def remedy(check: str, *, for_unseen: bool = False) -> Callable[[Build], Build]:
    """Declare a generator function as the remedy of a check."""

    def declare(build: Build) -> Build:
        if check in _REMEDIES and _REMEDIES[check].build.__qualname__ != build.__qualname__:
            raise ValueError(f"two remedies for {check}")
        chapter = build.__module__.rpartition(".")[2]
        _REMEDIES[check] = Remedy(check, chapter, tuple(inspect.signature(build).parameters), build, for_unseen)
        return build

    return declare


def in_each(datacenters: Iterable[Datacenter], advise: Callable[[Datacenter], Advised]) -> Advised:
    """What to do in each datacenter. One that cannot be seen gets a note, and the others still get their steps."""
    for datacenter in datacenters:
        try:
            yield from advise(datacenter)
        except Missing as missing:
            yield Note(f"There may be more to do, because this is not known: {missing}.")


def proved_by(advised: Iterable[Step | Note], *proof: str) -> Advised:
    """The same steps with these proofs, if their own cause is not the only proof or not the right one."""
    for said in advised:
        yield replace(said, proof=proof) if isinstance(said, Step) else said


def remedies() -> dict[str, Remedy]:
    """Every remedy, by check id."""
    for chapter in CHAPTERS:
        try:
            importlib.import_module(f"remediate.{chapter}")
        except Exception as error:  # a broken chapter must not cost the operator the verdict
            _BROKEN[chapter] = f"{type(error).__name__}: {error}"
    return _REMEDIES


def chapter_of(check: str) -> str:
    """The chapter of a check that has a remedy; else empty."""
    found = remedies().get(check)
    return found.chapter if found is not None else ""


def subject_named(world: World, check: str, name: str) -> Subject | None:
    """The subject of a finding by its id; None if the evidence no longer has it."""
    if check in LINKS:
        return next((link for link in links(world, check) if link.id == name), None)
    wholes: tuple[Subject, ...] = (world.coupling, *world.datacenters, *world.regions)
    parts = (zone for dc in world.datacenters for role in (*ROLES, *MANTA_ROLES) for zone in dc.zones(role))
    return next((subject for subject in (*wholes, *parts) if subject.id == name), None)


def advice_for(cause: Cause, world: World) -> Advice:
    """What to do about a cause. If evidence is missing: what can be said without it, and what is missing."""
    check, name = cause.finding.check, cause.finding.subject
    found = remedies().get(check)
    if world.mistakes and check != INVENTORY:  # nobody knows what was meant
        return Advice(notes=(f"The inventory is wrong ({INVENTORY}). No step is given until it is right.",))
    if found is None and _BROKEN:
        why = "; ".join(f"remediate/{chapter}.py ({why})" for chapter, why in sorted(_BROKEN.items()))
        return Advice(notes=(_DEFECT,), defect=f"remedies cannot be loaded, perhaps that of {check}: {why}")
    if found is None:
        return Advice(notes=(f"There is no remedy for {check} yet. Its documentation says what must hold.",))
    steps: list[Step] = []
    notes: list[str] = []
    defect = ""
    unseen = cause.finding.outcome == BLOCKED and not found.for_unseen
    try:
        subject = subject_named(world, check, name)
        if subject is None:
            return Advice(notes=(f"{name} is not in the stored evidence, so no command can be given for it.",))
        for told in found.build(**bind(world, subject, found.parameters)):
            said = on_its_server(told, world)
            if isinstance(said, Step) and unseen and said.on != OPERATOR:
                notes.append(f"This could not be judged, so no step is given that changes {said.on.partition('.')[0]}.")
            elif isinstance(said, Step):
                steps.append(said if said.proof else replace(said, proof=(str(cause.name),)))
            else:
                notes.append(said.text)
    except Missing as missing:
        notes.append(f"There may be more to do, because this is not known: {missing}.")
    except NotOfTheFormError as error:
        notes.append(refusal(error, world))
    except Exception as error:  # a broken remedy must not cost the operator the verdict
        defect = f"the remedy of {check}[{name}] itself broke: {type(error).__name__}: {error}"
        notes.append(_DEFECT)
    if not steps and not notes:
        notes.append("The evidence shows nothing that a command could repair. Run the checks again.")
    return Advice(tuple(steps), tuple(dict.fromkeys(notes)), defect)


def steps_for(cause: Cause, world: World) -> tuple[Step, ...]:
    """Only the steps of `advice_for`."""
    return advice_for(cause, world).steps
