"""One datacenter's UFDS below o=smartdc: entries, changelog, and the rules for reading and changing them.

It follows sdc-ufds:lib/db/*.js, lib/salt.js, lib/owner.js and the recordings. It knows nothing of LDAP bytes and callers' rights; `service`
does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping

from lab.ufds import changelog, dn, keys, passwords, schema
from lab.ufds.changelog import Modification
from lab.ufds.errors import LdapError, constraint, no_such_object
from lab.ufds.filters import And, Below, Equal, Filter
from lab.ufds.store import Attributes, Row, Store
from lab.ufds.validators import LOGIN, UUID, Entry, bare_login

SUFFIX = "o=smartdc"
BLACKLIST = "cn=blacklist, o=smartdc"
OPERATORS = "cn=operators, ou=groups, o=smartdc"
BASE, ONE, SUB = 0, 1, 2
PROTECTED = ("_owner", "_replicated", "_imported")
LINKS = {"memberrole": "memberpolicy", "memberpolicy": "memberrole"}
LINKED = {"sdcaccountpolicy": "memberrole", "sdcaccountrole": "memberpolicy"}
FORCE_CONTROL = "2.16.840.1.113730.3.4.2"  # ManageDSAIT: turns schema validation off (CAPI-155)


def now_ms() -> int:
    return int(time.time() * 1000)


def visible(attributes: Attributes) -> dict[str, list[str]]:
    """The attributes that a UFDS shows without control 1.3.6.1.4.1.38678.1."""
    return {name: values for name, values in attributes.items() if name[0] != "_" and name != "userpassword"}


def shown(attributes: Attributes) -> Attributes:
    """The attributes as shown: a sub-user's login is without its account."""
    if "sdcaccountuser" not in attributes.get("objectclass", ()) or "login" not in attributes:
        return attributes
    return {**attributes, "login": [bare_login(attributes["login"][0])]}


class Directory:
    """Entries and changelog of one UFDS. `is_master` and `datacenter` come from its configuration."""

    def __init__(self, *, is_master: bool, datacenter: str = "") -> None:
        self.is_master = is_master
        self.datacenter = datacenter
        self.store = Store()
        self.log = changelog.Changelog()

    # ------------------------------------------------------------------------------------------------ reading

    def read(self, key: str) -> Attributes:
        found = self.store.get(key)
        if found is None:
            raise no_such_object(key)
        return found

    def search(self, base: dn.Dn, scope: int, wanted: Filter, limit: int | None) -> Iterator[Row]:
        """Matching rows in order of arrival. Raises 32 for an unknown base."""
        self.read(base.key)
        if scope == BASE:
            row = self.store.rows[base.key]
            return iter([row] if wanted.matches(row.attributes) else [])
        if scope == ONE:
            return self.store.search(And((wanted, Equal("_parent", base.key))), limit)
        return self.store.search(And((wanted, Below(base.key))), limit)

    def policy(self, account: str | None = None) -> Attributes | None:
        """The policy of passwords. When a password is tried, an account may have its own policy for its sub-users."""
        own = self.store.get(f"cn=pwdpolicy, {account}") if account else None
        return own or self.store.get(passwords.POLICY)

    # ------------------------------------------------------------------------------------------------ adding

    def add(self, name: dn.Dn, given: Attributes, *, force: bool = False) -> None:
        """Do all steps of an add request, in the real server's order."""
        entry = {kind.lower(): list(dict.fromkeys(values)) for kind, values in sorted(given.items())}
        if "objectclass" in entry:
            entry["objectclass"] = [value.lower() for value in entry["objectclass"]]
        keys.complete(entry)
        self._add_owner(name, entry)
        self._add_password(entry)
        if not force:
            self._validate(name.key, entry)
        if name.key in self.store:
            raise LdapError(68, name.key)
        if name.key != SUFFIX:
            if name.parent not in self.store:
                raise no_such_object(name.parent)
            entry["_parent"] = [name.parent]
        if not self._trusted(entry) and entry.get("login"):
            self._check_new_login(name, entry)
        self._check_name(name.key, entry)
        self.store.check_unique(name.key, entry)
        linked = self._linked(name.key, entry)
        self.store.put(name.key, entry)
        for key, attributes in linked.items():
            self.store.put(key, attributes)
        self.log.append("add", name.key, now_ms(), entry)

    def _trusted(self, entry: Attributes) -> bool:
        """Whether the entry is replicated or imported, so it was validated elsewhere."""
        return "_imported" in entry or ("_replicated" in entry and not self.is_master)

    def _validate(self, key: str, entry: Attributes, modified: Iterable[str] = (), *, deleting: bool = False) -> None:
        schema.validate(Entry(key, entry, self.is_master, self.datacenter, set(modified), deleting))

    @staticmethod
    def _add_owner(name: dn.Dn, entry: dict[str, list[str]]) -> None:
        """Set `_owner`: the uuid of the account that an entry is, or is directly below."""
        accounts = [value for kind, value in map(name.rdn, range(len(name.rdns))) if kind == "uuid"]
        if not accounts or not name.under("ou=users, o=smartdc"):
            return
        is_person = name.rdn(0)[0] == "uuid"
        entry["_owner"] = [accounts[1] if is_person and len(accounts) > 1 else accounts[0]]

    def _add_password(self, entry: dict[str, list[str]]) -> None:
        if not entry.get("userpassword"):
            return
        now = now_ms()
        entry.setdefault("pwdchangedtime", [str(now)])
        if "_salt" in entry:
            entry["_imported"] = ["true"]
            return
        if "_replicated" in entry and not self.is_master:
            return
        entry.setdefault("created_at", [str(now)])
        entry.setdefault("updated_at", [str(now)])
        entry.setdefault("approved_for_provisioning", ["false"])
        passwords.check(entry["userpassword"][0], self.policy())
        salt = passwords.new_salt()
        entry["_salt"] = [salt]
        ends = passwords.end_time(now, self.policy())
        if ends is not None:
            entry["pwdendtime"] = ends
        entry["userpassword"] = [passwords.salted(entry["userpassword"][0], salt)]

    def _check_new_login(self, name: dn.Dn, entry: dict[str, list[str]]) -> None:
        blacklist = self.store.get(BLACKLIST)
        if blacklist is not None and "email" in entry:
            # Regular expressions, in which only the first asterisk has another meaning.
            patterns = (each.replace("*", ".*", 1) for each in blacklist.get("email", ()))
            if any(re.search(pattern, ",".join(entry["email"])) for pattern in patterns):
                raise constraint("Email address is blacklisted.")
        account = self.store.get(name.parent) if name.parent else None
        login = given = entry["login"][0]
        if account is not None and "sdcperson" in account["objectclass"]:
            if "sdcaccountuser" not in entry["objectclass"]:
                entry["objectclass"].append("sdcaccountuser")
            entry.setdefault("account", list(account["uuid"]))
            login = bare_login(given)
            entry["alias"] = list(dict.fromkeys([*entry.get("alias", ()), given]))
            entry["login"] = [_scoped(account["uuid"][0], given)]
            taken = f"{account['uuid'][0]}/{login}"
        else:
            taken = login
        if not LOGIN.fullmatch(login):
            raise constraint("Login is invalid")
        if self.store.login_taken(taken):
            raise constraint("Login is already taken")

    def _check_name(self, key: str, entry: Attributes) -> None:
        """Check that roles and policies of one account have different names."""
        for kind in LINKED:
            if kind in entry["objectclass"] and "name" in entry:
                same = And((Equal("name", entry["name"][0]), Equal("account", entry.get("account", [""])[0]),
                            Equal("objectclass", kind)))  # fmt: skip
                if any(row.key != key for row in self.store.search(same, None)):
                    raise constraint("Name is not unique")

    def _linked(self, key: str, entry: Attributes) -> dict[str, Attributes]:
        """The roles that a new policy names (and the other way round), with their link back."""
        changed: dict[str, Attributes] = {}
        for kind, link in LINKED.items():
            if kind in entry["objectclass"]:
                for other in entry.get(link, ()):
                    was = self.read(other)
                    back = was.get(LINKS[link], [])
                    if key not in back:
                        changed[other] = {**was, LINKS[link]: [*back, key]}
        return changed

    # ------------------------------------------------------------------------------------------------ changing

    def modify(self, key: str, changes: Iterable[Modification], *, force: bool = False) -> None:
        """Apply changes [(add|replace|delete, attribute, values)]. A change that changes nothing is logged as well."""
        wanted = sorted(
            ((operation, kind.lower(), list(values)) for operation, kind, values in changes),
            key=lambda each: (each[0], each[1], len(each[2]), each[2]),
        )
        if any(kind in keys.ATTESTED and operation != "delete" for operation, kind, _ in wanted):
            raise LdapError(21, "Modifying attestation data for an sdckey is not allowed")
        was = self.read(key)
        wanted = self._salted(was, wanted)
        if was["objectclass"][0] == "sdcperson":
            wanted.append(("replace" if "updated_at" in was else "add", "updated_at", [str(now_ms())]))
        relinked = self._relinked(key, was, changed(was, wanted))
        entry, wanted = self._renamed(key, was, wanted)
        if "objectclass" not in entry:
            raise LdapError(1, "Cannot read property 'indexOf' of undefined")
        touched = {kind for _, kind, _ in wanted}
        if not force:
            self._validate(key, entry, touched)
        self._check_name(key, entry)
        refused = [f"Attribute '{kind}' cannot be modified" for kind in PROTECTED if kind in touched]
        if refused:
            raise LdapError(69, "\n".join(refused))
        self.store.check_unique(key, entry)
        for other, attributes in relinked.items():
            self.store.put(other, attributes)
        self.store.put(key, entry)
        self.log.append("modify", key, now_ms(), entry, wanted)

    def _salted(self, was: Attributes, wanted: list[Modification]) -> list[Modification]:
        """A new password in clear becomes a hash, and the attributes that belong to it change too."""
        news = [place for place, (how, kind, _) in enumerate(wanted) if kind == "userpassword" and how != "delete"]
        if not news:
            return wanted
        if "_salt" not in was:
            raise LdapError(16, "salt")
        if "_replicated" in was and not self.is_master:
            return wanted
        place, policy, now = news[-1], self.policy(), now_ms()
        operation, kind, (password, *_) = wanted[place]
        passwords.check(password, policy)
        hashed = passwords.salted(password, was["_salt"][0])
        history = passwords.history(was, hashed, policy)
        more: list[Modification] = [("replace" if "pwdhistory" in was else "add", "pwdhistory", history)]
        more.append(("replace", "pwdchangedtime", [str(now)]))
        ends = passwords.end_time(now, policy)
        if ends is not None:
            more.append(("replace", "pwdendtime", ends))
        more += [("delete", name, []) for name in ("pwdfailuretime", "pwdaccountlockedtime") if name in was]
        return [*wanted[:place], (operation, kind, [hashed]), *wanted[place + 1 :], *more]

    def _renamed(
        self, key: str, was: Attributes, wanted: list[Modification]
    ) -> tuple[dict[str, list[str]], list[Modification]]:
        """The changed entry, and the changes as they are logged. A sub-user's login includes its account."""
        entry = changed(was, wanted)
        if "sdcaccountuser" not in was["objectclass"] or "account" not in was or "login" not in entry:
            return entry, wanted
        account = was["account"][0]
        parent = self.store.get(dn.parent_of(key)) or {}
        if not self._trusted(was) and "sdcperson" in parent.get("objectclass", ()):
            for operation, kind, values in wanted:
                if kind == "login" and operation == "replace":
                    entry["alias"] = [bare_login(value) for value in values]
                    entry["login"] = [_scoped(account, value) for value in values]
        logged = [
            (how, kind, [_scoped(account, values[0]), *values[1:]] if kind == "login" and values else values)
            for how, kind, values in wanted
        ]
        return entry, logged

    def _relinked(self, key: str, was: Attributes, entry: Attributes) -> dict[str, Attributes]:
        changed_links: dict[str, Attributes] = {}
        for kind, link in LINKED.items():
            if kind not in was["objectclass"]:
                continue
            before, after = set(was.get(link, ())), set(entry.get(link, ()))
            for other in before ^ after:
                linked = self.read(other)
                back = [value for value in linked.get(LINKS[link], ()) if value != key]
                changed_links[other] = {**linked, LINKS[link]: [*back, key] if other in after else back}
        return changed_links

    def delete(self, key: str, *, force: bool = False) -> None:
        """Remove a leaf. Raises 66 with the names of up to ten children."""
        was = self.read(key)
        children = self.store.children(key)
        if children:
            raise LdapError(66, "Child entries exist: " + "; ".join(children[:10]))
        if not force:
            self._validate(key, was, deleting=True)
        unlinked: dict[str, Attributes] = {}
        for kind, link in LINKED.items():
            for other in was.get(link, ()) if kind in was["objectclass"] else ():
                linked = self.store.get(other)
                if linked is None:
                    raise no_such_object(key)
                back = [value for value in linked.get(LINKS[link], ()) if value != key]
                unlinked[other] = {**linked, LINKS[link]: back}
        for other, attributes in unlinked.items():
            self.store.put(other, attributes)
        self.store.remove(key)
        self.log.append("delete", key, now_ms(), was)

    # ------------------------------------------------------------------------------------------------ passwords

    def check_password(self, key: str, password: str) -> None:
        """A user's bind. Raises 49 for a wrong password, which also writes pwdfailuretime and so a changelog entry."""
        was = self.read(key)
        if "_salt" not in was:
            raise LdapError(16, "salt")
        if passwords.expired(was, now_ms()):
            raise LdapError(49, "passwordExpired")
        if not self._attempt(key, was, was.get("userpassword", [])[:1], password):
            raise LdapError(49, "Invalid Credentials")

    def compare(self, key: str, attribute: str, value: str) -> None:
        """Raises 6 or 5: true or false. A wrong password counts as an attempt to log in."""
        attribute = attribute.lower()
        was = self.read(key)
        if attribute == "userpassword":
            if "_salt" not in was:
                raise LdapError(16, "salt")
            if passwords.expired(was, now_ms()):
                raise LdapError(5, "passwordExpired")
            if passwords.locked(was, now_ms()):
                raise LdapError(5, "accountLocked")
        values = shown(was).get(attribute)
        if not values:
            raise LdapError(16, attribute)
        if attribute == "userpassword" and not self._attempt(key, was, values, value):
            raise LdapError(5, "invalidPassword")
        raise LdapError(6 if attribute == "userpassword" or value in values else 5, "", "")

    def _attempt(self, key: str, was: Attributes, hashes: list[str], password: str) -> bool:
        """Whether a password is right. The changes that the attempt causes are logged."""
        right = passwords.salted(password, was["_salt"][0]) in hashes
        policy = self.policy(dn.parent_of(key))
        changes = passwords.success(was) if right else passwords.failure(was, policy or {}, now_ms())
        if changes:
            entry = changed(was, changes)
            self.store.put(key, entry)
            self.log.append("modify", key, now_ms(), entry, changes)
        return right

    # ------------------------------------------------------------------------------------------------ behind its back

    def put_silently(self, key: str, attributes: Mapping[str, list[str]]) -> None:
        """Store an entry as it is, without rules and changelog: for seeds, and for faults that no request can cause."""
        entry = dict(attributes)
        parent = dn.parent_of(key)
        if parent:
            entry.setdefault("_parent", [parent])
        self.store.put(key, entry)

    def remove_silently(self, key: str, *, subtree: bool = False) -> list[str]:
        """Remove an entry (with everything below it) without rules and changelog; returns which."""
        gone = [key] if key in self.store else []
        if subtree:
            gone += [each for each in self.store.rows if each.endswith(", " + key)]
        for each in gone:
            self.store.remove(each)
        return gone


def _scoped(account: str, login: str) -> str:
    """A sub-user's login as it is stored."""
    return login if UUID.fullmatch(login[:36]) else f"{account}/{login}"


def changed(was: Attributes, changes: Iterable[Modification]) -> dict[str, list[str]]:
    """A copy of an entry with changes applied, as leniently as the real server applies them."""
    entry = dict(was)
    for operation, kind, values in changes:
        given = [value.lower() for value in values] if kind == "objectclass" and operation != "delete" else list(values)
        old = entry.get(kind, [])
        if operation == "add":
            entry[kind] = old + [value for value in dict.fromkeys(given) if value not in old]
            continue
        new = given if operation == "replace" else [value for value in old if given and value not in given]
        if new:
            entry[kind] = new
        else:
            entry.pop(kind, None)
    return entry
