"""Just enough of BER (X.690) for LDAP messages: definite lengths, one-byte tags."""

from __future__ import annotations

from collections.abc import Iterator

INTEGER, OCTETS, ENUMERATED, BOOLEAN, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x01, 0x30, 0x31


class BerError(ValueError):
    """The bytes are not the expected BER."""


def tlv(tag: int, body: bytes) -> bytes:
    """One encoded element."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    if size < 0x100:
        return bytes((tag, 0x81, size)) + body
    if size < 0x10000:
        return bytes((tag, 0x82, size >> 8, size & 0xFF)) + body
    return bytes((tag, 0x84)) + size.to_bytes(4, "big") + body


def integer(value: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def text(value: str, tag: int = OCTETS) -> bytes:
    return tlv(tag, value.encode("utf-8", "surrogateescape"))


def boolean(value: bool) -> bytes:
    return tlv(BOOLEAN, b"\xff" if value else b"\x00")


def header(data: bytes | bytearray, pos: int) -> tuple[int, int, int] | None:
    """Tag, start and end of the element at `pos`; None if its header is not complete yet."""
    if len(data) < pos + 2:
        return None
    tag, size = data[pos], data[pos + 1]
    start = pos + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise BerError(f"length of {count} bytes")
        if len(data) < start + count:
            return None
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    return tag, start, start + size


def elements(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int]]:
    """(tag, start, end) of each element between `start` and `end`."""
    end = len(data) if end is None else end
    while start < end:
        found = header(data, start)
        if found is None or found[2] > end:
            raise BerError("element is cut off")
        yield found
        start = found[2]


def as_int(data: bytes, start: int, end: int) -> int:
    return int.from_bytes(data[start:end], "big", signed=True)


def as_text(data: bytes, start: int, end: int) -> str:
    return data[start:end].decode("utf-8", "surrogateescape")
