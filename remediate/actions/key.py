"""A public key of an account in a datacenter's UFDS.  Its holder can act as that account."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, short, stands
from remediate.shell import quote


class AddKey(Struct, frozen=True, forbid_unknown_fields=True, tag="add-key"):
    """Adds a key, or takes it out (`gone`).  Its value: whether the account has the key of that fingerprint."""

    needs: ClassVar[tuple[str, ...]] = ("ufds-answers", "binder-answers-own-names")
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    login: str
    name: str
    key: str
    fingerprint: str
    gone: bool = False

    @property
    def planned(self) -> Value:
        return self.gone

    @property
    def after(self) -> Value:
        return not self.gone

    def command(self) -> str:
        login = quote(typed.name(self.login))
        if self.gone:
            return f"sdc-useradm delete-key {login} {typed.fingerprint(self.fingerprint)}"
        return (  # sdc-useradm takes no file that does not end in .pub
            f"folder=$(mktemp -d) && printf '%s\\n' {quote(self._key())} > \"$folder/sdc.pub\" &&\n"
            f'    sdc-useradm add-key -n {quote(self.name)} {login} "$folder/sdc.pub" && rm -r "$folder"'
        )

    def _key(self) -> str:
        return typed.key_of(self.fingerprint, self.key) if self.fingerprint else typed.public_key(self.key)

    def read(self) -> str:
        return f"sdc-useradm keys {quote(typed.name(self.login))}"

    def seen(self, code: int, text: str) -> Value:
        if code != 0:
            raise NoValueError(f"sdc-useradm said {short(text)!a} (exit {code})")
        return typed.fingerprint(self.fingerprint) in text

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return bool(now == self.after)

    def inverse(self, then: Value) -> AddKey | None:
        if then == self.after:
            return None
        return AddKey(self.login, self.name, self.key, self.fingerprint, gone=not self.gone)
