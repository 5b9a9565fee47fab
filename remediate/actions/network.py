"""Routes and owners of a network of NAPI: single members, never the whole field."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from remediate import napi, typed
from remediate.actions.reading import NoValueError, Precondition, Value, object_of, same

NEEDS = ("binder-answers-own-names", "internal-apis-answer/napi")


class NapiRoutes(Struct, frozen=True, forbid_unknown_fields=True, tag="napi-routes"):
    """Adds routes, and takes out others.  Its value: of each touched destination the router, or null."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    network: str
    added: dict[str, str] = {}
    removed: dict[str, str] = {}
    had: tuple[str, ...] = ()
    """Zones that have the added routes by hand: when NAPI loses them again, net-agent takes them out there as well."""

    @property
    def planned(self) -> Value:
        return {**dict.fromkeys(self.added), **self.removed}

    @property
    def after(self) -> Value:
        return {**dict.fromkeys(self.removed), **self.added}

    def command(self) -> str:
        return napi.routes(self.network, self.added, self.removed)

    def read(self) -> str:
        return read_network(self.network)

    def seen(self, code: int, text: str) -> Value:
        routes = object_of(code, text, "NAPI", self.network).get("routes") or {}
        if not isinstance(routes, dict):
            raise NoValueError("NAPI's routes are no object")
        return {to: routes.get(to) for to in sorted({*self.added, *self.removed})}

    def standing(self, now: Value) -> Precondition:
        """A part of it may be there already: only a destination that leads elsewhere is a third state."""
        if same(now, self.after):
            return Precondition.WANTED
        known = all(now[to] in (self.planned[to], self.after[to]) for to in self.after)
        return Precondition.PLANNED if known else Precondition.OTHER

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> NapiRoutes | None:
        if self.had:
            return None
        came = {to: via for to, via in self.added.items() if then.get(to) != via}
        went = {to: via for to, via in self.removed.items() if then.get(to) == via}
        return NapiRoutes(self.network, went, came) if came or went else None


class NapiOwners(Struct, frozen=True, forbid_unknown_fields=True, tag="napi-owners"):
    """Adds owners and takes out others.  Its value: of each touched owner whether the network has it."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    network: str
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def planned(self) -> Value:
        return dict.fromkeys(self.added, False) | dict.fromkeys(self.gone, True)

    @property
    def after(self) -> Value:
        return dict.fromkeys(self.added, True) | dict.fromkeys(self.gone, False)

    def command(self) -> str:
        return napi.owners(self.network, self.added, self.gone)

    def read(self) -> str:
        return read_network(self.network)

    def seen(self, code: int, text: str) -> Value:
        owners = object_of(code, text, "NAPI", self.network).get("owner_uuids") or []
        if not isinstance(owners, list):
            raise NoValueError("NAPI's owner_uuids are no list")
        return {owner: owner in owners for owner in (*self.added, *self.gone)}

    def standing(self, now: Value) -> Precondition:
        """Somebody may have done a part of it: that is no third state, since an owner is there or not."""
        return Precondition.WANTED if same(now, self.after) else Precondition.PLANNED

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> NapiOwners | None:
        came = tuple(owner for owner in self.added if not then[owner])
        went = tuple(owner for owner in self.gone if then[owner])
        return NapiOwners(self.network, went, came) if came or went else None


def read_network(uuid: str) -> str:
    """A GET of a network; `sdc-napi` exits with 0 whatever NAPI says."""
    return f"sdc-napi --no-headers /networks/{typed.uuid(uuid)}"
