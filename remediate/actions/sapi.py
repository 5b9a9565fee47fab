"""Metadata of an object of SAPI: set some keys, take others out."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import Struct

from evidence.redact import HIDDEN, SECRET_NAME
from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, object_of, same, short, stands
from remediate.shell import quote, sapi_delete, sapi_update

Among = Literal["applications", "services", "instances"]
"""The list of SAPI that has an object."""


class SapiMetadata(Struct, frozen=True, forbid_unknown_fields=True, tag="sapi-metadata"):
    """Its value is the touched keys that are there.  A secret is neither kept nor shown, so it cannot be brought back."""

    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    uuid: str
    wanted: dict[str, Any] = {}
    gone: tuple[str, ...] = ()
    before: dict[str, Any] = {}
    address: str = ""
    """SAPI's, where sapiadm cannot know it: it goes by SAPI's name, which binder has to answer (sdc-config-agent:cmd/sapiadm.js)."""
    among: Among = "applications"
    """Where SAPI has the object; needed with an address only."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("sapi-answers",) if self.address else ("sapi-answers", "binder-answers-own-names")

    @property
    def _url(self) -> str:
        return f"http://{typed.address(self.address)}/{self.among}/{typed.uuid(self.uuid)}" if self.address else ""

    @property
    def planned(self) -> Value:
        return self.before

    @property
    def after(self) -> Value:
        return {key: _shown(key, value) for key, value in self.wanted.items()}

    def command(self) -> str:
        update = [sapi_update(self.uuid, self.wanted, self._url)] if self.wanted else []
        return "; ".join([*update, *([sapi_delete(self.uuid, self.gone, self._url)] if self.gone else [])])

    def read(self) -> str:
        return f"curl -sS {quote(self._url)}" if self.address else f"sapiadm get {typed.uuid(self.uuid)}"

    def seen(self, code: int, text: str) -> Value:
        if text.startswith("no such object"):  # with exit status 0
            raise NoValueError(f"SAPI says {short(text)!a}")
        metadata = object_of(code, text, "SAPI", self.uuid).get("metadata") or {}
        return present(metadata, (*self.wanted, *self.gone))

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.before, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> SapiMetadata | None:
        keys = sorted({*self.wanted, *self.gone})
        if any(SECRET_NAME.search(key) for key in keys):
            return None
        back = {key: then[key] for key in keys if key in then}
        gone = tuple(key for key in keys if key not in back)
        return SapiMetadata(self.uuid, back, gone, self.after, self.address, self.among)


def present(metadata: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Those of the keys that have a value; null is none."""
    return {key: _shown(key, metadata[key]) for key in sorted(set(keys)) if metadata.get(key) is not None}


def _shown(key: str, value: Any) -> Any:
    return HIDDEN if SECRET_NAME.search(key) and value else value
