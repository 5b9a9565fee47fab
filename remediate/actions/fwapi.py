"""Rules of FWAPI.  A rule has the uuid that its step gives it, so that pasting it twice makes no second one."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import ABSENT, NoValueError, Precondition, Value, json_of, same, short, stands
from remediate.shell import compact, quote

NEEDS = ("binder-answers-own-names", "internal-apis-answer/fwapi")


class MadeRule(Struct, frozen=True, forbid_unknown_fields=True, tag="firewall-rule"):
    """Makes a rule, or deletes it (`gone`).  Its value: text and state of the rule of that uuid, or null."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    uuid: str
    rule: str
    owner: str
    description: str
    gone: bool = False

    @property
    def _there(self) -> Value:
        return {"enabled": True, "rule": self.rule}

    @property
    def planned(self) -> Value:
        return self._there if self.gone else ABSENT

    @property
    def after(self) -> Value:
        return ABSENT if self.gone else self._there

    def command(self) -> str:
        uuid = typed.uuid(self.uuid)
        if self.gone:
            return f"sdc-fwapi /rules/{uuid} -X DELETE"
        made = {"description": self.description, "enabled": True, "owner_uuid": self.owner, "rule": self.rule}
        return (
            f"[[ $(sdc-fwapi /rules/{uuid} | json -H uuid) == {uuid} ]] ||\n"
            f"    sdc-fwapi /rules -X POST -d {quote(compact({**made, 'uuid': uuid}))}\n{_is(uuid, enabled=True)}"
        )

    def read(self) -> str:
        return _read(self.uuid)

    def seen(self, code: int, text: str) -> Value:
        found = _rule(code, text, self.uuid)
        return {"enabled": found.get("enabled"), "rule": found.get("rule")} if found is not None else ABSENT

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> MadeRule | None:
        if then is ABSENT or self.gone:
            return MadeRule(self.uuid, self.rule, self.owner, self.description, gone=not self.gone)
        return None


class FirewallSwitch(Struct, frozen=True, forbid_unknown_fields=True, tag="firewall-switch"):
    """Switches a rule on or off."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
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
        uuid = typed.uuid(self.uuid)
        body = quote(compact({"enabled": self.enabled}))
        return f"sdc-fwapi /rules/{uuid} -X PUT -d {body}\n{_is(uuid, enabled=self.enabled)}"

    def read(self) -> str:
        return _read(self.uuid)

    def seen(self, code: int, text: str) -> Value:
        found = _rule(code, text, self.uuid)
        return found.get("enabled") if found is not None else "no such rule"

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> FirewallSwitch | None:
        return FirewallSwitch(self.uuid, bool(then)) if then != self.enabled else None


def _is(uuid: str, *, enabled: bool) -> str:
    """Checks that FWAPI has the rule like this: `sdc-fwapi` itself exits with 0 whatever FWAPI says."""
    return (
        f"[[ $(sdc-fwapi /rules/{typed.uuid(uuid)} | json -H enabled) == {compact(enabled)} ]] ||\n"
        "    { echo 'FWAPI does not have the rule so.' >&2; false; }"
    )


def _read(uuid: str) -> str:
    return f"sdc-fwapi --no-headers /rules/{typed.uuid(uuid)}"


def _rule(code: int, text: str, uuid: str) -> dict[str, Any] | None:
    read = json_of(code, text, "FWAPI")
    if isinstance(read, dict) and read.get("uuid") == uuid:
        return read
    if isinstance(read, dict) and read.get("code") == "ResourceNotFound":
        return None
    raise NoValueError(f"FWAPI said {short(text)!a}")
