"""sdc-useradm get, search, create and replace-attr: the accounts themselves. Source: sdc-sdc:lib/sdc-useradm.js.

It reads from the datacenter's own UFDS, and writes to the master's.
"""

from __future__ import annotations

import datetime
import json
import re
import time
import uuid
from typing import Any

from lab.commands.call import Call
from lab.commands.directory import USERS, bound, person, refused, wrong
from lab.commands.ldap import packed
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import Entry

FIELDS = ("login", "uuid", "email", "cn", "sn", "givenName", "created_at", "updated_at", "pwdendtime",
          "approved_for_provisioning", "registered_developer", "allowed_dcs")  # fmt: skip
TERM = re.compile(r"(\w+)\s*(=|>=|<=|!=|>|<|==)\s*(.*)")
COLUMNS, LONG = ("uuid", "login", "email", "created"), ("uuid", "login", "cn", "email", "company", "created_time")
SHOWN_FIRST = ("dn", "uuid", "login", "email", "cn", "givenname", "sn")


def flat(entry: Entry) -> dict[str, Any]:
    """An entry as an object, as ldapjs makes it."""
    dn, attributes = entry
    return {"dn": dn} | {kind: values if len(values) > 1 else values[0] for kind, values in attributes.items()}


async def get(call: Call, login: str, *, ldif: bool) -> int:
    client = await bound(call, to_master=False)
    try:
        found = flat(await person(call, client, login))
    finally:
        await client.close()
    if not ldif:
        call.out(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return 0
    for kind in sorted(found, key=lambda each: (SHOWN_FIRST.index(each) if each in SHOWN_FIRST else 99, each)):
        value = found[kind]
        call.out(f"{kind}: {','.join(value) if isinstance(value, list) else value}\n")
    return 0


async def search(call: Call, terms: list[str], options: dict[str, str]) -> int:
    """All terms must hold. The table is sorted by login unless an option says otherwise."""
    if not terms:
        raise wrong(call, "no search term(s) given", "Usage")
    wanted = "".join(_filter(call, term) for term in terms)
    client = await bound(call, to_master=False)
    try:
        found = [flat(each) for each in await client.search(USERS, 1, packed(f"(&(objectclass=sdcperson){wanted})"))]
    except LdapError as error:
        raise refused(call, error) from None
    finally:
        await client.close()
    if "j" in options:
        call.out(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return 0
    columns = LONG if "l" in options else tuple(options["o"].split(",")) if "o" in options else COLUMNS
    call.out(
        _table(sorted(map(_dated, found), key=lambda each: str(each["login"])), columns, header="H" not in options)
    )
    return 0


def _filter(call: Call, term: str) -> str:
    parsed = TERM.fullmatch(term)
    if parsed is None:
        return f"(|(login=*{term}*)(uuid={term})(cn=*{term}*)(email=*{term}*))"
    field, sign, value = parsed.groups()
    if sign in ("==", "<", ">"):
        raise wrong(call, f'"{sign}" operator not supported, use "{"=" if sign == "==" else sign + "="}"')
    if field not in FIELDS:
        raise wrong(call, f'unknown filter field: "{field}"')
    return f"(!({field}={value}))" if sign == "!=" else f"({field}{sign}{value})"


def _dated(found: dict[str, Any]) -> dict[str, Any]:
    for name in ("created", "updated"):
        stamp = found.get(f"{name}_at")
        if stamp:
            first = min(map(int, stamp)) if isinstance(stamp, list) else int(stamp)
            moment = datetime.datetime.fromtimestamp(first / 1000, datetime.UTC)
            text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            found |= {f"{name}_time": text, name: text[:10]}
    return found


def _table(found: list[dict[str, Any]], columns: tuple[str, ...], *, header: bool) -> str:
    """As node-tabula prints it. Without rows there is no header either."""
    rows = [[str(each.get(column, "-")) for column in columns] for each in found]
    if not rows:
        return ""
    rows = [[column.upper() for column in columns]] * header + rows
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


async def create(call: Call, words: list[str], options: dict[str, str]) -> int:
    data = await _data(call, words, options)
    if "memberof" in data:
        raise wrong(call, 'cannot set "memberof" in user creation', "Usage")
    now = str(int(time.time() * 1000))
    data = {"uuid": str(uuid.uuid4()), "created_at": now, "updated_at": now} | data | {"objectclass": "sdcperson"}
    first, _, last = str(data.get("cn", "")).rstrip().rpartition(" ")
    if first and "sn" not in data and "givenName" not in data:
        data |= {"sn": last, "givenName": first}
    client = await bound(call)
    try:
        await client.add(f"uuid={data['uuid']}, {USERS}", {kind: [_text(value)] for kind, value in data.items()})
    except LdapError as error:
        raise refused(call, error) from None
    finally:
        await client.close()
    call.out(f'User {data["uuid"]} (login "{data.get("login")}") created\n')
    return 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _data(call: Call, words: list[str], options: dict[str, str]) -> dict[str, Any]:
    """The data in the arguments, or in JSON from a file or from standard input."""
    data: dict[str, Any] = {"approved_for_provisioning": True} if "A" in options else {}
    if words and "f" in options:
        raise wrong(call, 'cannot specify args and the "-f" option', "Usage")
    if words:
        return data | dict(_pair(call, word) for word in words)
    where = f'"{options["f"]}"' if "f" in options else "on stdin"
    text = call.path(options["f"]).read_bytes() if "f" in options else await call.stdin()
    try:
        read = json.loads(text)
        return data | dict(read)
    except (ValueError, TypeError) as error:
        raise wrong(call, f"invalid JSON data {'in ' * ('f' in options)}{where}: {error}", "Usage") from None


def _pair(call: Call, word: str) -> tuple[str, Any]:
    field, sign, value = word.partition("=")
    if not sign:
        raise wrong(call, f'invalid field arg "{word}": must match "<field>=<value>"', "Usage")
    try:
        return field, json.loads(value)
    except ValueError:
        return field, value


async def replace_attr(call: Call, login: str, name: str, value: str) -> int:
    client = await bound(call)
    try:
        found = flat(await person(call, client, login))
        await client.modify(found["dn"], [("replace", name.lower(), [value])])
    except LdapError as error:
        raise refused(call, error) from None
    finally:
        await client.close()
    call.out(f"Replaced attribute on user {found['uuid']} ({found['login']}): {name}={value}\n")
    return 0
