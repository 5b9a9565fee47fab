"""A verb of svcadm on services of a zone, or of the global zone.

The exit status of svcadm says little.  What shows that a service was restarted is when its start method last ran.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, short
from remediate.shell import cycled, quote, zone_service

Verb = Literal["enable", "disable", "restart", "cycle", "clear"]
"""cycle: restart, and wait until all of it is back, as one does before the next instance is restarted."""
_BEFORE = {"enable": "disabled", "disable": "online", "restart": "online", "cycle": "online", "clear": "maintenance"}
_AFTER = {"enable": "online", "disable": "disabled", "restart": "online", "cycle": "online", "clear": "online"}
STATE, NEXT, STARTED = "restarter/state", "restarter/next_state", "restarter/start_method_timestamp"


class Smf(Struct, frozen=True, forbid_unknown_fields=True, tag="smf"):
    """`zone` empty: the global zone.  Its value: of each service the state, and when it was last started."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 60.0

    zone: str
    verb: Verb
    services: tuple[str, ...]

    @property
    def planned(self) -> Value:
        return {fmri: {"state": _BEFORE[self.verb]} for fmri in self.services}

    @property
    def after(self) -> Value:
        return {fmri: {"state": _AFTER[self.verb]} for fmri in self.services}

    @property
    def restarts(self) -> bool:
        """Whether it has no value to bring back: what is to be seen is only that it was done."""
        return self.verb in ("restart", "cycle")

    def command(self) -> str:
        if self.verb == "cycle":
            return cycled(self.zone, self.patience, *self.services)
        if self.zone:
            return zone_service(self.verb, self.zone, *self.services)
        waits = " -s" if self.verb == "enable" else ""
        return f"svcadm {self.verb}{waits} {' '.join(quote(typed.fmri(fmri)) for fmri in self.services)}"

    def read(self) -> str:
        zone = f"-z {typed.uuid(self.zone)} " if self.zone else ""
        patterns = " ".join(quote(typed.fmri(fmri)) for fmri in self.services)
        return f"svcprop {zone}-f -p {STATE} -p {NEXT} -p {STARTED} {patterns}"

    def seen(self, code: int, text: str) -> Value:
        found: dict[str, dict[str, str]] = {}
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            fmri, _, about = name.partition("/:properties/")
            found.setdefault(fmri, {})[about] = value.partition(" ")[2].strip()
        if not found or not all(each.get(STATE) for each in found.values()):
            raise NoValueError(f"svcprop said {short(text)!a} (exit {code})")
        return {fmri: {"state": _state(each), "started": each.get(STARTED, "")} for fmri, each in sorted(found.items())}

    def standing(self, now: Value) -> Precondition:
        """A restart is always to be done once more; but not of what somebody disabled, or what SMF gave up."""
        states = {each["state"] for each in now.values()}
        if self.restarts:
            return Precondition.OTHER if states & {"disabled", "maintenance"} else Precondition.PLANNED
        if states == {_AFTER[self.verb]}:
            return Precondition.WANTED
        wrong = states - {_BEFORE[self.verb], _AFTER[self.verb]}
        return Precondition.OTHER if wrong else Precondition.PLANNED

    def done(self, then: Value, now: Value) -> bool:
        if any(each["state"] != _AFTER[self.verb] for each in now.values()) or {*then} - {*now}:
            return False
        return not self.restarts or all(now[fmri]["started"] != each["started"] for fmri, each in then.items())

    def inverse(self, then: Value) -> Smf | None:
        """What was enabled is disabled again, and the other way round; a restart has nothing to take back."""
        back: dict[str, Verb] = {"enable": "disable", "disable": "enable"}
        if self.verb not in back:
            return None
        changed = tuple(sorted(f for f, each in then.items() if each["state"] == _BEFORE[self.verb]))
        return Smf(self.zone, back[self.verb], changed) if changed else None


def _state(properties: dict[str, str]) -> str:
    """The state, with a star while the service is on its way to another one."""
    return properties[STATE] + ("" if properties.get(NEXT, "none") in ("none", "") else "*")
