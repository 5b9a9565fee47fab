"""The parts of restify 4.3 that the lab's SAPI has: routes, versions, parameters, conditional requests (node-restify:lib)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from lab.servers.http import Request, Response, error_response

Value = dict[str, Any]
Version = tuple[int, int, int]
VERSIONS: tuple[Version, ...] = ((1, 0, 0), (2, 0, 0))
LAST: Version = (1 << 60, 0, 0)


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = error_response(status, code, message, headers)


class FatalError(Exception):
    """The process has ended by an assertion, in the middle of a request."""


@dataclass(frozen=True)
class Route:
    """A path (for example /services/:uuid) and its methods, in the order in which they were given."""

    path: str
    methods: tuple[str, ...]

    def match(self, path: str) -> tuple[str, ...] | None:
        """The parameters of a path, not decoded yet. Several slashes count as one, but none may follow."""
        pattern = "".join("/+([^/]*)" if part[0] == ":" else f"/+{part}" for part in self.path.split("/") if part)
        found = re.fullmatch(pattern, path)
        return found.groups() if found else None


def routed(routes: Iterable[Route], request: Request) -> tuple[Route, list[str]]:
    """The route of a request, and its parameters; 404, 405, or 400 for parameters that cannot be decoded."""
    path = path_of(request)
    matching = [(route, given) for route in routes if (given := route.match(path)) is not None]
    for route, given in matching:
        if request.method in route.methods:
            return route, [_decoded(each) for each in given]
    if matching:
        allowed = {"Allow": ", ".join(matching[0][0].methods)}
        raise ApiError(405, "MethodNotAllowedError", f"{request.method} is not allowed", allowed)
    raise ApiError(404, "ResourceNotFound", f"{path} does not exist")


def path_of(request: Request) -> str:
    """The path as it was sent: `urlsplit` would take the first of two slashes for a host."""
    return request.target.partition("?")[0]


def _decoded(text: str) -> str:
    try:
        if re.search("%(?![0-9a-fA-F]{2})", text):
            raise ValueError(text)
        return unquote(text, errors="strict")
    except ValueError:
        raise ApiError(400, "BadRequestError", "URI malformed") from None


# ---- versions: what Accept-Version may be (semver)

_COMPARATOR = re.compile(r"(\^|~>?|[<>]=?|=)?v?(\d+|[xX*])(?:\.(\d+|[xX*])(?:\.(\d+|[xX*])(?:[-+][\w.+-]+)?)?)?")


def version(request: Request) -> int:
    """1 or 2; without the header 1, which knows no agents."""
    asked = request.headers.get("accept-version", "~1") or request.headers.get("x-api-version") or "*"
    allowed = [each for each in VERSIONS if satisfies(each, asked)]
    if not allowed:
        path = path_of(request)
        raise ApiError(400, "InvalidVersion", f"{asked} is not supported by {request.method} {path}")
    return allowed[-1][0]


def satisfies(one: Version, wanted: str) -> bool:
    """Whether a version is in a range. No version is in a range that cannot be read."""
    found = [_bounds(part) for part in wanted.split("||")]
    if any(bounds is None for bounds in found):
        return False
    return any(all(low <= one < high for low, high in bounds or ()) for bounds in found)


def _bounds(text: str) -> list[tuple[Version, Version]] | None:
    text = re.sub(r"([<>=~^])\s+", r"\1", text.strip())
    text = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", text)
    comparators = [_COMPARATOR.fullmatch(part) for part in text.split()]
    if any(each is None for each in comparators):
        return None
    return [_between(*each.groups()) for each in comparators if each is not None]


def _between(operator: str | None, *parts: str | None) -> tuple[Version, Version]:
    """The range as (from, inclusive) and (to, exclusive)."""
    numbers: list[int] = []
    for part in parts:
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    low = (major, minor, patch)
    after = ((major + 1, 0, 0), (major, minor + 1, 0), (major, minor, patch + 1))
    if not numbers:
        return (LAST, LAST) if operator in ("<", ">") else ((0, 0, 0), LAST)
    up = after[len(numbers) - 1]
    match operator:
        case ">":
            return up, LAST
        case ">=":
            return low, LAST
        case "<":
            return (0, 0, 0), low
        case "<=":
            return (0, 0, 0), up
        case "^":
            return low, after[next((place for place, n in enumerate(numbers) if n), len(numbers) - 1)]
        case "~" | "~>":
            return low, after[min(len(numbers) - 1, 1)]
        case _:
            return low, up


# ---- parameters


def query(request: Request) -> Value:
    return _nested(urlsplit(request.target).query)


def parameters(request: Request) -> Value:
    """Query and body as one, the query first. A body that is neither JSON nor a form is ignored silently."""
    given, body = query(request), request.body
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    claimed = request.headers.get("content-md5", digest)
    if body and claimed != digest:
        raise ApiError(400, "BadDigest", f"Content-MD5 '{claimed}' didn't match '{digest}'")
    more: Value = {}
    if request.content_type == "application/json" and body:
        try:
            value = json.loads(body, parse_constant=_no_constant)
        except ValueError as error:
            raise ApiError(400, "InvalidContent", f"Invalid JSON: {error}") from error
        if isinstance(value, list) or (value and not isinstance(value, dict)):
            if request.method == "POST":
                return {}
            raise FatalError("AssertionError: uuid (string) is required")
        more = value or {}
    elif request.content_type == "application/x-www-form-urlencoded":
        more = _nested(body.decode("utf-8", "replace"))
    return given | {name: value for name, value in more.items() if not given.get(name)}


def _no_constant(name: str) -> None:
    raise ValueError(f"Unexpected token {name[0]}")


def _nested(text: str) -> Value:
    """Read a form like `qs`: a[b]=c is an object."""
    found: Value = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        keys = [name]
        if match := re.fullmatch(r"([^\[\]]+)((?:\[[^\[\]]*\])+)", name):
            keys = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        place = found
        for key in keys[:-1]:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        place[keys[-1]] = value
    return found


# ---- conditional requests


def conditional(request: Request, etag: str, whole: Callable[[], Response]) -> Response:
    """The whole answer, or 304 or 412 if the client's etags ask for it."""
    headers = {"Etag": etag}
    wanted = request.headers.get("if-match")
    if wanted and not _among(wanted, etag):
        raise ApiError(412, "PreconditionFailed", f"if-match '{wanted}' didn't match etag '{etag}'", headers)
    known = request.headers.get("if-none-match")
    return Response(304, headers=headers) if known and _among(known, etag) else whole()


def _among(tags: str, etag: str) -> bool:
    bare = (re.sub(r'^"(\w*)"$', r"\1", tag.removeprefix("W/")) for tag in re.split(r"\s*,\s*", tags))
    return any(tag in ("*", etag) for tag in bare)


# ---- what a client accepts

_FORMATS = ("application/json", "text/plain", "application/octet-stream", "application/javascript")


def formatted(request: Request, response: Response) -> Response:
    """An answer in the format that the client prefers. If it accepts none, there is no body, and a success becomes 406."""
    if not response.body:
        return response
    kind = _preferred(request.headers.get("accept", "*/*"))
    value = json.loads(response.body)
    headers = {name: text for name, text in response.headers.items() if name != "Content-Type"}
    if kind is None:
        return Response(406 if response.status < 300 else response.status, b"", headers)
    failed = response.status >= 400 and isinstance(value, dict) and "message" in value
    text = response.body
    if kind == "text/plain":
        told = value["message"] if failed else value
        text = told.encode() if isinstance(told, str) else response.body
    elif kind == "application/octet-stream":
        text = value.encode() if isinstance(value, str) else b"Error" if failed else b"[object Object]"
    elif kind == "application/javascript":
        called = query(request).get("callback") or query(request).get("jsonp")
        if called:
            text = f"typeof {called} === 'function' && {called}(".encode() + response.body + b");"
    return Response(response.status, text, headers | {"Content-Type": kind})


def _preferred(accept: str) -> str | None:
    """The best format: by quality, then by how exactly it is named, then by the client's order, then by ours."""
    ranges = []
    for order, part in enumerate(accept.split(",")):
        name, *options = (each.strip() for each in part.split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        ranges.append((name, float(quality) if re.fullmatch(r"[\d.]+", quality) else 0.0, order))
    ranked = []
    for place, kind in enumerate(_FORMATS):
        levels = (kind, f"{kind.split('/')[0]}/*", "*/*")
        matching = [(levels.index(name), -quality, order) for name, quality, order in ranges if name in levels]
        if matching:
            exactness, worth, order = min(matching)
            if worth:
                ranked.append((worth, exactness, order, place))
    return _FORMATS[min(ranked)[3]] if ranked else None
