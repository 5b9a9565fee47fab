"""Reads what an operator declares in YAML. Every mistake is told with its line, and with what to write instead.

The files are untrusted: limited in size and depth, anchors and aliases are refused (the "YAML bomb"), and nothing in them is
ever turned into a Python object.
"""

from __future__ import annotations

import datetime
import math
import os
import re
import shlex
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import yaml
from yaml.nodes import Node

from evidence.inventory.duration import DURATION, SECONDS
from evidence.inventory.model import ID
from evidence.inventory.regular import NotRegularError, read_regular
from triton_az_checks.errors import OperatorError

LARGEST: Final = 1 << 20
DEEPEST: Final = 12

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
T = TypeVar("T")


class DeclarationError(OperatorError):
    """A file of the operator cannot be used. The message names file, line, what is wrong and what to do."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason


class WrongError(Exception):
    """A node of the file is wrong; `line` counts from 1."""

    def __init__(self, where: Node | int, reason: str) -> None:
        super().__init__(reason)
        self.line = where if isinstance(where, int) else where.start_mark.line + 1
        self.reason = reason


def read_declared(path: str | os.PathLike[str], what: str, read: Callable[[Node | None, str], T]) -> T:
    """Return what `read` makes of the file's only document (None if the file is empty). Raises only DeclarationError.

    `what` says which file to name instead, if this one cannot be read.
    """
    name = os.fspath(path)
    try:
        return read(_root(_text(name, what)), name)
    except WrongError as wrong:
        raise DeclarationError(name, wrong.line, wrong.reason) from None


def _text(path: str, what: str) -> str:
    try:
        data = read_regular(path, LARGEST + 1)
    except NotRegularError as error:
        raise WrongError(1, f"is {error}, not a file — name {what}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise WrongError(1, f"cannot be read ({why}) — name {what}; region.example.yaml shows one") from None
    if len(data) > LARGEST:
        raise WrongError(1, "is larger than 1 MiB — such a file has a few lines per datacenter; is this the right one?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongError(data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text — save the file as UTF-8") from None


def _root(text: str) -> Node | None:
    """Return the file's only document, or None. Refuses first whatever could make reading it expensive."""
    try:
        _refuse_bombs(text)
        root: Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise WrongError(line, f"is not YAML: {_one_line(error.problem or 'unreadable')} — correct this line") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, max(error.position, 0)) + 1
        raise WrongError(line, "holds a control character — remove it; only printable text is allowed") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise WrongError(1, "is not YAML that can be read — compare it with region.example.yaml") from None
    return None if isinstance(root, yaml.ScalarNode) and root.tag == f"{_TAG}null" else root


def _refuse_bombs(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise WrongError(line, "anchors (&name) and aliases (*name) are not allowed — write the values out")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise WrongError(
                    line, "a second document begins here — keep one, remove the `---` line and what is below it"
                )
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise WrongError(line, "is nested too deeply — see region.example.yaml")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _one_line(text: str) -> str:
    return " ".join(text.split())


def shown(node: Node) -> str:
    """The node's value, as messages show it."""
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value if len(node.value) <= 60 else node.value[:57] + "...")
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


class Mapping:
    """A mapping whose keys are known, unique texts."""

    def __init__(self, node: Node, what: str, known: tuple[str, ...] | None) -> None:
        if not isinstance(node, yaml.MappingNode):
            raise WrongError(node, f"{what} is {shown(node)}, not a mapping — write `key: value` lines below it")
        self.node, self.what = node, what
        self.entries: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
                raise WrongError(
                    key, f"{what} has the key {shown(key)}, which YAML does not read as text — write it in quotes"
                )
            if key.value in self.entries:
                first = self.entries[key.value][0].start_mark.line + 1
                raise WrongError(key, f"{what} names {shown(key)} twice (first on line {first}) — keep one of the two")
            if known is not None and key.value not in known:
                raise WrongError(key, f"{what} has the unknown key {shown(key)} — known are: {', '.join(known)}")
            self.entries[key.value] = (key, value)

    def required(self, key: str, read: Callable[[Node, str], T]) -> T:
        if key not in self.entries:
            raise WrongError(self.node, f"{self.what} lacks `{key}` — add it; region.example.yaml shows how")
        return read(self.entries[key][1], self._name(key))

    def optional(self, key: str, read: Callable[[Node, str], T], default: T) -> T:
        return read(self.entries[key][1], self._name(key)) if key in self.entries else default

    def _name(self, key: str) -> str:
        return key if self.what.startswith("the ") else f"{self.what}.{key}"

    def line(self, key: str) -> int:
        node = self.entries[key][1] if key in self.entries else self.node
        return int(node.start_mark.line) + 1


def string(node: Node, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}str":
        hint = "write it in quotes" if isinstance(node, yaml.ScalarNode) and node.value else "write one text value"
        raise WrongError(node, f"{what} is {shown(node)}, not text — {hint}")
    if not node.value.strip() or any(ord(char) < 32 or ord(char) == 127 for char in node.value):
        raise WrongError(node, f"{what} is {shown(node)} — write one line of text")
    return str(node.value)


def command(node: Node, what: str) -> str:
    """A command as a shell would take its words apart; it is started without one."""
    text = string(node, what)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise WrongError(node, f"{what} is {shown(node)} — its quotes do not match ({error})") from None
    if not words or not words[0]:
        raise WrongError(node, f"{what} is {shown(node)} — write a command and its words")
    return text


def identifier(node: Node, what: str) -> str:
    name = string(node, what)
    if not ID.fullmatch(name):
        raise WrongError(
            node, f"{what} is {shown(node)} — only letters, digits, - and _ are allowed, a letter or digit first"
        )
    return name


def boolean(node: Node, what: str) -> bool:
    if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}bool":
        raise WrongError(node, f"{what} is {shown(node)} — write true or false")
    return node.value.lower() in ("true", "yes", "on")


def planned_or_boolean(node: Node, what: str) -> bool | Literal["planned"]:
    if isinstance(node, yaml.ScalarNode) and node.value == "planned":
        return "planned"
    if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}bool":
        raise WrongError(
            node, f"{what} is {shown(node)} — write true, false or planned, or list the datacenters that have it"
        )
    return boolean(node, what)


def duration(least: float) -> Callable[[Node, str], float]:
    def read(node: Node, what: str) -> float:
        found = DURATION.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if found is None:
            raise WrongError(
                node, f"{what} is {shown(node)} — write a duration, such as 5s, 500ms, 2m or a number of seconds"
            )
        seconds = float(found[1]) * SECONDS[found[2]]
        if not math.isfinite(seconds) or not least <= seconds <= 7 * 86400:
            raise WrongError(node, f"{what} is {shown(node)} — write a duration from {least:g}s to 7d")
        return seconds

    return read


def count(least: int, most: int) -> Callable[[Node, str], int]:
    def read(node: Node, what: str) -> int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise WrongError(node, f"{what} is {shown(node)} — write a whole number from {least} to {most}")
        return int(text)

    return read


def kept(node: Node, what: str) -> tuple[int, int]:
    """How many runs are kept, and for how many days.  A number alone is that of runs."""
    if isinstance(node, yaml.ScalarNode):
        return count(1, 1_000_000)(node, what), 0
    read = Mapping(node, what, ("runs", "days"))
    if not read.entries:
        raise WrongError(node, f"{what} is empty — write runs, days or both, such as {{runs: 90, days: 365}}")
    return read.optional("runs", count(1, 1_000_000), 0), read.optional("days", count(1, 36_500), 0)


def date(node: Node, what: str) -> datetime.date:
    text = node.value if isinstance(node, yaml.ScalarNode) else ""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise WrongError(node, f"{what} is {shown(node)} — write a date, such as 2027-01-31")
