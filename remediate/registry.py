"""Which remedy belongs to which check, and asking it for a cause."""

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
    "names",
    "routes",
    "firewall",
    "servers",
    "reachability",
    "binder",
    "ufds",
    "replication",
    "directory",
    "sapi",
    "manta",
    "cloudapi",
)
"""The modules that hold remedies, in the order of a plan: what others rest on comes first."""


class Remedy(Struct, frozen=True):
    """A generator of steps; `parameters` are bound as those of its check are (evidence.binding.bind).

    Of one that is `for_unseen` the steps get at what could not be asked; any other's put right what was seen to be wrong.
    """

    check: str
    chapter: str
    parameters: tuple[str, ...]
    build: Callable[..., Advised]
    for_unseen: bool = False


_REMEDIES: dict[str, Remedy] = {}


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
    """What is to be done in each datacenter; of one that cannot be seen just that is told, and the others come all the same."""
    for datacenter in datacenters:
        try:
            yield from advise(datacenter)
        except Missing as missing:
            yield Note(f"Not known, so there may be more to do: {missing}.")


def proved_by(advised: Iterable[Step | Note], *proof: str) -> Advised:
    """The same, where more proves the steps than their own cause, or something else."""
    for said in advised:
        yield replace(said, proof=proof) if isinstance(said, Step) else said


def remedies() -> dict[str, Remedy]:
    """Every remedy, by check id."""
    for chapter in CHAPTERS:
        importlib.import_module(f"remediate.{chapter}")
    return _REMEDIES


def chapter_of(check: str) -> str:
    """The chapter of a check, as far as it has a remedy; else empty."""
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
    """What to do about a cause.  Where evidence is missing, what can be said without it, and what is missing."""
    check, name = cause.finding.check, cause.finding.subject
    found = remedies().get(check)
    if world.mistakes and check != INVENTORY:  # what was meant is not known
        return Advice(notes=(f"The inventory is wrong ({INVENTORY}): no step is given before it is put right.",))
    if found is None:
        return Advice(notes=(f"No remedy is written for {check} yet; its documentation says what must hold.",))
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
                notes.append(
                    f"It could not be judged, so no step is given that changes {said.on.partition('.')[0]} for it."
                )
            elif isinstance(said, Step):
                steps.append(said if said.proof else replace(said, proof=(str(cause.name),)))
            else:
                notes.append(said.text)
    except Missing as missing:
        notes.append(f"Not known, so there may be more to do: {missing}.")
    except NotOfTheFormError as error:
        notes.append(refusal(error, world))
    except Exception as error:  # a broken remedy must not cost the operator the verdict
        defect = f"the remedy of {check}[{name}] itself broke: {type(error).__name__}: {error}"
        notes.append("No step can be given: the suite itself broke here, which is told apart.")
    if not steps and not notes:
        notes.append("The evidence shows nothing that a command would put right: run the checks again.")
    return Advice(tuple(steps), tuple(dict.fromkeys(notes)), defect)


def steps_for(cause: Cause, world: World) -> tuple[Step, ...]:
    """Only the steps of `advice_for`."""
    return advice_for(cause, world).steps
