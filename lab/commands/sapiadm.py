"""sapiadm: get and update of SAPI's objects (sdc-config-agent:cmd/sapiadm.js, node-cmdln; facts: hazard 2)."""

from __future__ import annotations

import getopt
import json
from typing import Any

from lab.commands import configuration
from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.servers import http, resolve
from lab.servers.curl import FOREVER
from lab.servers.resolve import address_of

KINDS = {"applications": "application", "services": "service", "instances": "instance"}
"""The kinds that whatis looks for, in this order, and the type that it then reports (node-sdc-clients:lib/sapi.js)."""
IMITATED = "`get UUID` and `update UUID [-f FILE | metadata.KEY=VALUE]`"
HELP = """Update a SAPI object.

Usage:
     sapiadm update UUID metadata.foo=bar
     sapiadm update UUID -f /tmp/changes.json
     echo '{ "metadata": { "foo": "bar" } }' |
         sapiadm update UUID

"""
TYPES = ("params", "metadata", "manifests")


@command("sapiadm")
async def sapiadm(call: Call) -> int:
    match call.arguments:
        case ["get", uuid] if not uuid.startswith("-"):
            found = await _find(call, uuid)
            call.out(
                f"{json.dumps(found[1], indent=4, ensure_ascii=False)}\n" if found else f"no such object: {uuid}\n"
            )
            return 0
        case ["update", *rest]:
            try:
                given, free = getopt.gnu_getopt(rest, "f:")
            except getopt.GetoptError as error:
                raise UsageError(f"sapiadm update: the lab does not imitate this: {error}", NOT_IMITATED) from None
            return await _update(call, dict(given).get("-f"), free)
    raise UsageError(f"sapiadm: the lab imitates {IMITATED}", NOT_IMITATED)


def _wrong(text: str) -> UsageError:
    return UsageError(f"sapiadm update: error: {text}", 1)


async def _request(call: Call, method: str, target: str, body: bytes = b"") -> http.Response:
    """In the global zone sapiadm takes SAPI's name from config.sh, so it needs binder."""
    host = await _domain(call)
    headers = {"Host": host, "Accept": "application/json", "Content-Type": "application/json", "Accept-Version": "~2"}
    try:
        address = await address_of(call.machine, host)
        return await http.fetch(
            call.machine.dial, address, 80, target, method=method, headers=headers, body=body, within=FOREVER
        )
    except resolve.ResolveError:
        raise UsageError(f"sapiadm {call.arguments[0]}: error: getaddrinfo ENOTFOUND {host}", 1) from None
    except (OSError, TimeoutError, EOFError, http.BadMessageError) as error:
        raise UsageError(f"sapiadm {call.arguments[0]}: error: connect {host}:80: {error}", 1) from None


async def _domain(call: Call) -> str:
    try:
        host = str((await configuration.parsed(call)).get("sapi_domain") or "")
    except ValueError as error:
        raise UsageError(f"SyntaxError: {error}", 8) from None  # nobody catches it, so Node ends with 8
    if not host:
        raise UsageError(f"sapiadm {call.arguments[0]}: error: connect ECONNREFUSED", 1)
    return host


async def _find(call: Call, uuid: str) -> tuple[str, dict[str, Any]] | None:
    for kind, name in KINDS.items():
        answer = await _request(call, "GET", f"/{kind}/{uuid}")
        if answer.status == 200:
            return kind, json.loads(answer.body) | {"type": name}
    return None


async def _update(call: Call, file: str | None, words: list[str]) -> int:
    if not 1 <= len(words) <= 2:
        call.out(HELP)
        return 0
    uuid, *pair = words
    change = _pair(pair[0]) if pair else _object(call.path(file).read_bytes() if file else await call.stdin())
    found = await _find(call, uuid)
    if found is None:
        call.out(f"no such object: {uuid}\n")
        return 0
    body = json.dumps({"action": "update"} | change, ensure_ascii=False).encode()
    answer = await _request(call, "PUT", f"/{found[0]}/{uuid}", body)
    if answer.status >= 400:
        raise _wrong(answer.body.decode("utf-8", "replace"))
    return 0


def _pair(text: str) -> dict[str, Any]:
    """It splits on every "=" and keeps the trimmed second part. What follows is lost, and every value is a string."""
    key, *parts = text.split("=")
    kind, dot, field = key.partition(".")
    if not parts:
        raise _wrong("invalid syntax")
    if not dot:
        raise _wrong("missing update type")
    if kind.lower() not in TYPES:
        raise _wrong('invalid type (must be one of "params", "metadata", or "manifests")')
    if "." in field:
        raise _wrong(
            f"fields cannot be complex objects ({field} contains a '.'). "
            "Please update with the -f option or by piping a json object in."
        )
    return {kind.lower(): {field: parts[0].strip()}}


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise _wrong("input is invalid JSON") from None
    if not isinstance(value, dict):
        raise UsageError(
            "sapiadm update: the lab sends no JSON but an object: an array ends the real SAPI", NOT_IMITATED
        )
    return value
