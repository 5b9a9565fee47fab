"""region.yaml → Inventory.  Whatever is wrong with the file is told with its line, and with what to write instead.

The file is untrusted: it is limited in size and depth, anchors and aliases are refused (the "YAML bomb"), and nothing
in it is ever turned into a Python object.  Nobody is contacted here.
"""

from __future__ import annotations

import ipaddress
import math
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import yaml
from yaml.nodes import Node

from evidence.inventory import CANDIDATE, MASTER, REPLICA, Declared, Expectations, Inventory, Timeouts
from evidence.subjects import ID

LARGEST: Final = 1 << 20
DEEPEST: Final = 12
DNS_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
HEADNODE = re.compile(r"([A-Za-z0-9_.][A-Za-z0-9_.-]*@)?[A-Za-z0-9_.:\[][A-Za-z0-9_.:%\[\]-]*")
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)?")
SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
T = TypeVar("T")


class InventoryError(Exception):
    """The inventory cannot be used.  Its text names file, line, what is wrong and what to do."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason


class _WrongError(Exception):
    """A node of the file is wrong: line (from 1) and reason."""

    def __init__(self, where: Node | int, reason: str) -> None:
        super().__init__(reason)
        self.line = where if isinstance(where, int) else where.start_mark.line + 1
        self.reason = reason


def read_inventory(path: str | os.PathLike[str]) -> Inventory:
    """The inventory in the file `path`.  Raises InventoryError, and nothing else, when there is none to be had."""
    name = os.fspath(path)
    try:
        return _inventory(_root(_text(name)), name)
    except _WrongError as wrong:
        raise InventoryError(name, wrong.line, wrong.reason) from None


def _text(path: str) -> str:
    try:
        with pathlib.Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        reason = (
            f"cannot be read ({error.strerror}) — name a region.yaml that you may read; region.example.yaml shows one"
        )
        raise _WrongError(1, reason) from None
    if len(data) > LARGEST:
        raise _WrongError(
            1, "is larger than 1 MiB — an inventory has a few lines per datacenter; is this the right file?"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _WrongError(data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text — save the file as UTF-8") from None


def _root(text: str) -> Node:
    """The file's one document, after everything that could make reading it expensive has been refused."""
    try:
        _refuse_bombs(text)
        root: Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise _WrongError(
            line, f"is not YAML: {_one_line(error.problem or 'unreadable')} — correct this line"
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, max(error.position, 0)) + 1
        raise _WrongError(line, "holds a control character — remove it; only printable text is allowed") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise _WrongError(1, "is not YAML that can be read — compare it with region.example.yaml") from None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == f"{_TAG}null"):
        raise _WrongError(
            1, "is empty — write at least `master:` and `datacenters:`; region.example.yaml explains both"
        )
    return root


def _refuse_bombs(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _WrongError(line, "anchors (&name) and aliases (*name) are not allowed — write the values out")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _WrongError(
                    line, "a second document begins here — keep one, remove the `---` line and what is below it"
                )
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _WrongError(line, "is nested too deeply — an inventory has four levels; see region.example.yaml")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shown(node: Node) -> str:
    """What stands there, for a message."""
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value if len(node.value) <= 60 else node.value[:57] + "...")
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


class _Mapping:
    """A mapping node whose keys are text, known and unique."""

    def __init__(self, node: Node, what: str, known: tuple[str, ...] | None) -> None:
        if not isinstance(node, yaml.MappingNode):
            raise _WrongError(node, f"{what} is {_shown(node)}, not a mapping — write `key: value` lines below it")
        self.node, self.what = node, what
        self.entries: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
                raise _WrongError(
                    key, f"{what} has the key {_shown(key)}, which YAML does not take for text — write it in quotes"
                )
            if key.value in self.entries:
                first = self.entries[key.value][0].start_mark.line + 1
                raise _WrongError(
                    key, f"{what} names {_shown(key)} twice (first on line {first}) — keep one of the two"
                )
            if known is not None and key.value not in known:
                raise _WrongError(key, f"{what} has the unknown key {_shown(key)} — known are: {', '.join(known)}")
            self.entries[key.value] = (key, value)

    def required(self, key: str, read: Callable[[Node, str], T]) -> T:
        if key not in self.entries:
            raise _WrongError(self.node, f"{self.what} lacks `{key}` — add it; region.example.yaml shows how")
        return read(self.entries[key][1], self._name(key))

    def optional(self, key: str, read: Callable[[Node, str], T], default: T) -> T:
        return read(self.entries[key][1], self._name(key)) if key in self.entries else default

    def _name(self, key: str) -> str:
        return key if self.what == "the inventory" else f"{self.what}.{key}"

    def line(self, key: str) -> int:
        node = self.entries[key][1] if key in self.entries else self.node
        return int(node.start_mark.line) + 1


def _string(node: Node, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}str":
        hint = "write it in quotes" if isinstance(node, yaml.ScalarNode) and node.value else "write one text value"
        raise _WrongError(node, f"{what} is {_shown(node)}, not text — {hint}")
    if not node.value.strip() or any(ord(char) < 32 or ord(char) == 127 for char in node.value):
        raise _WrongError(node, f"{what} is {_shown(node)} — write one line of text")
    return str(node.value)


def _identifier(node: Node, what: str) -> str:
    name = _string(node, what)
    if not ID.fullmatch(name):
        raise _WrongError(
            node, f"{what} is {_shown(node)} — only letters, digits, - and _ are allowed, a letter or digit first"
        )
    return name


def _headnode(node: Node, what: str) -> str:
    name = _string(node, what)
    if not HEADNODE.fullmatch(name):
        raise _WrongError(
            node, f"{what} is {_shown(node)} — write HOST or USER@HOST, as for ssh (options go into ~/.ssh/config)"
        )
    return name


def _dns_name(node: Node, what: str) -> str:
    name = _string(node, what)
    if not DNS_NAME.fullmatch(name):
        raise _WrongError(
            node, f"{what} is {_shown(node)} — write a DNS name without a dot at the end, such as example.com"
        )
    return name


def _address(node: Node, what: str) -> str:
    text = _string(node, what)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _WrongError(node, f"{what} is {_shown(node)} — write an IP address, such as 192.0.2.29") from None


def _boolean(node: Node, what: str) -> bool:
    if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}bool":
        raise _WrongError(node, f"{what} is {_shown(node)} — write true or false")
    return node.value.lower() in ("true", "yes", "on")


def _duration(least: float) -> Callable[[Node, str], float]:
    def read(node: Node, what: str) -> float:
        found = DURATION.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if found is None:
            raise _WrongError(
                node, f"{what} is {_shown(node)} — write a duration, such as 5s, 500ms, 2m or a number of seconds"
            )
        seconds = float(found[1]) * SECONDS[found[2]]
        if not math.isfinite(seconds) or not least <= seconds <= 7 * 86400:
            raise _WrongError(node, f"{what} is {_shown(node)} — write a duration from {least:g}s to 7d")
        return seconds

    return read


def _count(least: int, most: int) -> Callable[[Node, str], int]:
    def read(node: Node, what: str) -> int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise _WrongError(node, f"{what} is {_shown(node)} — write a whole number from {least} to {most}")
        return int(text)

    return read


def _state(node: Node, what: str) -> str:
    state = _string(node, what)
    if state not in (REPLICA, CANDIDATE):
        hint = "name the master by the key `master` alone" if state == MASTER else "write replica or candidate"
        raise _WrongError(node, f"{what} is {_shown(node)} — {hint}")
    return state


def _master(node: Node, what: str) -> str:
    if isinstance(node, yaml.SequenceNode):
        raise _WrongError(node, "master is a list — a coupling has exactly one UFDS master; name that datacenter")
    return _identifier(node, what)


def _refuse_endpoints(node: Node, what: str) -> None:
    raise _WrongError(node, f"{what} is not supported yet — give the datacenter a headnode instead")


TOP = ("master", "datacenters", "dns_domain", "expect", "timeouts", "waivers", "notify_command", "keep")
DATACENTER = ("headnode", "region", "state", "ufds_address", "endpoints")


def _inventory(root: Node, path: str) -> Inventory:
    top = _Mapping(root, "the inventory", TOP)
    master = top.required("master", _master)
    datacenters = top.required("datacenters", lambda node, what: _datacenters(node, what, master))
    if master not in datacenters:
        listed = ", ".join(sorted(datacenters))
        raise _WrongError(top.line("master"), f"master is {master!r}, which is not listed — write one of: {listed}")
    return Inventory(
        master=master,
        datacenters=datacenters,
        dns_domain=top.optional("dns_domain", _dns_name, ""),
        expect=top.optional("expect", _expect, Expectations()),
        timeouts=top.optional("timeouts", _timeouts, Timeouts()),
        path=path,
        waivers=top.optional("waivers", _string, ""),
        notify_command=top.optional("notify_command", _string, ""),
        keep=top.optional("keep", _count(1, 1_000_000), 0),
    )


def _datacenters(node: Node, what: str, master: str) -> dict[str, Declared]:
    listed = _Mapping(node, what, None)
    if not listed.entries:
        raise _WrongError(
            node, "datacenters is empty — list every datacenter of the coupling, with its headnode and region"
        )
    found: dict[str, Declared] = {}
    headnodes: dict[str, str] = {}
    for name, (key, value) in listed.entries.items():
        if not ID.fullmatch(name):
            raise _WrongError(
                key, f"the datacenter name {name!r} has other characters than letters, digits, - and _ — rename it"
            )
        one = _Mapping(value, f"datacenters.{name}", DATACENTER)
        one.optional("endpoints", _refuse_endpoints, None)
        declared = _declared(name, one, master)
        machine = declared.headnode.rpartition("@")[2].lower()  # root@HOST and HOST lead to one machine
        other = headnodes.setdefault(machine, name)
        if other != name:
            reason = f"{name} and {other} have the same headnode {declared.headnode!r} — give each datacenter its own"
            raise _WrongError(one.line("headnode"), reason)
        found[name] = declared
    for name, (_, value) in listed.entries.items():
        one = _Mapping(value, f"datacenters.{name}", DATACENTER)
        region = found[name].region
        if region in found:
            raise _WrongError(
                one.line("region"), f"the region {region!r} is called like a datacenter — rename one of the two"
            )
        if region == "coupling":
            raise _WrongError(one.line("region"), "no region can be called 'coupling' — rename it")
    return found


def _declared(name: str, one: _Mapping, master: str) -> Declared:
    state = one.optional("state", _state, MASTER if name == master else REPLICA)
    if name == master and state == CANDIDATE:
        raise _WrongError(
            one.line("state"),
            f"{name} is the master and cannot be a candidate — remove its state, or name another master",
        )
    if name == master and state == REPLICA:
        raise _WrongError(
            one.line("state"),
            f"{name} is the master and cannot be a replica — remove its state, or name another master",
        )
    return Declared(
        name=name,
        headnode=one.required("headnode", _headnode),
        region=one.required("region", _identifier),
        state=state,
        ufds_address=one.optional("ufds_address", _address, ""),
    )


def _expect(node: Node, what: str) -> Expectations:
    read = _Mapping(node, what, ("manta", "replication_lag", "clock_skew", "patience", "ufds_connections"))
    default = Expectations()
    return Expectations(
        manta=read.optional("manta", _boolean, default.manta),
        replication_lag=read.optional("replication_lag", _duration(0), default.replication_lag),
        clock_skew=read.optional("clock_skew", _duration(0), default.clock_skew),
        patience=read.optional("patience", _duration(0), default.patience),
        ufds_connections=read.optional("ufds_connections", _count(1, 64), default.ufds_connections),
    )


def _timeouts(node: Node, what: str) -> Timeouts:
    read = _Mapping(node, what, ("connect", "command", "run"))
    default = Timeouts()
    return Timeouts(
        connect=read.optional("connect", _duration(0.1), default.connect),
        command=read.optional("command", _duration(0.1), default.command),
        run=read.optional("run", _duration(1), default.run),
    )
