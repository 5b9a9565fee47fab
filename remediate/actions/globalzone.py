"""A route of a head node's global zone, until its next boot."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import ABSENT, NoValueError, Precondition, Value, same, short, stands


class GlobalRoute(Struct, frozen=True, forbid_unknown_fields=True, tag="global-route"):
    """Adds a route, or takes it out (`gone`).  Its value: the router, or null."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    to: str
    via: str
    gone: bool = False

    @property
    def planned(self) -> Value:
        return self.via if self.gone else ABSENT

    @property
    def after(self) -> Value:
        return ABSENT if self.gone else self.via

    def command(self) -> str:
        return f"route {'delete' if self.gone else 'add'} {typed.prefix(self.to)} {typed.address(self.via)}"

    def read(self) -> str:
        return "netstat -rnv -f inet"

    def seen(self, code: int, text: str) -> Value:
        rows = [line.split() for line in text.splitlines()]
        if code != 0 or not any(row[:3] == ["Destination", "Mask", "Gateway"] for row in rows):
            raise NoValueError(f"netstat printed no table of routes: {short(text)!a} (exit {code})")
        wanted = IPv4Network(self.to)
        names = [str(wanted.network_address), str(wanted.netmask)]
        return next((row[2] for row in rows if row[:2] == names), ABSENT)

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> GlobalRoute | None:
        return GlobalRoute(self.to, self.via, gone=not self.gone) if not same(then, self.after) else None
