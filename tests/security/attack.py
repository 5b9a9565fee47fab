"""An attacker who has one datacenter: what its UFDS, SAPI, NAPI, FWAPI, VMAPI and head node say is his, in recorded evidence.

Each lie is one that a datacenter can tell: a text, a key or an item of a list anywhere in its part of the evidence.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from evidence.fact import Missing
from evidence.model import Evidence
from evidence.subjects.claims import judged
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.routes import address_in
from evidence.subjects.world import World
from remediate.neighbours import networks
from remediate.plan import make_plan
from remediate.steps import Step
from tests.judging import verdict_on
from tests.proofs.cases import CASES
from tests.recording import recorded
from tests.remediate import synthetic as s

CANARY = "az-canary"
"""A command that no step names. Whoever runs it has fallen for a value."""
UUID = "deadbeef-dead-4bad-8bad-deadbeefdead"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBMALLORYMALLORYMALLORYMALLORYMALLORYMALLORY mallory"
SHELL = (
    f"$({CANARY})", f"`{CANARY}`", f"'; {CANARY}; '", f'"; {CANARY}; "', f"\n{CANARY}\n", f"'\n{CANARY}\n'",
    f"; {CANARY} && {CANARY} | {CANARY} &", f"a[$({CANARY})]", f"${{x:=$({CANARY})}}", f"\\'; {CANARY}; \\'\x1b[2J",
    f" -o ProxyCommand={CANARY}", f"\x00\r\x1b]0;x\x07\u202e' $({CANARY})", f"$({CANARY})'; {CANARY}; '",
)  # fmt: skip
NAMES = (
    UUID, "mallory", "MALLORY", "mallory0", "mallory.example.com", "-mallory", "--mallory", "svc:/mallory:default", "/etc/mallory",
    "/opt/smartdc/mallory/etc/mallory.json", "../../etc/mallory", f"uuid={UUID}, ou=users, o=smartdc", "cn=mallory, o=smartdc",
    f"changenumber=1, cn=changelog, {UUID}", "https://mallory.example.com/", "ldaps://203.0.113.66:636", PUBLIC_KEY, "cn=mallory",
)  # fmt: skip
PLACES = (
    "203.0.113.66", "203.0.113.0/24", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7", "10.0.0.0/8", "10.99.66.6",
    "10.99.66.0/24", "10.1.1.66", "10.2.1.66", "10.3.1.66", "10.1.1.0/24", "10.2.2.0/24", "10.3.1.0/24", "10.2.2.29/0",
    "10.1.1.29/32 OR any", "any", "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "::/0",
)  # fmt: skip
MARKS = ("mallory", "deadbeef", "203.0.113.")
"""By these a value of the attacker's is known wherever it comes out, but in the cases of addresses that could be anybody's."""
EACH = 6
"""So many attacks on one recording."""
AT = tuple[str | int, ...]


class Lie(NamedTuple):
    """What is said, where, and how it stands to what is true."""

    at: AT
    how: str
    value: str


class Attack(Struct, frozen=True):
    """A recording, whose datacenter is the attacker's, what is said in it, and the steps that come of it."""

    name: str
    attacker: str
    lies: tuple[Lie, ...]
    world: World
    steps: tuple[Step, ...]

    @property
    def elsewhere(self) -> tuple[Step, ...]:
        """The steps that are typed in another datacenter."""
        return tuple(step for step in self.steps if step.on.partition(".")[0] != self.attacker)


def _split(name: str) -> tuple[str, str]:
    check, _, subject = name.removesuffix("]").partition("[")
    return check, subject


CAUSES = {case.name: tuple(s.cause(*_split(name)) for name in case.causes) for case in CASES}
"""What is wrong in each recording. An attacker's lies may add to it: then it is judged again."""


def texts(value: Any, at: AT = ()) -> Iterator[AT]:
    """Where texts stand; a key of an object is meant by its own place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*at, key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from texts(item, (*at, number))
    elif isinstance(value, str):
        yield at


def planned(evidence: Evidence, name: str, *, whole: bool = False) -> tuple[World, tuple[Step, ...]]:
    """What is typed for the recording's own causes, or (`whole`) for those that are judged from this evidence."""
    world = judged(evidence.inventory, evidence)
    plan = make_plan(verdict_on(evidence).causes if whole else CAUSES[name], world)
    assert not plan.defects, plan.defects
    return world, tuple(planned.step for entry in plan.entries for planned in entry.whole)


@cache
def honest(name: str) -> Attack:
    """The same recording where nobody lies."""
    return Attack(name, "", (), *planned(recorded(name), name))


def _used(name: str, attacker: str, data: Any) -> list[AT]:
    """Places whose text comes out in a step: of other datacenters, if there are such, else of its own."""
    found = [(step.on.startswith(attacker), f"{step.run}\n{step.undo}") for step in honest(name).steps]
    typed = "\n".join(text for own, text in found if not own) or "\n".join(text for _, text in found)
    return [at for at in texts(data) if len(text := str(_at(data, at))) > 3 and text in typed]


def _at(data: Any, at: AT) -> Any:
    for key in at:
        data = data[key]
    return data


def lied(data: Any, lie: Lie) -> Any:
    """The data with the lie in it."""
    *way, last = lie.at
    inner = _at(data, tuple(way))
    if lie.how == "key" and isinstance(inner, dict):
        inner[lie.value] = inner.pop(last)
    elif lie.how == "more" and isinstance(inner, list):
        inner.append(lie.value)
    elif lie.how == "more" and isinstance(inner, dict):
        inner[lie.value] = lie.value
    else:
        old = inner[last]
        inner[last] = {"after": f"{old}{lie.value}", "before": f"{lie.value}{old}"}.get(lie.how, lie.value)
    return data


def _lie(draw: random.Random, places: list[AT]) -> Lie:
    value = draw.choice(draw.choice((SHELL, NAMES, NAMES, PLACES)))
    how = draw.choice(("instead", "instead", "instead", "after", "before", "key", "more"))
    return Lie(draw.choice(places), how, value)


def attacks(seed: int, most: int, *, whole: bool = False) -> Iterator[Attack]:
    """So many attacks, the same for the same seed: a few on each recording that is drawn."""
    draw = random.Random(seed)
    while most > 0:
        name = draw.choice(sorted(CAUSES))
        evidence = honest(name).world.evidence
        assert evidence is not None
        for _ in range(1 if whole else EACH):
            made = attack(draw, name, draw.choice(sorted(evidence.datacenters)), whole=whole)
            if made is not None:
                most -= 1
                yield made


def attack(draw: random.Random, name: str, attacker: str, *, whole: bool) -> Attack | None:
    """One attack; None if the evidence cannot hold what was drawn, which its own types refuse."""
    evidence = honest(name).world.evidence
    told = json.loads(msgspec.json.encode(evidence))
    data = told["datacenters"][attacker]
    places, used = list(texts(data)), _used(name, attacker, data)
    lies = []
    for _ in range(draw.choice((1, 1, 2, 5))):
        lie = _lie(draw, used if used and draw.random() < 0.6 else places)
        try:
            lied(data, lie)
            evidence = msgspec.convert(told, type=Evidence)
        except (msgspec.ValidationError, KeyError, IndexError):
            return None
        lies.append(lie)
    assert evidence is not None
    return Attack(name, attacker, tuple(lies), *planned(evidence, name, whole=whole))


def ground(datacenter: Datacenter) -> Iterator[IPv4Network]:
    """Where an honest datacenter lives: its networks, and each address of its zones, as far as they are seen."""
    yield from networks(datacenter).values()
    try:
        zones = datacenter.evidence.zones.value or {}
    except Missing:
        return
    for zone in zones.values():
        yield from (IPv4Network(nic.ip) for nic in zone.vm.nics if address_in(nic.ip) is not None)


def names_in(step: Step, each: Attack) -> str:
    """What names objects in a step: all of its text. The master's values are copied by design: there only what the actions are done to."""
    if each.attacker != each.world.inventory.master:
        return f"{step.run}\n{step.undo}"
    fields = ("uuid", "network", "zone", "path", "paths", "dn")
    return " ".join(str(getattr(action, field, "")) for action in step.actions for field in fields)
