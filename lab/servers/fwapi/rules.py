"""The language of FWAPI's rules: sdc-fwapi:docs/index.md, and fwrule's lib/rule.js."""

from __future__ import annotations

import ipaddress
import re
import uuid as uuids
from dataclasses import dataclass
from typing import Any

from lab.plan.datacenters import Zone

ALL_PORTS = (1, 65535)
HIGHEST = 100
"""The highest priority of a rule."""
TARGET_KINDS = ("wildcard", "ip", "subnet", "tag", "vm")  # in the order in which a rule's text shows them
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([()=,])|([^\s()=,"]+)')
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Rule = dict[str, Any]
Target = tuple[str, str, str | None]  # kind, name, and the value of a tag


class RuleError(Exception):
    """The rule cannot be understood, or concerns nobody."""


@dataclass(frozen=True)
class Parsed:
    """The contents of a rule's text."""

    sources: tuple[Target, ...]
    targets: tuple[Target, ...]
    action: str
    protocol: str
    ports: tuple[tuple[int, int], ...]
    types: tuple[str, ...]
    priority: int = 0

    @property
    def text(self) -> str:
        """The rule in FWAPI's own words: sorted, tags quoted."""
        what = ""
        if self.protocol in ("tcp", "udp"):
            what = " " + _shown_ports(self.ports)
        elif self.types:
            what = " " + _joined([f"TYPE {each}" for each in self.types], "AND")
        last = f" PRIORITY {self.priority}" if self.priority else ""
        sides = [_joined([_shown(each) for each in side], "OR") for side in (self.sources, self.targets)]
        return f"FROM {sides[0]} TO {sides[1]} {self.action.upper()} {self.protocol}{what}{last}"


def _joined(parts: list[str], word: str) -> str:
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"


def _shown(target: Target) -> str:
    kind, what, value = target
    if kind == "wildcard":
        return "all vms" if what == "vmall" else what
    if kind == "tag":
        return f'tag "{what}"' + (f' = "{value}"' if value is not None else "")
    return f"{kind} {what}"


def _shown_ports(ports: tuple[tuple[int, int], ...]) -> str:
    if ports == (ALL_PORTS,):
        return "PORT all"
    if all(first == last for first, last in ports):
        return _joined([f"PORT {first}" for first, _ in ports], "AND")
    return "PORTS " + ", ".join(str(first) if first == last else f"{first} - {last}" for first, last in ports)


class _Words:
    """The tokens of a rule, one after the other."""

    def __init__(self, text: str) -> None:
        found = [match.groups() for match in TOKEN.finditer(text)]
        self._words = [(mark or word or quoted or "", quoted is not None) for quoted, mark, word in found]

    def peek(self) -> str:
        word, quoted = self._words[0] if self._words else ("", False)
        return "" if quoted else word.lower()

    def take(self) -> str:
        if not self._words:
            raise RuleError("the rule ends too early")
        return self._words.pop(0)[0]

    def want(self, *words: str) -> str:
        found = self.take()
        if found.lower() not in words:
            raise RuleError(f"at '{found}': expected {' or '.join(repr(word.upper()) for word in words)}")
        return found.lower()

    def __bool__(self) -> bool:
        return bool(self._words)


def parse(text: str) -> Parsed:
    """Read a rule. RuleError says what is wrong."""
    words = _Words(text)
    words.want("from")
    sources = _side(words)
    words.want("to")
    targets = _side(words)
    action = words.want("allow", "block")
    protocol = words.want("tcp", "udp", "icmp", "icmp6", "ah", "esp")
    ports: tuple[tuple[int, int], ...] = ()
    types: tuple[str, ...] = ()
    if protocol in ("tcp", "udp"):
        ports = _ports(words)
    elif protocol in ("icmp", "icmp6"):
        types = _types(words)
    priority = 0
    if words.peek() == "priority":
        words.take()
        priority = _number(words.take(), HIGHEST)
    if words:
        raise RuleError(f"at '{words.take()}': expected the end of the rule")
    if not any(kind in ("tag", "vm") or what == "vmall" for kind, what, _ in (*sources, *targets)):
        raise RuleError("rule does not affect VMs")
    return Parsed(sources, targets, action, protocol, ports, types, priority)


def _side(words: _Words) -> tuple[Target, ...]:
    found = set()
    if words.peek() == "(":
        words.take()
        found.add(_target(words))
        while words.want("or", ")") == "or":
            found.add(_target(words))
    else:
        found.add(_target(words))
    return tuple(sorted(found, key=lambda each: (TARGET_KINDS.index(each[0]), each[1], each[2] or "")))


def _target(words: _Words) -> Target:
    kind = words.want("any", "all", "ip", "subnet", "tag", "vm")
    if kind == "any":
        return "wildcard", "any", None
    if kind == "all":
        words.want("vms")
        return "wildcard", "vmall", None
    what = words.take()
    if kind == "tag" and words.peek() == "=":
        words.take()
        return kind, what, words.take()
    try:
        if kind == "ip":
            ipaddress.ip_address(what)
        elif kind == "subnet":
            ipaddress.ip_network(what)
        elif kind == "vm":
            uuids.UUID(what)
    except ValueError:
        raise RuleError(f"at '{what}': {kind} is invalid") from None
    return kind, what, None


def _number(text: str, most: int) -> int:
    if not text.isdigit() or int(text) > most:
        raise RuleError(f"at '{text}': expected a number up to {most}")
    return int(text)


def _port(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = _number(first.strip(), ALL_PORTS[1])
    high = _number(last.strip(), ALL_PORTS[1]) if dash else low
    if not 1 <= low <= high:
        raise RuleError(f"at '{text}': port number is invalid")
    return low, high


def _ports(words: _Words) -> tuple[tuple[int, int], ...]:
    """Read PORT 80, PORT all, (PORT 80 AND PORT 443), PORTS 1 - 100, 443."""
    found = []
    if words.peek() == "ports":
        words.take()
        text = ""
        while words and words.peek() != "priority":
            text += words.take()
        found = [ALL_PORTS if each == "all" else _port(each) for each in text.lower().split(",")]
    else:
        for text in _listed(words, "port"):
            found.append(ALL_PORTS if text.lower() == "all" else _port(text))
    return (ALL_PORTS,) if ALL_PORTS in found else tuple(sorted(set(found)))


def _types(words: _Words) -> tuple[str, ...]:
    return tuple(sorted(set(_listed(words, "type"))))


def _listed(words: _Words, word: str) -> list[str]:
    several = words.peek() == "("
    if several:
        words.take()
    found = []
    while True:
        words.want(word)
        text = words.take()
        if words.peek() == "code":
            text += f" {words.take().upper()} {words.take()}"
        found.append(text.lower() if text.lower() == "all" else text)
        if not several or words.want("and", ")") == ")":
            return found


def concerns(rule: Rule, zone: Zone) -> bool:
    """Whether a zone is on either side of a rule that is for its owner (lib/endpoints/firewalls/vms.js)."""
    parsed = parse(rule["rule"])
    mine = bool(rule.get("global")) or rule.get("owner_uuid") == zone.owner_uuid
    return mine and any(is_meant(each, zone) for each in (*parsed.sources, *parsed.targets))


def is_meant(target: Target, zone: Zone) -> bool:
    """Whether one side of a rule names a zone."""
    kind, what, value = target
    if kind == "tag":
        return what in zone.tags and value in (None, zone.tags[what])
    return what == (zone.uuid if kind == "vm" else "vmall")
