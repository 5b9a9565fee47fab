"""Replays recorded LDAP exchanges and compares the answers, by the rules in the recordings' README.

Compared: code, matched name, count, names, attributes and values, response controls, whether the connection closes. Not compared: times,
salts and hashes ("*"), order (unless "ordered"), message text (unless "message_exact"), what is "unstable", and how far the changelog's
counters are from zero (${L+3} is three after the first request's number).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPExceptionError

Exchange = dict[str, Any]

VOLATILE = frozenset({
    "created_at", "updated_at", "pwdchangedtime", "pwdendtime", "pwdfailuretime", "pwdaccountlockedtime", "pwdhistory",
    "changetime", "_salt", "_id", "_etag", "_mtime", "_txn_snap", "_imported", "currenttime", "userpassword",
})  # fmt: skip
SCOPES = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
CHANGES = {"add": ldap3.MODIFY_ADD, "replace": ldap3.MODIFY_REPLACE, "delete": ldap3.MODIFY_DELETE}
COMPARED = ("result", "count", "dns", "entries", "response_controls", "closes_connection")
MOST_ENTRIES, MOST_NAMES = 5, 60


class Replay:
    """One run against servers {name: (host, port)}. Requests must come in the order of the file."""

    def __init__(
        self, servers: Mapping[str, tuple[str, int]], root_dn: str = "cn=root", root_password: str = "secret"
    ) -> None:
        self.servers = servers
        self.root = (root_dn, root_password)
        self.connections: dict[str, Any] = {}
        self.counters: dict[str, int] = {}
        for prefix, server in (("", "master"), ("R", "replica")):
            if server in servers:
                self.counters[prefix + "L"] = self._counter(server, "cn=latestchangenumber")
                self.counters[prefix + "C"] = self._counter(server, "cn=changelogcount")

    def _counter(self, server: str, base: str) -> int:
        connection = self._connection(server, "root")
        connection.search(base, "(objectclass=*)", ldap3.BASE, attributes=["*"])
        return int(connection.response[0]["raw_attributes"]["count"][0])

    def close(self) -> None:
        for connection in self.connections.values():
            connection.unbind()
        self.connections.clear()

    def differences(self, exchange: Exchange) -> list[str]:
        """Send the exchange's request; returns where the answer differs from the recorded one."""
        got = self.ask(exchange)
        return [] if exchange.get("unstable") else compare(exchange, got)

    # ------------------------------------------------------------------------------------------------ asking

    def _open(self, server: str, bind: Any) -> Any:
        host, port = self.servers[server]
        where = ldap3.Server(host, port=port, use_ssl=True, get_info=ldap3.NONE, connect_timeout=10)
        who: tuple[Any, ...] = ()
        if bind == "root":
            who = self.root
        elif isinstance(bind, dict):
            who = (bind["dn"], bind["password"])
        options: dict[str, Any] = {
            "check_names": False,
            "receive_timeout": 60,
            "auto_range": False,
            "return_empty_attributes": False,
        }
        connection = ldap3.Connection(where, *who, **options)
        connection.open()
        return connection

    def _connection(self, server: str, bind: Any) -> Any:
        key = json.dumps([server, bind])
        if key not in self.connections:
            connection = self._open(server, bind)
            if bind != "none":
                connection.bind()
            self.connections[key] = connection
        return self.connections[key]

    def _filled(self, value: Any) -> Any:
        """Replace ${L+3} in a request by a number."""
        if isinstance(value, str):
            return re.sub(r"\$\{(R?[LC])([+-]\d+)?\}", lambda m: str(self.counters[m[1]] + int(m[2] or 0)), value)
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        return value

    def ask(self, exchange: Exchange) -> Exchange:
        """The answer, in the form of the recordings."""
        asked, server, bind = self._filled(exchange["request"]), exchange["server"], exchange["bind"]
        try:
            connection = self._open(server, bind) if asked["op"] == "bind" else self._connection(server, bind)
            _send(connection, asked)
        except LDAPExceptionError as error:
            self.connections.pop(json.dumps([server, bind]), None)
            return {"result": {"code": None, "message": type(error).__name__, "matched": ""}}
        result = connection.result
        got: Exchange = {"result": {"code": result["result"], "message": result["message"], "matched": result["dn"]}}
        if result.get("controls"):
            got["response_controls"] = sorted(result["controls"])
        if result["result"] == 2:
            self.connections.pop(json.dumps([server, bind]), None)
            return {**got, "closes_connection": _is_closed(connection), "count": 0}
        if asked["op"] == "bind":
            connection.unbind()
        if asked["op"] == "search":
            self._put_entries(got, exchange, connection.response or [])
        return got

    def _put_entries(self, got: Exchange, exchange: Exchange, response: list[Any]) -> None:
        found = [each for each in response if each.get("type") == "searchResEntry"]
        got["count"] = len(found)
        if exchange.get("count_only"):
            return
        entries = [self._entry(each, exchange["server"]) for each in found]
        if not exchange.get("ordered"):
            entries.sort(key=lambda entry: str(entry["dn"]))
        if MOST_ENTRIES < len(entries) <= MOST_NAMES:
            got["dns"] = [entry["dn"] for entry in entries]
        got["entries"] = entries[:MOST_ENTRIES]

    def _entry(self, found: Any, server: str) -> Exchange:
        name, attributes = found["dn"], {}
        prefix = "R" if server == "replica" else ""
        for kind, raw in sorted(found["raw_attributes"].items()):
            values = sorted(value.decode("utf-8", "replace") for value in raw)
            if kind in VOLATILE:
                values = ["*"]
            elif kind == "changenumber" and "cn=changelog" in name:
                number = self._relative(prefix + "L", values[0])
                name, values = f"changenumber={number}, cn=changelog", [number]
            elif kind == "count":
                values = [self._relative(prefix + ("L" if "latest" in name else "C"), values[0])]
            elif kind in ("changes", "entry"):
                values = [json.dumps(_neutral(json.loads(value)), sort_keys=True) for value in values]
            attributes[kind] = values
        return {"dn": name, "attributes": attributes}

    def _relative(self, counter: str, value: str) -> str:
        distance = int(value) - self.counters[counter]
        return f"${{{counter}}}" if distance == 0 else f"${{{counter}{distance:+d}}}"

    def add_bulk(self, generator: Exchange) -> int:
        """Add the accounts that the bulk section asks for; returns how many there are now."""
        connection = self._connection(generator.get("server", "master"), "root")
        there = 0
        pattern = json.dumps(generator["template"])
        for number in range(generator["from"], generator["to"] + 1):
            wanted = json.loads(pattern.replace("%04d", f"{number:04d}"))
            connection.add(wanted["dn"], attributes=wanted["attributes"])
            there += connection.result["result"] in (0, 68)
        return there


def _send(connection: Any, asked: Exchange) -> None:
    controls = [(oid, critical, None) for oid, critical in asked.get("controls", [])] or None
    match asked["op"]:
        case "bind":
            connection.bind()
        case "search":
            paging = {}
            if asked.get("paged_size"):
                paging = {"paged_size": asked["paged_size"], "paged_criticality": bool(asked.get("paged_critical"))}
            connection.search(
                asked["base"], asked["filter"], SCOPES[asked["scope"]], attributes=asked.get("attributes", ["*"]),
                size_limit=asked.get("size_limit", 0), controls=controls, **paging,
            )  # fmt: skip
        case "add":
            connection.add(asked["dn"], attributes=asked["attributes"], controls=controls)
        case "delete":
            connection.delete(asked["dn"], controls=controls)
        case "modify":
            changes: dict[str, list[Any]] = {}
            for operation, kind, values in asked["changes"]:
                changes.setdefault(kind, []).append((CHANGES[operation], values))
            connection.modify(asked["dn"], changes, controls=controls)
        case "compare":
            connection.compare(asked["dn"], asked["attribute"], asked["value"])
        case "modrdn":
            connection.modify_dn(asked["dn"], asked["new_rdn"])
        case unknown:
            raise ValueError(f"op {unknown}")


def _is_closed(connection: Any) -> bool:
    try:
        connection.search("", "(objectclass=*)", ldap3.BASE, attributes=["*"])
    except LDAPExceptionError:
        return True
    return False


def _neutral(value: Any) -> Any:
    """A changelog entry's JSON without times, salts and hashes."""
    if isinstance(value, dict):
        if {"type", "vals"} <= set(value) and str(value["type"]).lower() in VOLATILE:
            return {**value, "vals": ["*"]}
        return {key: ["*"] if key.lower() in VOLATILE else _neutral(each) for key, each in value.items()}
    return [_neutral(each) for each in value] if isinstance(value, list) else value


def compare(recorded: Exchange, got: Exchange) -> list[str]:
    """Where `got` differs from the recorded answer."""
    found: list[str] = []
    for part in COMPARED:
        want, have = recorded.get(part), got.get(part)
        if part == "result" and not recorded.get("message_exact"):
            want, have = {**(want or {}), "message": "*"}, {**(have or {}), "message": "*"}
        if want is not None or have is not None:
            found += _different(part, want, have)
    return found


def _different(path: str, want: Any, got: Any) -> Iterator[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            if key not in got:
                yield f"{path}.{key}: missing, want {_short(want[key])}"
            elif key not in want:
                yield f"{path}.{key}: unexpected {_short(got[key])}"
            else:
                yield from _different(f"{path}.{key}", want[key], got[key])
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (each, other) in enumerate(zip(want, got, strict=True)):
            yield from _different(f"{path}[{index}]", each, other)
    elif want not in (got, "*"):
        yield f"{path}: want {_short(want)}, got {_short(got)}"


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) < 200 else text[:197] + "..."
