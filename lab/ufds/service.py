"""What a UFDS answers to whom: suffixes, root, anonymous, operators, hidden attributes (sdc-ufds:lib/ufds.js)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.ufds import changelog, dn
from lab.ufds.changelog import Modification
from lab.ufds.directory import BASE, OPERATORS, SUFFIX, Directory, shown, visible
from lab.ufds.errors import LdapError, access_denied, not_implemented
from lab.ufds.filters import Filter
from lab.ufds.store import Attributes

HIDDEN_CONTROL = "1.3.6.1.4.1.38678.1"
SORT_CONTROL = "1.2.840.113556.1.4.473"
WHOAMI = "1.3.6.1.4.1.4203.1.11.3"
ANONYMOUS = "cn=anonymous"
COUNTERS = ("cn=changelogcount", "cn=latestchangenumber")
Found = tuple[str, Attributes]


@dataclass
class Service:
    """One UFDS and its administrator."""

    directory: Directory
    root_dn: str = "cn=root"
    root_password: str = "secret"

    def bind(self, name: str, password: str) -> str:
        """The identity of a connection from now on."""
        if not name and not password:
            return ""
        who = dn.parse(name)
        if who.key == dn.parse(self.root_dn).key:
            if password != self.root_password:
                raise LdapError(49, self.root_dn, self.root_dn)
            return who.key
        if not who.under(SUFFIX):
            raise not_implemented(who.key)
        self.directory.check_password(who.key, password)
        return who.key

    def _suffix(self, name: dn.Dn) -> str | None:
        return next((each for each in (SUFFIX, changelog.SUFFIX, *COUNTERS) if name.under(each)), None)

    def _authorize(self, identity: str, name: dn.Dn, suffix: str) -> None:
        """Root may do everything, a user may use his entry and those below it, and members of operators may do everything."""
        if identity == dn.parse(self.root_dn).key or (identity and name.under(identity)):
            return
        members = self.directory.store.get(OPERATORS) or {}
        if suffix != SUFFIX or identity not in members.get("uniquemember", ()):
            raise access_denied(suffix)

    def _writable(self, identity: str, text: str) -> dn.Dn:
        name = dn.parse(text)
        if not name.under(SUFFIX):
            raise not_implemented(name.key)
        self._authorize(identity, name, SUFFIX)
        return name

    def search(
        self, identity: str, base: str, scope: int, wanted: Filter, limit: int | None, controls: Sequence[str] = ()
    ) -> Iterator[Found]:
        """Found entries. Hidden attributes are left out unless their control is there."""
        name = dn.parse(base)
        suffix = self._suffix(name)
        if suffix is None:
            return iter([("", root_dse())])
        if suffix in COUNTERS:
            return iter([(suffix, self._counter(suffix))])
        self._authorize(identity, name, suffix)
        if suffix == changelog.SUFFIX:
            found = self.directory.log.search(name.key, scope, wanted, limit)
            return ((change.key, change.attributes()) for change in found)
        rows = self.directory.search(name, scope, wanted, limit)
        if HIDDEN_CONTROL in controls:
            return ((row.key, shown(row.attributes)) for row in rows)
        return ((row.key, visible(shown(row.attributes))) for row in rows)

    def sorts(self, base: str, scope: int) -> bool:
        """Whether a search there answers a sort control. The lab's order is always that of arrival."""
        return scope != BASE and self._suffix(dn.parse(base)) in (SUFFIX, changelog.SUFFIX)

    def _counter(self, suffix: str) -> dict[str, list[str]]:
        log = self.directory.log
        count = log.latest if suffix == "cn=latestchangenumber" else len(log)
        word = suffix.removeprefix("cn=")
        return {"objectclass": [word], "cn": [word], "count": [str(count)]}

    def add(self, identity: str, name: str, attributes: Attributes, *, force: bool = False) -> None:
        self.directory.add(self._writable(identity, name), attributes, force=force)

    def modify(self, identity: str, name: str, changes: Sequence[Modification], *, force: bool = False) -> None:
        self.directory.modify(self._writable(identity, name).key, changes, force=force)

    def delete(self, identity: str, name: str, *, force: bool = False) -> None:
        self.directory.delete(self._writable(identity, name).key, force=force)

    def compare(self, identity: str, name: str, attribute: str, value: str) -> None:
        self.directory.compare(self._writable(identity, name).key, attribute, value)


def root_dse() -> dict[str, list[str]]:
    """Also the answer to a search below any suffix that does not exist."""
    return {
        "namingcontexts": [SUFFIX, changelog.SUFFIX, *COUNTERS],
        "supportedcontrol": [SORT_CONTROL, HIDDEN_CONTROL, "2.16.840.1.113730.3.4.3"],
        "supportedextension": [WHOAMI],
        "supportedldapversion": ["3"],
        "currenttime": [datetime.now(UTC).strftime("%Y%m%d%H%M%S.0Z")],
        "objectclass": ["RootDSE"],
    }
