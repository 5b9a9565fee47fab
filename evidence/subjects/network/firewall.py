"""What FWAPI's rules let into a zone from another datacenter: the language of rules, and their precedence. Pure functions.

Source: sdc-fwapi:docs/index.md ("Default Policy", "Rules"), fwrule's grammar.  Incoming packets are blocked unless a rule allows
them. The rule of higher priority wins; at the same priority ALLOW wins (also fwadm, smartos-live:src/fw).
Tags and VMs in FROM are those of the same datacenter, so only `any`, `ip` and `subnet` can mean another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from evidence.model import FirewallRule, Vm
from evidence.subjects.network.routes import subnet
from evidence.subjects.triton import MANTA_ROLES

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[()=,]|[^\s()=,"]+')
_MOST = 10_000
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_ROLE_TAGS = ("smartdc_role", "manta_role")


class UnreadableRuleError(Exception):
    """A text that is not a rule."""


@dataclass(frozen=True)
class _Rule:
    """A parsed rule: its sides are lists of (kind, what, a tag's value or None); its ports are ranges."""

    sources: tuple[tuple[str, str, str | None], ...]
    targets: tuple[tuple[str, str, str | None], ...]
    allows: bool
    protocol: str
    ports: tuple[tuple[int, int], ...]
    priority: int


def read(text: str) -> _Rule:
    """Reads a rule of FWAPI.  Raises UnreadableRuleError."""
    words = _WORD.findall(text) if len(text) <= _MOST else []
    lower = [word.lower() for word in words]
    try:
        to = lower.index("to")
        act = next(index for index, word in enumerate(lower) if word in ("allow", "block") and index > to)
        protocol = lower[act + 1]
    except (ValueError, StopIteration, IndexError):
        raise UnreadableRuleError(text) from None
    if lower[:1] != ["from"]:
        raise UnreadableRuleError(text)
    rest, priority = lower[act + 2 :], 0
    if "priority" in rest:
        at = rest.index("priority")
        found = "".join(rest[at + 1 :])
        if not re.fullmatch(r"[0-9]{1,3}", found):
            raise UnreadableRuleError(text)
        rest, priority = rest[:at], int(found)
    ports = tuple(_ports(rest, text)) if protocol in ("tcp", "udp") else ()
    sides = (tuple(_side(iter(words[1:to]), text)), tuple(_side(iter(words[to + 1 : act]), text)))
    return _Rule(*sides, lower[act] == "allow", protocol, ports, priority)


def _side(words: Iterator[str], text: str) -> Iterator[tuple[str, str, str | None]]:
    waiting: list[str] = []
    for word in [*(word for word in words if word not in "()"), "or"]:
        if word.lower() != "or":
            waiting.append(word.strip('"'))
            continue
        match [waiting[0].lower() if waiting else "", *waiting[1:]]:
            case ["any"]:
                yield "any", "", None
            case ["all", _]:
                yield "all", "", None
            case ["ip" | "subnet" | "vm" as kind, what]:
                yield kind, what, None
            case ["tag", what]:
                yield "tag", what, None
            case ["tag", what, "=", value]:
                yield "tag", what, value
            case _:
                raise UnreadableRuleError(text)
        waiting = []


def _ports(words: list[str], text: str) -> Iterator[tuple[int, int]]:
    """PORT 80, PORT all, (PORT 80 AND PORT 443), PORTS 1 - 100, 443."""
    given = " ".join(word for word in words if word not in ("port", "ports", "(", ")", "and", ","))
    found = [_RANGE.fullmatch(part) for part in given.replace(" - ", "-").split() if part != "all"]
    if not given or None in found:
        raise UnreadableRuleError(text)
    if "all" in given.split():
        yield 1, 65535
    for each in filter(None, found):
        yield int(each[1]), int(each[2] or each[1])


def lets_in(rules: Iterable[FirewallRule], vm: Vm, source: str, protocol: str, port: int) -> bool:
    """Whether the rules let a source address of another datacenter reach a port of the zone.

    Raises UnreadableRuleError if no readable rule does, and some rules are unreadable."""
    address, deciding, unreadable = IPv4Address(source), [], ""
    for rule in rules:
        if not rule.enabled:
            continue
        try:
            each = read(rule.rule)
        except UnreadableRuleError:
            unreadable = rule.uuid
            continue
        if any(_holds(side, address) for side in each.sources) and _concerns(each, vm, protocol, port):
            deciding.append((each.priority, each.allows))
    if any(allows for priority, allows in deciding if priority == max(deciding)[0]):
        return True
    if unreadable:
        raise UnreadableRuleError(unreadable)
    return False


def anybody(rules: Iterable[FirewallRule], vm: Vm, protocol: str, port: int) -> tuple[FirewallRule, ...]:
    """The enabled rules that let every address reach a port of the zone, except those that a BLOCK of higher priority overrides."""
    found: list[tuple[FirewallRule, _Rule]] = []
    for rule in rules:
        try:
            each = read(rule.rule)
        except UnreadableRuleError:
            continue
        everywhere = any(kind == "any" or (kind == "subnet" and _wide(what)) for kind, what, _ in each.sources)
        if rule.enabled and everywhere and _concerns(each, vm, protocol, port, sure=True):
            found.append((rule, each))
    blocked = max((each.priority for _, each in found if not each.allows), default=-1)
    return tuple(rule for rule, each in found if each.allows and each.priority >= blocked)


def _concerns(rule: _Rule, vm: Vm, protocol: str, port: int, *, sure: bool = False) -> bool:
    """Whether a rule is about packets coming in to a port of the zone."""
    return (
        rule.protocol == protocol
        and any(first <= port <= last for first, last in rule.ports)
        and any(_means(side, vm, sure=sure) for side in rule.targets)
    )


def _wide(what: str) -> bool:
    net = subnet(what)
    return net is not None and net.prefixlen == 0


def _holds(side: tuple[str, str, str | None], address: IPv4Address) -> bool:
    kind, what, _ = side
    net = subnet(what) if kind in ("ip", "subnet") else None
    return kind == "any" or (net is not None and address in net)


def _means(side: tuple[str, str, str | None], vm: Vm, *, sure: bool = False) -> bool:
    """Whether a side means the zone.

    FWAPI lists the rules that concern the zone. So where its other tags were not asked (older evidence), an unknown tag counts as its
    own, unless the caller must be `sure`.
    """
    kind, what, value = side
    if kind == "tag" and what in _ROLE_TAGS:
        return (what == "manta_role") == (vm.role in MANTA_ROLES) and value in (None, vm.role)
    if kind == "tag" and vm.tags is not None:
        return what in vm.tags and value in (None, vm.tags[what])
    return kind == "all" or (kind == "tag" and not sure) or (kind == "vm" and what == vm.uuid)
