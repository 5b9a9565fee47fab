"""LDAP messages (RFC 4511): reads requests and writes answers for the server, and the reverse for the replicator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.ufds import ber, filters
from lab.ufds.changelog import Modification
from lab.ufds.filters import Filter

OPERATIONS = ("add", "delete", "replace")


@dataclass(frozen=True)
class Bind:
    name: str
    password: str


@dataclass(frozen=True)
class Unbind:
    pass


@dataclass(frozen=True)
class Search:
    base: str
    scope: int
    size_limit: int
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Modify:
    name: str
    changes: tuple[Modification, ...]


@dataclass(frozen=True)
class Add:
    name: str
    attributes: Mapping[str, list[str]]


@dataclass(frozen=True)
class Delete:
    name: str


@dataclass(frozen=True)
class Rename:
    name: str
    new: str


@dataclass(frozen=True)
class Compare:
    name: str
    attribute: str
    value: str


@dataclass(frozen=True)
class Abandon:
    pass


@dataclass(frozen=True)
class Extended:
    oid: str


Operation = Bind | Unbind | Search | Modify | Add | Delete | Rename | Compare | Abandon | Extended


@dataclass(frozen=True)
class Request:
    id: int
    operation: Operation
    controls: tuple[str, ...]
    answer_tag: int


ANSWER_TAGS = {0x60: 0x61, 0x63: 0x65, 0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D, 0x6E: 0x6F, 0x77: 0x78}


def _values(data: bytes, start: int, end: int) -> list[str]:
    return [ber.as_text(data, s, e) for _, s, e in ber.elements(data, start, end)]


def _attribute(data: bytes, start: int, end: int) -> tuple[str, list[str]]:
    parts = list(ber.elements(data, start, end))
    values = _values(data, *parts[1][1:]) if len(parts) > 1 else []
    return ber.as_text(data, *parts[0][1:]), values


def _search(data: bytes, start: int, end: int) -> Search:
    base, scope, _, size, _, _, wanted, names = ber.elements(data, start, end)
    return Search(
        ber.as_text(data, *base[1:]),
        ber.as_int(data, *scope[1:]),
        ber.as_int(data, *size[1:]),
        filters.from_ber(data, *wanted),
        tuple(name.lower() for name in _values(data, *names[1:])),
    )


def _modify(data: bytes, start: int, end: int) -> Modify:
    name, changes = ber.elements(data, start, end)
    found = []
    for _, s, e in ber.elements(data, *changes[1:]):
        operation, attribute = ber.elements(data, s, e)
        found.append((OPERATIONS[ber.as_int(data, *operation[1:])], *_attribute(data, *attribute[1:])))
    return Modify(ber.as_text(data, *name[1:]), tuple(found))


def _operation(data: bytes, tag: int, start: int, end: int) -> Operation:
    match tag:
        case 0x60:
            _, name, secret = ber.elements(data, start, end)
            if secret[0] != 0x80:
                raise ber.BerError(f"authentication {secret[0]:#x} not supported")
            return Bind(ber.as_text(data, *name[1:]), ber.as_text(data, *secret[1:]))
        case 0x42:
            return Unbind()
        case 0x63:
            return _search(data, start, end)
        case 0x66:
            return _modify(data, start, end)
        case 0x68:
            name, attributes = ber.elements(data, start, end)
            entry: dict[str, list[str]] = {}
            for _, s, e in ber.elements(data, *attributes[1:]):
                kind, values = _attribute(data, s, e)
                entry.setdefault(kind.lower(), []).extend(values)
            return Add(ber.as_text(data, *name[1:]), entry)
        case 0x4A:
            return Delete(ber.as_text(data, start, end))
        case 0x6C:
            name, new, *_ = ber.elements(data, start, end)
            return Rename(ber.as_text(data, *name[1:]), ber.as_text(data, *new[1:]))
        case 0x6E:
            name, assertion = ber.elements(data, start, end)
            attribute, value = _values(data, *assertion[1:])
            return Compare(ber.as_text(data, *name[1:]), attribute, value)
        case 0x50:
            return Abandon()
        case 0x77:
            return Extended(_values(data, start, end)[0])
    raise ber.BerError(f"operation {tag:#x}")


def request(message: bytes) -> Request:
    """Read one whole message. Raises BerError or BadFilterError if it is unknown."""
    try:
        ((_, start, end),) = ber.elements(message)
        number, operation, *rest = ber.elements(message, start, end)
        controls = [
            ber.as_text(message, *next(iter(ber.elements(message, s, e)))[1:])
            for tag, first, last in rest
            if tag == 0xA0
            for _, s, e in ber.elements(message, first, last)
        ]
        return Request(
            ber.as_int(message, *number[1:]),
            _operation(message, *operation),
            tuple(controls),
            ANSWER_TAGS.get(operation[0], 0x78),
        )
    except (IndexError, TypeError, StopIteration) as error:
        raise ber.BerError(str(error)) from error
    except ValueError as error:
        raise error if isinstance(error, ber.BerError) else ber.BerError(str(error)) from error


def complaint(message: bytes, text: str) -> bytes:
    """The answer to an unreadable message, if it is known whose answer it is. Then the server hangs up."""
    try:
        ((_, start, end),) = ber.elements(message)
        (_, first, last), (tag, *_), *_ = ber.elements(message, start, end)
    except (ber.BerError, ValueError):
        return b""
    return (
        result(ber.as_int(message, first, last), ANSWER_TAGS[tag], 2, "", f"Error: {text}")
        if tag in ANSWER_TAGS
        else b""
    )


def envelope(number: int, operation: bytes, controls: Sequence[str] = ()) -> bytes:
    """A message. Its controls are critical and have no value."""
    listed = b"".join(ber.tlv(ber.SEQUENCE, ber.text(each) + ber.boolean(True)) for each in controls)
    return ber.tlv(ber.SEQUENCE, ber.integer(number) + operation + (ber.tlv(0xA0, listed) if controls else b""))


# Server side sorting, RFC 2891: done.
SORTED = ber.tlv(
    ber.SEQUENCE,
    ber.text("1.2.840.113556.1.4.474") + ber.tlv(ber.OCTETS, ber.tlv(ber.SEQUENCE, ber.integer(0, ber.ENUMERATED))),
)


def result(
    number: int,
    tag: int,
    code: int = 0,
    matched: str = "",
    message: str = "",
    extra: bytes = b"",
    controls: bytes = b"",
) -> bytes:
    body = ber.integer(code, ber.ENUMERATED) + ber.text(matched) + ber.text(message) + extra
    return envelope(number, ber.tlv(tag, body) + (ber.tlv(0xA0, controls) if controls else b""))


def entry(number: int, name: str, attributes: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> bytes:
    """A search result entry with the wanted attributes (none named, or "*": all)."""
    everything = not wanted or "*" in wanted
    body = b"".join(attribute(kind, values) for kind, values in attributes.items() if everything or kind in wanted)
    return envelope(number, ber.tlv(0x64, ber.text(name) + ber.tlv(ber.SEQUENCE, body)))


def attribute(kind: str, values: Iterable[str]) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.text(kind) + ber.tlv(ber.SET, b"".join(map(ber.text, values))))


# -------------------------------------------------------------------------------------------------- the client's side


def bind_request(name: str, password: str) -> bytes:
    return ber.tlv(0x60, ber.integer(3) + ber.text(name) + ber.text(password, 0x80))


def search_request(base: str, scope: int, filter_: bytes, size_limit: int = 0) -> bytes:
    body = ber.text(base) + ber.integer(scope, ber.ENUMERATED) + ber.integer(0, ber.ENUMERATED)
    body += ber.integer(size_limit) + ber.integer(0) + ber.boolean(False) + filter_ + ber.tlv(ber.SEQUENCE, b"")
    return ber.tlv(0x63, body)


def equality(attribute_: str, value: str, tag: int = 0xA3) -> bytes:
    """An assertion: tag 0xA3 equality, 0xA5 >=, 0xA6 <=."""
    return ber.tlv(tag, ber.text(attribute_) + ber.text(value))


def conjunction(*parts: bytes) -> bytes:
    return ber.tlv(0xA0, b"".join(parts))


def presence(attribute_: str) -> bytes:
    return ber.text(attribute_, 0x87)


def add_request(name: str, attributes: Mapping[str, Sequence[str]]) -> bytes:
    body = b"".join(attribute(kind, values) for kind, values in attributes.items())
    return ber.tlv(0x68, ber.text(name) + ber.tlv(ber.SEQUENCE, body))


def modify_request(name: str, changes: Iterable[Modification]) -> bytes:
    body = b"".join(
        ber.tlv(ber.SEQUENCE, ber.integer(OPERATIONS.index(operation), ber.ENUMERATED) + attribute(kind, values))
        for operation, kind, values in changes
    )
    return ber.tlv(0x66, ber.text(name) + ber.tlv(ber.SEQUENCE, body))


def delete_request(name: str) -> bytes:
    return ber.text(name, 0x4A)


def answer(message: bytes) -> tuple[int, int, bytes]:
    """(message id, tag, body) of an answer."""
    ((_, start, end),) = ber.elements(message)
    number, operation, *_ = ber.elements(message, start, end)
    return ber.as_int(message, *number[1:]), operation[0], message[operation[1] : operation[2]]


def answer_entry(body: bytes) -> tuple[str, dict[str, list[str]]]:
    name, attributes = ber.elements(body)
    return ber.as_text(body, *name[1:]), dict(_attribute(body, s, e) for _, s, e in ber.elements(body, *attributes[1:]))


def answer_result(body: bytes) -> tuple[int, str, str]:
    code, matched, message, *_ = ber.elements(body)
    return ber.as_int(body, *code[1:]), ber.as_text(body, *matched[1:]), ber.as_text(body, *message[1:])
