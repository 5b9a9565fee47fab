"""A zone's own routes and its firewall, by vmadm on its head node."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, json_of, same, stands
from remediate.shell import compact, quote


class VmRoutes(Struct, frozen=True, forbid_unknown_fields=True, tag="vm-routes"):
    """Adds routes to a zone, and takes out others.  Its value: of each touched destination the router, or null."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    uuid: str
    added: dict[str, str] = {}
    removed: dict[str, str] = {}

    @property
    def planned(self) -> Value:
        return {**dict.fromkeys(self.added), **self.removed}

    @property
    def after(self) -> Value:
        return {**dict.fromkeys(self.removed), **self.added}

    def command(self) -> str:
        come = {"set_routes": {typed.prefix(to): typed.address(via) for to, via in self.added.items()}}
        gone = {"remove_routes": [typed.prefix(to) for to in sorted(self.removed)]}
        return _update(self.uuid, (come if self.added else {}) | (gone if self.removed else {}))

    def read(self) -> str:
        return _lookup(self.uuid, "routes")

    def seen(self, code: int, text: str) -> Value:
        routes = _vm(code, text, self.uuid).get("routes") or {}
        if not isinstance(routes, dict):
            raise NoValueError("vmadm's routes are no object")
        return {to: routes.get(to) for to in sorted({*self.added, *self.removed})}

    def standing(self, now: Value) -> Precondition:
        if same(now, self.after):
            return Precondition.WANTED
        known = all(now[to] in (self.planned[to], self.after[to]) for to in self.after)
        return Precondition.PLANNED if known else Precondition.OTHER

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> VmRoutes | None:
        came = {to: via for to, via in self.added.items() if then.get(to) is None}
        went = {to: via for to, via in self.removed.items() if then.get(to) == via}
        return VmRoutes(self.uuid, went, came) if came or went else None


class VmFirewall(Struct, frozen=True, forbid_unknown_fields=True, tag="vm-firewall"):
    """Switches the firewall of a zone on or off."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    uuid: str
    enabled: bool

    @property
    def planned(self) -> Value:
        return not self.enabled

    @property
    def after(self) -> Value:
        return self.enabled

    def command(self) -> str:
        return _update(self.uuid, {"firewall_enabled": self.enabled})

    def read(self) -> str:
        return _lookup(self.uuid, "firewall_enabled")

    def seen(self, code: int, text: str) -> Value:
        return _vm(code, text, self.uuid).get("firewall_enabled") is True

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> VmFirewall | None:
        return VmFirewall(self.uuid, bool(then)) if then != self.enabled else None


class VmState(Struct, frozen=True, forbid_unknown_fields=True, tag="vm-state"):
    """Starts a zone, or stops it (`running` false).  Its value: the state as vmadm calls it."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 120.0

    uuid: str
    running: bool = True

    @property
    def planned(self) -> Value:
        return "stopped" if self.running else "running"

    @property
    def after(self) -> Value:
        return "running" if self.running else "stopped"

    def command(self) -> str:
        return f"vmadm {'start' if self.running else 'stop'} {typed.uuid(self.uuid)}"

    def read(self) -> str:
        return _lookup(self.uuid, "state")

    def seen(self, code: int, text: str) -> Value:
        return str(_vm(code, text, self.uuid).get("state"))

    def standing(self, now: Value) -> Precondition:
        """A zone that is on its way (provisioning, stopping), or failed, is neither."""
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> VmState | None:
        return VmState(self.uuid, not self.running) if then == self.planned else None


def _update(uuid: str, change: dict[str, Any]) -> str:
    return f"vmadm update {typed.uuid(uuid)} <<< {quote(compact(change))}"


def _lookup(uuid: str, field: str) -> str:
    """Never the whole object, which can hold passwords (facts, "Exact forms")."""
    return f"vmadm lookup -j -o uuid,{field} uuid={typed.uuid(uuid)}"


def _vm(code: int, text: str, uuid: str) -> dict[str, Any]:
    found = json_of(code, text, "vmadm")
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict) or found[0].get("uuid") != uuid:
        raise NoValueError(f"vmadm knows no zone {uuid} on this head node")
    return found[0]
