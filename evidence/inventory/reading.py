"""Turns region.yaml into an Inventory. Every mistake in the file is told with its line, and with what to write instead.

Nobody is contacted here.
"""

from __future__ import annotations

import ipaddress
import os
import pathlib
import re
from collections.abc import Callable
from typing import Literal

import yaml
from msgspec.structs import replace
from yaml.nodes import Node

from evidence.inventory.lines import (
    Mapping,
    WrongError,
    boolean,
    command,
    count,
    duration,
    identifier,
    kept,
    planned_or_boolean,
    read_declared,
    shown,
    string,
)
from evidence.inventory.model import (
    CANDIDATE,
    DNS_NAME,
    HEADNODE,
    ID,
    MASTER,
    REPLICA,
    Declared,
    Endpoint,
    Expectations,
    Inventory,
    Timeouts,
)
from evidence.inventory.waivers import read_waivers


def read_inventory(path: str | os.PathLike[str]) -> Inventory:
    """Return the inventory in the file `path`, with the waivers that it names. Raises only DeclarationError."""
    read = read_declared(path, "a region.yaml that you may read", _inventory)
    if not read.waivers:
        return read
    beside = pathlib.Path(path).parent / read.waivers
    return replace(read, waived=read_waivers(beside))


def _headnode(node: Node, what: str) -> str:
    """The head node in the form that `ssh` accepts, so that printed commands work as they are. `ssh` knows a port only in ssh://…"""
    found = HEADNODE.fullmatch(string(node, what))
    port = (found["port"] or "")[1:] if found else ""
    if found is None or (port and not 0 < int(port) < 65536) or (found["end"] and not found["url"]):
        reason = "write HOST, USER@HOST or ssh://USER@HOST:PORT, as for ssh (options go into ~/.ssh/config)"
        raise WrongError(node, f"{what} is {shown(node)} — {reason}")
    user, address = found["user"] or "", found["six"] or found["bare"]
    if not port:
        return f"{user}{address or found['host']}"
    return f"ssh://{user}{f'[{address}]' if address else found['host']}:{port}"


def _dns_name(node: Node, what: str) -> str:
    name = string(node, what).removesuffix(".")
    if not DNS_NAME.fullmatch(name):
        raise WrongError(node, f"{what} is {shown(node)} — write a DNS name, such as example.com")
    return name


def _address(node: Node, what: str) -> str:
    text = string(node, what)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise WrongError(node, f"{what} is {shown(node)} — write an IP address, such as 192.0.2.29") from None


def _state(node: Node, what: str) -> str:
    state = string(node, what)
    if state not in (REPLICA, CANDIDATE):
        hint = "name the master by the key `master` alone" if state == MASTER else "write replica or candidate"
        raise WrongError(node, f"{what} is {shown(node)} — {hint}")
    return state


def _master(node: Node, what: str) -> str:
    if isinstance(node, yaml.SequenceNode):
        raise WrongError(node, "master is a list — a coupling has exactly one UFDS master; name that datacenter")
    return identifier(node, what)


def _endpoints(node: Node, what: str) -> dict[str, Endpoint]:
    read = Mapping(node, what, tuple(ENDPOINTS))
    if not read.entries:
        raise WrongError(node, f"{what} is empty — name one of: {', '.join(ENDPOINTS)}")
    return {role: read.required(role, _endpoint(*ENDPOINTS[role])) for role in sorted(read.entries)}


def _endpoint(scheme: str, port: int) -> Callable[[Node, str], Endpoint]:
    def read(node: Node, what: str) -> Endpoint:
        text = string(node, what)
        found = ENDPOINT.fullmatch(text)
        host = (found["six"] or found["host"]) if found else ""
        if found is None or found["scheme"] != scheme or not 0 < int(found["port"] or port) < 65536 or not _host(host):
            hint = f"write {scheme}://HOST, or {scheme}://HOST:PORT"
            raise WrongError(node, f"{what} is {shown(node)} — {hint}")
        return Endpoint(host, int(found["port"] or port))

    return read


def _host(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return bool(DNS_NAME.fullmatch(text))


TOP = ("master", "datacenters", "dns_domain", "expect", "timeouts", "waivers", "notify_command", "keep", "apply")
ENDPOINTS = {"binder": ("dns", 53), "cloudapi": ("https", 443), "sapi": ("http", 80), "ufds": ("ldaps", 636)}
"""The scheme and port of each role's service."""
ENDPOINT = re.compile(
    r"(?P<scheme>[a-z]+)://(\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^/:\[\]]+))(:(?P<port>[0-9]{1,5}))?/?"
)
DATACENTER = ("headnode", "region", "state", "ufds_address", "endpoints")
EXPECT = ("manta", "replication_lag", "clock_skew", "patience", "ufds_connections", "outside", "compare_every")


def _inventory(root: Node | None, path: str) -> Inventory:
    if root is None:
        raise WrongError(1, "is empty — write at least `master:` and `datacenters:`; region.example.yaml explains both")
    top = Mapping(root, "the inventory", TOP)
    master = top.required("master", _master)
    datacenters = top.required("datacenters", lambda node, what: _datacenters(node, what, master))
    if master not in datacenters:
        listed = ", ".join(sorted(datacenters))
        raise WrongError(top.line("master"), f"master is {master!r}, which is not listed — write one of: {listed}")
    keep = top.optional("keep", kept, (0, 0))
    inventory = Inventory(
        master=master,
        datacenters=datacenters,
        dns_domain=top.optional("dns_domain", _dns_name, ""),
        expect=top.optional("expect", _expect, Expectations()),
        timeouts=top.optional("timeouts", _timeouts, Timeouts()),
        path=path,
        waivers=top.optional("waivers", string, ""),
        notify_command=top.optional("notify_command", command, ""),
        keep=keep[0],
        keep_days=keep[1],
        apply=top.optional("apply", boolean, False),
        lines=_lines(top),
    )
    return _spread(top, inventory)


def _lines(top: Mapping) -> dict[str, int]:
    """The lines of all that the datacenters may contradict."""
    found: dict[str, int] = {key: top.line(key) for key in ("master", "dns_domain") if key in top.entries}
    if "expect" in top.entries:
        expected = Mapping(top.entries["expect"][1], "expect", EXPECT)
        found |= {"expect.manta": expected.line("manta")} if "manta" in expected.entries else {}
    listed = Mapping(top.entries["datacenters"][1], "datacenters", None)
    for name, (key, value) in listed.entries.items():
        found[f"datacenters.{name}"] = int(key.start_mark.line) + 1
        one = Mapping(value, f"datacenters.{name}", DATACENTER)
        found |= {f"datacenters.{name}.{each}": one.line(each) for each in one.entries}
    return found


def _datacenters(node: Node, what: str, master: str) -> dict[str, Declared]:
    listed = Mapping(node, what, None)
    if not listed.entries:
        raise WrongError(
            node, "datacenters is empty — list every datacenter of the coupling, with its headnode and region"
        )
    found: dict[str, Declared] = {}
    endpoints: dict[Endpoint, str] = {}
    for name, (key, value) in listed.entries.items():
        if not ID.fullmatch(name):
            raise WrongError(
                key, f"the datacenter name {name!r} has other characters than letters, digits, - and _ — rename it"
            )
        one = Mapping(value, f"datacenters.{name}", DATACENTER)
        declared = _declared(name, one, master)
        other = next((each for each in found.values() if _same_machine(each.headnode, declared.headnode)), None)
        if other is not None:
            reason = (
                f"{name} and {other.name} have the same headnode {declared.headnode!r} — give each datacenter its own"
            )
            raise WrongError(one.line("headnode"), reason)
        for role, endpoint in declared.endpoints.items():
            first = endpoints.setdefault(endpoint, name)
            if first != name:
                reason = f"{name} and {first} have the same endpoint — give each datacenter its own {role}"
                raise WrongError(one.line("endpoints"), reason)
        found[name] = declared
    return found


def _same_machine(one: str, other: str) -> bool:
    """Whether two head nodes are one: root@HOST and HOST are, but a bastion may lead each of its users to another machine."""
    (user, _, host), (another, _, there) = (each.removeprefix("ssh://").rpartition("@") for each in (one, other))
    bastion = user != another and not {user, another} & {"", "root"}
    return host != "" and host.lower() == there.lower() and not bastion


def _declared(name: str, one: Mapping, master: str) -> Declared:
    state = one.optional("state", _state, MASTER if name == master else REPLICA)
    if name == master and state == CANDIDATE:
        raise WrongError(
            one.line("state"),
            f"{name} is the master and cannot be a candidate — remove its state, or name another master",
        )
    if name == master and state == REPLICA:
        raise WrongError(
            one.line("state"),
            f"{name} is the master and cannot be a replica — remove its state, or name another master",
        )
    nowhere: dict[str, Endpoint] = {}
    endpoints = one.optional("endpoints", _endpoints, nowhere)
    if endpoints and "headnode" in one.entries:
        reason = f"{name} has a headnode and endpoints — remove the endpoints: over SSH everything can be judged"
        raise WrongError(one.line("endpoints"), reason)
    return Declared(
        name=name,
        headnode="" if endpoints else one.required("headnode", _headnode),
        region=one.required("region", identifier),
        state=state,
        ufds_address=one.optional("ufds_address", _address, ""),
        endpoints=endpoints,
    )


def _expect(node: Node, what: str) -> Expectations:
    read = Mapping(node, what, EXPECT)
    default = Expectations()
    return Expectations(
        manta=read.optional("manta", _manta, default.manta),
        replication_lag=read.optional("replication_lag", duration(0), default.replication_lag),
        clock_skew=read.optional("clock_skew", duration(0), default.clock_skew),
        patience=read.optional("patience", duration(0), default.patience),
        ufds_connections=read.optional("ufds_connections", count(1, 64), default.ufds_connections),
        outside=read.optional("outside", boolean, default.outside),
        compare_every=read.optional("compare_every", duration(0), default.compare_every),
    )


def _manta(node: Node, what: str) -> bool | Literal["planned"] | tuple[str, ...]:
    """Everywhere in the master's region, nowhere, planned, or in the datacenters that are listed."""
    if not isinstance(node, yaml.SequenceNode):
        return planned_or_boolean(node, what)
    names = tuple(sorted({identifier(each, what) for each in node.value}))
    if not names:
        raise WrongError(node, f"{what} is an empty list — write false, or name the datacenters with Manta")
    return names


def _spread(top: Mapping, inventory: Inventory) -> Inventory:
    """The inventory, if the datacenters with Manta are such that one Manta can be spread over them."""
    told = inventory.expect.manta
    region = inventory.datacenters[inventory.master].region
    for name in told if isinstance(told, tuple) else ():
        where = top.entries["expect"][1]
        if name not in inventory.datacenters:
            listed = ", ".join(sorted(inventory.datacenters))
            raise WrongError(where, f"expect.manta names {name!r}, which is not listed — write some of: {listed}")
        if inventory.datacenters[name].region != region:
            reason = f"expect.manta names {name!r}, which is not in the master's region {region!r} — Manta reaches no further"
            raise WrongError(where, reason)
    return inventory


def _timeouts(node: Node, what: str) -> Timeouts:
    read = Mapping(node, what, ("connect", "command", "run", "compare"))
    default = Timeouts()
    return Timeouts(
        connect=read.optional("connect", duration(0.1), default.connect),
        command=read.optional("command", duration(0.1), default.command),
        run=read.optional("run", duration(1), default.run),
        compare=read.optional("compare", duration(1), default.compare),
    )
