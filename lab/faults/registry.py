"""Which faults exist, and where one is planted."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from lab import faults
from lab.machine.machines import Machine, Site
from lab.state.lab import Lab


class UnknownFaultError(Exception):
    """The name or the subject does not exist."""


class NoSymptomError(Exception):
    """The consequence of the fault does not come about, because another planted fault stands in its way."""


@dataclass(frozen=True)
class Target:
    """Where a fault is planted."""

    site: Site
    machine: Machine


Undo = Callable[[], Awaitable[None]]
# A fault that no command of Triton heals returns how to undo it.
Planting = Callable[[Lab, Target], Awaitable[Undo | None]]


@dataclass(frozen=True)
class Fault:
    """One cause. `where` is the kind of its subject: "datacenter", "server" (a compute node), or the role of a zone ("zone": any).

    `states` are the states of a datacenter in which the fault changes something. In others it is refused.
    """

    name: str
    where: str
    text: str
    default: str
    plant: Planting = dataclasses.field(repr=False)
    states: tuple[str, ...] = ("master", "replica", "candidate")


FAULTS: dict[str, Fault] = {}
FAMILIES: list[Callable[[str], Fault | None]] = []
"""Each knows faults by a form of their name, which are too many to be listed."""


def fault(name: str, where: str, default: str, states: Sequence[str] = Fault.states) -> Callable[[Planting], Planting]:
    """Register a fault. Its docstring says what it does, and what it stands for."""

    def register(planting: Planting) -> Planting:
        text = " ".join((planting.__doc__ or "").split())
        FAULTS[name] = Fault(name, where, text, default, planting, tuple(states))
        return planting

    return register


def _load() -> None:
    """Import the modules beside this one: they register their faults."""
    for module in pkgutil.iter_modules(faults.__path__):
        importlib.import_module(f"{faults.__name__}.{module.name}")


def parse(text: str) -> tuple[Fault, str]:
    """Read NAME[@SUBJECT]."""
    _load()
    name, _, subject_ = text.partition("@")
    for family in FAMILIES:
        if one := family(name):
            return one, subject_ or one.default
    if name not in FAULTS:
        raise UnknownFaultError(f"there is no fault {name!r}; --list-faults names them")
    return FAULTS[name], subject_ or FAULTS[name].default


def unknown(text: str) -> str | None:
    """Why NAME[@SUBJECT] names no fault; None if it names one."""
    try:
        parse(text)
    except UnknownFaultError as error:
        return str(error)
    return None


def listing() -> str:
    """All faults, for people."""
    _load()
    lines = []
    for each in FAULTS.values():
        lines.append(f"{each.name}[@{each.where.upper()}]   (default: {each.default})\n    {each.text}\n")
    return "".join(lines)


def subject(lab: Lab, the_fault: Fault, text: str) -> Target:
    """Find the datacenter or zone that is meant: DC, or DC.ALIAS[.SERVICE…]."""
    name, _, rest = text.partition(".")
    alias = rest.partition(".")[0]
    if name not in lab.sites:
        raise UnknownFaultError(f"{the_fault.name}: there is no datacenter {name!r}")
    site = lab.sites[name]
    state = site.datacenter.state
    if state not in the_fault.states:
        raise UnknownFaultError(
            f"{the_fault.name}: {name} is a {state}, where it would change nothing; it is for a {' or '.join(the_fault.states)}"
        )
    if the_fault.where == "datacenter":
        if alias:
            raise UnknownFaultError(f"{the_fault.name}: its subject is a datacenter, not {text!r}")
        return Target(site, site.headnode)
    if the_fault.where == "server":
        found = [each for each in site.compute_nodes if each.alias == alias]
        if not found:
            raise UnknownFaultError(f"{the_fault.name}: there is no such compute node: {text!r} (--servers 2 has some)")
        return Target(site, found[0])
    if not alias and the_fault.where == "port":
        return Target(site, site.headnode)
    if not alias and the_fault.where != "zone":
        alias = f"{the_fault.where}0"
    if alias not in site.zones or the_fault.where not in ("zone", "port", site.zones[alias].zone.role):
        raise UnknownFaultError(f"{the_fault.name}: there is no such zone for it: {text!r}")
    return Target(site, site.zones[alias])
