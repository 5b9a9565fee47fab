"""The shape of a case."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A fault of the lab (NAME@SUBJECT) and the causes, CHECK[SUBJECT], that the suite must name for it: these and no others.

    `mended` is for faults outside Triton (a dark head node), which no command typed into a head node can heal. Then the lab removes the
    fault. `lab` holds further options for starting the lab ("--manta"). `rounds` is how often a plan has to be made and typed: what must
    not be done before something else was proved is told afterwards only. `chance`: it is chance what follows besides the causes.
    """

    fault: str
    causes: tuple[str, ...]
    mended: bool = False
    lab: tuple[str, ...] = ()
    rounds: int = 1
    chance: bool = False

    @property
    def name(self) -> str:
        """Stable, and harmless in file names and in `-k`."""
        return _name(self.fault.replace("@", "-at-"), self.lab)


def healthy(lab: tuple[str, ...]) -> str:
    """The name of the healthy lab that is started with these options."""
    return _name("healthy", lab)


def _name(what: str, lab: tuple[str, ...]) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join((what, *(option.lstrip("-") for option in lab))))


def case(
    fault: str,
    *causes: str,
    mended: bool = False,
    lab: tuple[str, ...] = (),
    rounds: int = 1,
    chance: bool = False,
) -> Case:
    """A case. The order of the causes does not matter."""
    return Case(fault, tuple(sorted(causes)), mended, lab, rounds, chance)


SEVERAL = ("--instances", "binder=2,cloudapi=2")
"""Options of a lab in which a role has several instances that must be told apart."""

MASTER_UFDS = "my-dc-2.ufds.636"
"""The target of a link to the master's UFDS in the lab."""
