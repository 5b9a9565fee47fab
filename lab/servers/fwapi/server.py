"""FWAPI: the firewall rules of a datacenter, in the language in which people write them (rules.py).

Shapes: sdc-fwapi:docs/index.md, lib/endpoints/rules/index.js, lib/rule.js. The agent firewaller applies the rules to the zones.
"""

from __future__ import annotations

import json
import time
import uuid as uuids
from collections.abc import Callable, Mapping
from typing import Any

from lab.machine import kinds
from lab.plan.datacenters import Zone
from lab.servers.fwapi.rules import UUID, Rule, RuleError, concerns, parse
from lab.servers.http import HttpServer, OverHttp, Request, Response, error_response, json_response

PORT = 80
FIELDS = ("created_by", "description", "enabled", "global", "log", "owner_uuid", "rule", "uuid", "version")
EXISTS = {"field": "uuid", "code": "Duplicate", "message": "Already exists"}  # lib/errors.js createExistsErr


class Rules:
    """What FWAPI's moray holds. `on_change` is called after every change, which the firewaller agents hear of."""

    def __init__(self, rules: list[Rule], on_change: Callable[[], None] | None = None) -> None:
        self.by_uuid: dict[str, Rule] = {rule["uuid"]: rule for rule in rules}
        self.on_change = on_change

    def put(self, given: Mapping[str, Any], old: Rule | None = None) -> Rule:
        """Add a rule, or replace an old one. Raises RuleError if it is not a rule."""
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


def _invalid(field: str, message: str) -> Response:
    errors = [{"field": field, "code": "InvalidParameter", "message": message}]
    return json_response({"code": "InvalidParameters", "message": "Invalid parameters", "errors": errors}, 422)


class Fwapi(OverHttp):
    """Answers /ping, /rules, /rules/UUID and /firewalls/vms/UUID."""

    def __init__(self, place: kinds.Place, rules: Rules, zone: Callable[[str], Zone | None]) -> None:
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
        """Filters that nobody in the lab uses (tag, vm, ip, subnet) are not imitated."""
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
