"""FWAPI: the firewall rules of a datacenter, in the language that people write them in.

Shapes and the language: sdc-fwapi:docs/index.md, lib/endpoints/rules/index.js, lib/rule.js, and fwrule's lib/rule.js.
What the rules do to a zone is lab/firewall.py's business.
"""

from __future__ import annotations

import ipaddress
import json
import re
import time
import uuid as uuids
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab import kinds, plan
from lab.http import HttpServer, OverHttp, Request, Response, error_response, json_response

PORT = 80
ALL_PORTS = (1, 65535)
HIGHEST = 100
"""Of a rule's priorities."""
TARGET_KINDS = ("wildcard", "ip", "subnet", "tag", "vm")  # in the order in which a rule's text shows them
FIELDS = ("created_by", "description", "enabled", "global", "log", "owner_uuid", "rule", "uuid", "version")
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([()=,])|([^\s()=,"]+)')
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EXISTS = {"field": "uuid", "code": "Duplicate", "message": "Already exists"}  # lib/errors.js createExistsErr
Rule = dict[str, Any]
Target = tuple[str, str, str | None]  # kind, what, and the value of a tag


class RuleError(Exception):
    """The rule cannot be understood, or concerns nobody."""


@dataclass(frozen=True)
class Parsed:
    """What a rule's text says."""

    sources: tuple[Target, ...]
    targets: tuple[Target, ...]
    action: str
    protocol: str
    ports: tuple[tuple[int, int], ...]
    types: tuple[str, ...]
    priority: int = 0

    @property
    def text(self) -> str:
        """The same in FWAPI's own words: sorted, tags quoted."""
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
    """Reads a rule; RuleError says what is wrong."""
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
    """PORT 80, PORT all, (PORT 80 AND PORT 443), PORTS 1 - 100, 443."""
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


class Rules:
    """What FWAPI's moray holds.  `on_change` hears of every change, as the firewaller agents do."""

    def __init__(self, rules: list[Rule], on_change: Callable[[], None] | None = None) -> None:
        self.by_uuid: dict[str, Rule] = {rule["uuid"]: rule for rule in rules}
        self.on_change = on_change

    def put(self, given: Mapping[str, Any], old: Rule | None = None) -> Rule:
        """A rule that is new, or instead of an old one; RuleError if it is none."""
        merged = {**(old or {}), **given}
        rule = {key: merged[key] for key in FIELDS if key in merged}
        if not isinstance(rule.get("rule"), str):
            raise RuleError("No rule specified")
        rule["rule"] = parse(rule["rule"]).text
        made: Rule = {"enabled": False, "log": False, "uuid": str(uuids.uuid4()), **rule}
        made["version"] = f"{int(time.time() * 1000)}.{1:06d}"
        self.by_uuid[made["uuid"]] = made
        self.changed()
        return made

    def changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def concerns(rule: Rule, zone: plan.Zone) -> bool:
    """Whether a zone is on either side of a rule that is for its owner (lib/endpoints/firewalls/vms.js)."""
    parsed = parse(rule["rule"])
    mine = bool(rule.get("global")) or rule.get("owner_uuid") == zone.owner_uuid
    return mine and any(is_meant(each, zone) for each in (*parsed.sources, *parsed.targets))


def is_meant(target: Target, zone: plan.Zone) -> bool:
    """Whether one side of a rule names a zone."""
    kind, what, value = target
    if kind == "tag":
        return what in zone.tags and value in (None, zone.tags[what])
    return what == (zone.uuid if kind == "vm" else "vmall")


def _invalid(field: str, message: str) -> Response:
    errors = [{"field": field, "code": "InvalidParameter", "message": message}]
    return json_response({"code": "InvalidParameters", "message": "Invalid parameters", "errors": errors}, 422)


class Fwapi(OverHttp):
    """Answers /ping, /rules, /rules/UUID and /firewalls/vms/UUID."""

    def __init__(self, place: kinds.Place, rules: Rules, zone: Callable[[str], plan.Zone | None]) -> None:
        self._place = place
        self.rules = rules
        self._zone = zone
        self.http = HttpServer(self.answer, "SmartDataCenter Firewall API")

    async def start(self) -> None:
        await self.http.start(self._place.listen(PORT))

    async def stop(self) -> None:
        await self.http.stop()

    async def answer(self, request: Request) -> Response:
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["ping"]):
                online = dict.fromkeys(("fast", "moray", "ufds"), "online")
                return json_response({"healthy": True, "services": online, "status": "OK"})
            case ("GET", ["rules"]):
                return json_response(self._list(request.query))
            case ("POST", ["rules"]):
                return self._write(request, None)
            case (_, ["rules", uuid]):
                return self._one(request, uuid)
            case ("GET", ["firewalls", "vms", uuid]):
                return self._of_vm(uuid)
        return error_response(404, "ResourceNotFound", f"{request.path} does not exist")

    def _list(self, query: Mapping[str, str]) -> list[Rule]:
        """Filters that nobody of the lab's guests uses (tag, vm, ip, subnet) are not imitated."""
        owner = query.get("owner_uuid")
        return [rule for rule in self.rules.by_uuid.values() if owner in (None, rule.get("owner_uuid"))
                or rule.get("global")]  # fmt: skip

    def _of_vm(self, uuid: str) -> Response:
        zone = self._zone(uuid)
        if zone is None:
            return error_response(404, "ResourceNotFound", "VM not found")
        return json_response([rule for rule in self.rules.by_uuid.values() if concerns(rule, zone)])

    def _one(self, request: Request, uuid: str) -> Response:
        rule = self.rules.by_uuid.get(uuid)
        if rule is None:
            return error_response(404, "ResourceNotFound", "rule not found")
        match request.method:
            case "GET":
                return json_response(rule)
            case "PUT":
                return self._write(request, rule)
            case "DELETE":
                del self.rules.by_uuid[uuid]
                self.rules.changed()
                return Response(204)
        return error_response(405, "MethodNotAllowedError", f"{request.method} is not allowed")

    def _write(self, request: Request, old: Rule | None) -> Response:
        try:
            given = json.loads(request.body or b"{}") if request.content_type == "application/json" else {}
        except ValueError as error:
            return error_response(400, "InvalidContent", f"Invalid JSON: {error}")
        if not isinstance(given, dict):
            return _invalid("rule", "No rule specified")
        if old is None and not given.get("rule"):
            return error_response(409, "MissingParameter", '"rule" parameter required')
        if old is None and not {"global", "owner_uuid"} & set(given):
            return _invalid("owner_uuid", "owner_uuid required")
        if given.get("global") and "owner_uuid" in given:
            return _invalid("global", "cannot specify both global and owner_uuid")
        if not isinstance(given.get("enabled", False), bool):
            return _invalid("enabled", "enabled must be true or false")
        if old is not None:
            given.pop("uuid", None)
        elif "uuid" in given and not UUID.fullmatch(str(given["uuid"])):
            return _invalid("uuid", "Invalid rule UUID")
        elif given.get("uuid") in self.rules.by_uuid:
            return json_response({"code": "RuleExistsError", "message": "rule already exists", "errors": [EXISTS]}, 422)
        try:
            return json_response(self.rules.put(given, old), 202)
        except RuleError as error:
            return _invalid("rule", str(error))
