"""One datacenter's UFDS below o=smartdc: entries, changelog, and the rules for reading and changing them.

Follows sdc-ufds:lib/db/*.js, lib/salt.js, lib/owner.js and what was recorded.  It knows no LDAP bytes and no callers'
rights; `service` does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping

from lab.ufds import changelog, dn, keys, passwords, schema
from lab.ufds.changelog import Modification
from lab.ufds.errors import LdapError, constraint, no_such_object
from lab.ufds.filters import And, Below, Equal, Filter, has_approx
from lab.ufds.store import Attributes, Row, Store

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
    """Without what a UFDS hides unless control 1.3.6.1.4.1.38678.1 is sent."""
    return {name: values for name, values in attributes.items() if name[0] != "_" and name != "userpassword"}


def shown(attributes: Attributes) -> Attributes:
    """A sub-user's login is shown without its account."""
    if "sdcaccountuser" not in attributes.get("objectclass", ()) or "login" not in attributes:
        return attributes
    return {**attributes, "login": [schema.bare_login(attributes["login"][0])]}


class Directory:
    """Entries and changelog of one UFDS; `is_master` is what its configuration says."""

    def __init__(self, *, is_master: bool) -> None:
        self.is_master = is_master
        self.store = Store()
        self.log = changelog.Changelog()

    # ------------------------------------------------------------------------------------------------ reading

    def read(self, key: str) -> Attributes:
        found = self.store.get(key)
        if found is None:
            raise no_such_object(key)
        return found

    def search(self, base: dn.Dn, scope: int, wanted: Filter, limit: int | None) -> Iterator[Row]:
        """Matching rows in order of arrival; 32 for an unknown base."""
        if has_approx(wanted):
            raise LdapError(1, "approx filters not allowed")
        self.read(base.key)
        if scope == BASE:
            row = self.store.rows[base.key]
            return iter([row] if wanted.matches(row.attributes) else [])
        if scope == ONE:
            return self.store.search(And((wanted, Equal("_parent", base.key))), limit)
        return self.store.search(wanted if base.key == SUFFIX else And((wanted, Below(base.key))), limit)

    def policy(self) -> Attributes | None:
        return self.store.get(passwords.POLICY)

    # ------------------------------------------------------------------------------------------------ adding

    def add(self, name: dn.Dn, given: Attributes, *, force: bool = False) -> None:
        """The whole chain of an add request, in the real server's order."""
        entry = {kind.lower(): list(values) for kind, values in sorted(given.items()) if values}
        if "objectclass" in entry:
            entry["objectclass"] = [value.lower() for value in entry["objectclass"]]
        self._add_key_attributes(entry)
        self._add_owner(name, entry)
        self._add_password(entry)
        if not force:
            schema.validate(name.key, entry, is_master=self.is_master)
        if name.key in self.store:
            raise LdapError(68, name.key)
        if name.key != SUFFIX:
            if name.parent not in self.store:
                raise no_such_object(name.parent)
            entry["_parent"] = [name.parent]
        if not self._trusted(entry) and "login" in entry:
            self._check_new_login(name, entry)
        self._check_name(name.key, entry)
        self.store.check_unique(name.key, entry)
        linked = self._linked(name.key, entry)
        self.store.put(name.key, entry)
        for key, attributes in linked.items():
            self.store.put(key, attributes)
        self.log.append("add", name.key, now_ms(), entry)

    def _trusted(self, entry: Attributes) -> bool:
        """Replicated and imported entries were validated elsewhere."""
        return "_imported" in entry or ("_replicated" in entry and not self.is_master)

    @staticmethod
    def _add_key_attributes(entry: dict[str, list[str]]) -> None:
        if "sdckey" not in entry.get("objectclass", ()) or "openssh" not in entry:
            return
        pkcs, fingerprint = keys.derived(entry["openssh"][0])
        entry.setdefault("pkcs", [pkcs])
        if entry.setdefault("fingerprint", [fingerprint]) != [fingerprint]:
            raise LdapError(
                21,
                f"Error: Calculated fingerprint ({fingerprint}) for this key does not match the given one "
                f"({entry['fingerprint'][0]})",
            )

    @staticmethod
    def _add_owner(name: dn.Dn, entry: dict[str, list[str]]) -> None:
        """`_owner` is the uuid of the account that an entry is, or is directly below."""
        accounts = [value for kind, value in map(name.rdn, range(len(name.rdns))) if kind == "uuid"]
        if not accounts or not name.under("ou=users, o=smartdc"):
            return
        is_person = name.rdn(0)[0] == "uuid"
        entry["_owner"] = [accounts[1] if is_person and len(accounts) > 1 else accounts[0]]

    def _add_password(self, entry: dict[str, list[str]]) -> None:
        if "userpassword" not in entry:
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
            patterns = (re.escape(each).replace(r"\*", ".*") for each in blacklist.get("email", ()))
            if any(re.search(pattern, entry["email"][0]) for pattern in patterns):
                raise constraint("Email address is blacklisted.")
        account = self.store.get(name.parent) if name.parent else None
        login = entry["login"][0]
        if account is not None and "sdcperson" in account["objectclass"]:
            login = schema.bare_login(login)
            if "sdcaccountuser" not in entry["objectclass"]:
                entry["objectclass"].append("sdcaccountuser")
            entry.setdefault("account", list(account["uuid"]))
            entry["alias"] = [entry["login"][0]]
            entry["login"] = [f"{account['uuid'][0]}/{login}"]
        if not schema.LOGIN.fullmatch(login):
            raise constraint("Login is invalid")
        if self.store.login_taken(entry["login"][0]):
            raise constraint("Login is already taken")

    def _check_name(self, key: str, entry: Attributes) -> None:
        """Roles and policies of one account have different names."""
        for kind in LINKED:
            if kind in entry["objectclass"] and "name" in entry:
                same = And((Equal("name", entry["name"][0]), Equal("account", entry.get("account", [""])[0]),
                            Equal("objectclass", kind)))  # fmt: skip
                if any(row.key != key for row in self.store.search(same, None)):
                    raise constraint("Name is not unique")

    def _linked(self, key: str, entry: Attributes) -> dict[str, Attributes]:
        """Roles that a new policy names (and the other way round), with their link back."""
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

    def modify(self, key: str, changes: Iterable[Modification]) -> None:
        """Applies changes [(add|replace|delete, attribute, values)]; one that changes nothing is logged as well."""
        was = self.read(key)
        wanted = sorted((operation, kind.lower(), values) for operation, kind, values in changes)
        wanted = [
            (operation, kind, [value.lower() for value in values] if kind == "objectclass" else values)
            for operation, kind, values in wanted
        ]
        if self.is_master or "_replicated" not in was:
            wanted = self._salted(was, wanted)
        wanted = [self._scoped_login(was, each) for each in wanted]
        if was["objectclass"][0] == "sdcperson":
            wanted.append(("replace" if "updated_at" in was else "add", "updated_at", [str(now_ms())]))
        entry = changed(was, wanted)
        touched = {kind for _, kind, _ in wanted}
        schema.validate(key, entry, is_master=self.is_master, modified=touched)
        self._check_name(key, entry)
        refused = [f"Attribute '{kind}' cannot be modified" for kind in PROTECTED if kind in touched]
        if refused:
            raise LdapError(69, "\n".join(refused))
        self.store.check_unique(key, entry)
        relinked = self._relinked(key, was, entry)
        self.store.put(key, entry)
        for other, attributes in relinked.items():
            self.store.put(other, attributes)
        self.log.append("modify", key, now_ms(), entry, wanted)

    def _salted(self, was: Attributes, wanted: list[Modification]) -> list[Modification]:
        """A new password in clear becomes a hash, and the times that go with it change too."""
        news = [values[0] for operation, kind, values in wanted if kind == "userpassword" and operation != "delete"]
        if not news or "_salt" not in was:
            return wanted
        passwords.check(news[-1], self.policy())
        hashed = passwords.salted(news[-1], was["_salt"][0])
        if hashed in was.get("userpassword", ()):
            raise constraint("passwordInHistory")
        now = now_ms()
        more: list[Modification] = [("replace", "pwdchangedtime", [str(now)])]
        ends = passwords.end_time(now, self.policy())
        if ends is not None:
            more.append(("replace", "pwdendtime", ends))
        for kind in ("pwdfailuretime", "pwdaccountlockedtime"):
            if kind in was:
                more.append(("delete", kind, []))
        kept = [each if each[1] != "userpassword" else (each[0], each[1], [hashed]) for each in wanted]
        return kept + more

    @staticmethod
    def _scoped_login(was: Attributes, change: Modification) -> Modification:
        operation, kind, values = change
        if kind != "login" or "sdcaccountuser" not in was["objectclass"] or "account" not in was:
            return change
        return operation, kind, [f"{was['account'][0]}/{schema.bare_login(value)}" for value in values]

    def _relinked(self, key: str, was: Attributes, entry: Attributes) -> dict[str, Attributes]:
        changed_links: dict[str, Attributes] = {}
        for kind, link in LINKED.items():
            if kind not in entry["objectclass"]:
                continue
            before, after = set(was.get(link, ())), set(entry.get(link, ()))
            for other in before ^ after:
                linked = self.read(other)
                back = [value for value in linked.get(LINKS[link], ()) if value != key]
                changed_links[other] = {**linked, LINKS[link]: [*back, key] if other in after else back}
        return changed_links

    def delete(self, key: str) -> None:
        """Removes a leaf; 66 names up to ten children."""
        was = self.read(key)
        children = self.store.children(key)
        if children:
            raise LdapError(66, "Child entries exist: " + "; ".join(children[:10]))
        for kind, link in LINKED.items():
            for other in was.get(link, ()) if kind in was["objectclass"] else ():
                linked = self.store.get(other)
                if linked is not None:
                    back = [value for value in linked.get(LINKS[link], ()) if value != key]
                    self.store.put(other, {**linked, LINKS[link]: back})
        self.store.remove(key)
        self.log.append("delete", key, now_ms(), was)

    # ------------------------------------------------------------------------------------------------ passwords

    def check_password(self, key: str, password: str) -> None:
        """A user's bind: 49 for a wrong password, which also writes pwdfailuretime and so a changelog entry."""
        was = self.read(key)
        if "_salt" not in was:
            raise LdapError(16, "salt")
        now = now_ms()
        if int(was.get("pwdendtime", [str(now)])[0]) < now:
            raise LdapError(49, "passwordExpired")
        failures = was.get("pwdfailuretime", [])
        changes: list[Modification]
        if passwords.salted(password, was["_salt"][0]) in was.get("userpassword", ()):
            changes = [("delete", name, []) for name in ("pwdfailuretime", "pwdaccountlockedtime") if name in was]
            if failures:
                self._log_attempt(key, was, changes)
            return
        policy = self.policy() or {}
        most = int(policy.get("pwdmaxfailure", ["6"])[0])
        latest = [*sorted(failures, reverse=True)[: most - 1], str(now)]
        changes = [("replace" if failures else "add", "pwdfailuretime", latest)]
        if len(latest) == most:
            until = now + int(policy.get("pwdlockoutduration", ["1800"])[0]) * 1000
            how = "replace" if "pwdaccountlockedtime" in was else "add"
            changes.append((how, "pwdaccountlockedtime", [str(until)]))
        self._log_attempt(key, was, changes)
        raise LdapError(49, "Invalid Credentials")

    def _log_attempt(self, key: str, was: Attributes, changes: list[Modification]) -> None:
        entry = changed(was, changes)
        self.store.put(key, entry)
        self.log.append("modify", key, now_ms(), entry, changes)

    def compare(self, key: str, attribute: str, value: str) -> bool:
        was = self.read(key)
        if attribute.lower() == "userpassword" and "_salt" in was:
            value = passwords.salted(value, was["_salt"][0])
        return value in shown(was).get(attribute.lower(), ())

    # ------------------------------------------------------------------------------------------------ behind its back

    def put_silently(self, key: str, attributes: Mapping[str, list[str]]) -> None:
        """An entry as it is, past rules and changelog: seeds, and faults that no request can make."""
        entry = dict(attributes)
        parent = dn.parent_of(key)
        if parent:
            entry.setdefault("_parent", [parent])
        self.store.put(key, entry)

    def remove_silently(self, key: str, *, subtree: bool = False) -> list[str]:
        """Takes an entry (with what is below it) away past rules and changelog; says which."""
        gone = [key] if key in self.store else []
        if subtree:
            gone += [each for each in self.store.rows if each.endswith(", " + key)]
        for each in gone:
            self.store.remove(each)
        return gone


def changed(was: Attributes, changes: Iterable[Modification]) -> dict[str, list[str]]:
    """A copy of an entry with changes applied, as leniently as the real server applies them."""
    entry = dict(was)
    for operation, kind, values in changes:
        old = entry.get(kind, [])
        if operation == "add":
            new = old + [value for value in dict.fromkeys(values) if value not in old]
        elif operation == "replace":
            new = list(values)
        else:
            new = [value for value in old if value not in values] if values else []
        if new:
            entry[kind] = new
        else:
            entry.pop(kind, None)
    return entry
