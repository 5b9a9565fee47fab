"""Requests to SAPI that were not recorded: what sdc-sapi and restify do with them by their sources."""

from __future__ import annotations

import asyncio
import json
import pathlib
from typing import Any

import pytest

from lab.conformance.bench import bench
from lab.servers.restify import satisfies

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "services"
SDC, SAPI, AGENT = (f"{kind}-0001-4000-8000-0000000000{n}" for kind, n in
                    (("a1000000", "01"), ("5e000000", "01"), ("5e000000", "90")))  # fmt: skip
INSTANCE, AGENTS = "5a000000-0001-4000-8000-000000000001", "15000000-0001-4000-8000-000000000090"
NONE = "00000000-0000-4000-8000-000000000000"
SERVICE = f"/services/{SAPI}"
V2 = {"Accept-Version": "~2"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", **V2}
SCHEMA = {"properties": {"SIZE": {"type": "string", "required": True}}}


def post(path: str, /, **body: Any) -> tuple[str, str, Any]:
    return "POST", path, body


def app(**more: Any) -> tuple[str, str, Any]:
    return post("/applications", name="x", owner_uuid="y", **more)


def svc(**more: Any) -> tuple[str, str, Any]:
    return post("/services", **({"name": "x", "application_uuid": SDC} | more))


# The request, its headers, the status, and the body or its code (None: empty).
ASKED: list[tuple[tuple[str, str, Any], dict[str, str], int, Any]] = [
    (("GET", "/loglevel", None), V2, 200, {"level": 30}),
    (("POST", "/loglevel", {"level": "debug"}), V2, 200, None),
    (("POST", "/cache", None), V2, 204, None),
    (("GET", "/cache", None), V2, 405, "MethodNotAllowedError"),
    (("HEAD", SERVICE, None), V2, 405, None),
    (("OPTIONS", SERVICE, None), V2, 405, "MethodNotAllowedError"),
    (("GET", "/ping/", None), V2, 404, "ResourceNotFound"),
    (("GET", "/services/", None), V2, 404, {"code": "ResourceNotFound", "message": "no such service: "}),
    (("GET", "/services/a/b", None), V2, 404, {"code": "ResourceNotFound", "message": "/services/a/b does not exist"}),
    (("GET", "/a%20b", None), V2, 404, {"code": "ResourceNotFound", "message": "/a%20b does not exist"}),
    (("GET", "/services/%ff", None), V2, 400, {"code": "BadRequestError", "message": "URI malformed"}),
    (("GET", "/services/(", None), V2, 500, ...),
    (("GET", "/services/5e000000-0001-*90", None), V2, 200, ...),
    (("GET", "/ping", None), {"Accept-Version": "latest"}, 400, "InvalidVersion"),
    (("GET", "/nosuch", None), {"Accept-Version": "~9"}, 404, "ResourceNotFound"),
    (("PUT", SERVICE, None), V2, 200, ...),
    (("PUT", SERVICE, "null"), V2, 200, ...),
    (("PUT", f"{SERVICE}?action=merge", {"action": "update"}), V2, 409, "InvalidArgument"),
    (("PUT", SERVICE, {"action": "UPDATE"}), V2, 200, ...),
    (("PUT", f"/manifests/{NONE}", {}), V2, 405, "MethodNotAllowedError"),
    (("PUT", f"/instances/{INSTANCE}/upgrade", {}), V2, 409, "MissingParameter"),
    (("PUT", f"/instances/{NONE}/upgrade", {"image_uuid": NONE}), V2, 404, "ResourceNotFound"),
    (("POST", "/applications", "[]"), V2, 409, "MissingParameter"),
    (("POST", "/applications", "{"), V2, 400, "InvalidContent"),
    (("POST", "/applications", "NaN"), V2, 400, "InvalidContent"),
    (("POST", "/services", {"name": "x"}), V2, 409, "MissingParameter"),
    (("POST", "/applications", {"name": "x"}), V2 | {"Content-MD5": "x"}, 400, "BadDigest"),
    (app(manifests={"a": NONE}), V2, 500, {"message": f"first of 1 error: no such manifest: {NONE}"}),
    (app(manifests={"a": NONE, "b": "c"}), V2, 500, {"message": f"first of 2 errors: no such manifest: {NONE}"}),
    (app(metadata_schema=SCHEMA, metadata={}), V2, 409,
     {"code": "SchemaValidationError", "message": 'property "SIZE": is missing and it is required'}),
    (app(metadata_schema=SCHEMA, metadata={"SIZE": 1}), V2, 409, "SchemaValidationError"),
    (app(metadata_schema=SCHEMA, metadata={"SIZE": "1"}), V2, 200, ...),
    (app(metadata_schema=SCHEMA | {"additionalProperties": True}, metadata={"SIZE": "1", "B": 1}), V2, 409,
     {"code": "SchemaValidationError", "message": 'property "B": invalid schema/property definition true'}),
    (app(metadata_schema=SCHEMA | {"additionalProperties": False}, metadata={"SIZE": "1", "B": 1}), V2, 409,
     {"code": "SchemaValidationError", "message": 'property "B": unsupported property'}),
    (svc(type="container"), V2, 500, {"message": "service type is invalid: container"}),
    (svc(type="container", application_uuid=NONE), V2, 500, ...),
    (svc(application_uuid=NONE), V2, 404, "ResourceNotFound"),
    (post("/instances", service_uuid=NONE), V2, 404, "ResourceNotFound"),
    (post("/instances"), V2, 409, "MissingParameter"),
    (post("/manifests", name="x", path="/x"), V2, 409,
     {"code": "MissingParameter", "message": "missing required keys: template"}),
    (post("/manifests", name="x", path="/x", template="x", version="first"), V2, 409,
     {"code": "InvalidArgument", "message": "invalid version"}),
    (("DELETE", f"/instances/{NONE}", None), V2, 404, "ResourceNotFound"),
    (("DELETE", f"/services/{NONE}", None), V2, 404, None),
    (("DELETE", f"/manifests/{NONE}", None), V2, 404, None),
    (("GET", f"/instances/{AGENTS}/payload", None), V2, 200, {}),
    (("GET", f"/instances/{NONE}/payload", None), V2, 404, "ResourceNotFound"),
    (("GET", f"/configs/{INSTANCE}", None), V2 | {"If-None-Match": '"a", W/"b", *'}, 304, None),
    (("GET", f"/configs/{INSTANCE}", None), V2 | {"If-Match": '"other"'}, 412, "PreconditionFailed"),
    (("POST", "/mode", {"mode": "proto"}), V2, 409, {"code": "InvalidArgument", "message": "invalid mode: proto"}),
    (("POST", "/mode?mode=full", None), V2, 204, None),
    (("GET", "/mode", None), V2 | {"Accept": "text/*"}, 200, {"raw": "full"}),
    (("GET", "/nosuch", None), V2 | {"Accept": "text/plain"}, 404, {"raw": "/nosuch does not exist"}),
    (("GET", "/ping", None), V2 | {"Accept": "text/plain;q=0.5, application/json"}, 200, ...),
    (("GET", "/ping", None), V2 | {"Accept": "text/html"}, 406, None),
    (("GET", "/nosuch", None), V2 | {"Accept": "text/html"}, 404, None),
    (("GET", "/mode?callback=f", None), V2 | {"Accept": "application/javascript"}, 200,
     {"raw": "typeof f === 'function' && f(\"full\");"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    async def all_of_them() -> list[dict[str, Any]]:
        async with bench(RECORDINGS, sapi=True) as servers:
            return [await servers.ask_sapi(_request(*asked, headers)) for asked, headers, _, _ in ASKED]

    return asyncio.run(all_of_them())


def _request(method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
    sent = {"Content-Type": "application/json"} if body is not None else {}
    return {"server": "my-dc-1", "method": method, "path": path, "body": body, "headers": sent | headers}


@pytest.mark.parametrize("number", range(len(ASKED)), ids=lambda n: "-".join(map(str, ASKED[n][0]))[:60])
def test_answers(answers: list[dict[str, Any]], number: int) -> None:
    _, _, status, wanted = ASKED[number]
    got = answers[number]
    assert got.get("status") == status, got
    if isinstance(wanted, str):
        assert got["json"]["code"] == wanted
    elif wanted is not ...:
        assert got["json"] == wanted


def test_a_form_may_nest_and_a_payload_is_made_of_all_three() -> None:
    async def ask() -> list[dict[str, Any]]:
        async with bench(RECORDINGS, sapi=True) as servers:
            form = _request("PUT", SERVICE, "metadata[user-script]=x&metadata[B]=y&action=update", FORM)
            payload = _request("GET", f"/instances/{INSTANCE}/payload", None, V2)
            version = _request("GET", f"/services/{AGENT}", None, {"Accept-Version": ">=1"})
            return [await servers.ask_sapi(each) for each in (form, payload, version)]

    form, payload, version = asyncio.run(ask())
    assert form["json"]["metadata"].items() >= {"user-script": "x", "B": "y"}.items()
    assert payload["json"].items() >= {"uuid": INSTANCE, "brand": "joyent-minimal", "ram": 1024}.items()
    assert payload["json"]["customer_metadata"].keys() == {"sapi-url", "user-script"}
    assert version["json"]["type"] == "agent"


def test_ranges_of_versions() -> None:
    table = {"*": 3, "": 3, "~1": 1, "~2": 2, "1.x": 1, "^2.0.0": 2, ">=1": 3, ">1.0.0": 2, "<2": 1, "1 || 2": 3,
             "1.0.0 - 2": 3, "> 1 <3": 2, "=2.0.0": 2, "v1": 1, "2.0.1": 0, "~9": 0, "latest": 0, "1,2": 0}  # fmt: skip
    got = {text: sum(n for n, one in ((1, (1, 0, 0)), (2, (2, 0, 0))) if satisfies(one, text)) for text in table}
    assert json.dumps(got) == json.dumps(table)
