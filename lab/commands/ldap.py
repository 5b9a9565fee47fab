"""sdc-ldap: OpenLDAP's tools against the local UFDS, as root; and the tools themselves, where Triton has them.

Source: sdc-headnode:tools/bin/sdc-ldap (its search unfolds the lines), OpenLDAP's messages.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import compile_filter, parse_filter
from pyasn1.codec.ber.encoder import encode

from lab.commands import configuration
from lab.commands.call import Call, UsageError, command
from lab.plan.names import ROOT_DN
from lab.servers import resolve
from lab.servers.resolve import address_of
from lab.ufds import ldif
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import Entry, LdapClient

SCOPES = {"base": 0, "one": 1, "sub": 2}
NAMES = {1: "Operations error", 2: "Protocol error", 16: "No such attribute", 19: "Constraint violation",
         20: "Type or value exists", 32: "No such object", 34: "Invalid DN syntax", 49: "Invalid credentials",
         50: "Insufficient access", 53: "Server is unwilling to perform", 65: "Object class violation",
         66: "Operation not allowed on non-leaf", 68: "Already exists",
         80: "Internal (implementation specific) error"}  # fmt: skip
TIMEOUT = 30.0
SUFFIX = "o=smartdc"
FOLDED = 78  # OpenLDAP's tools fold longer lines
USAGE = """sdc-ldap -- light wrapper around ldap* commands for this datacenter's LDAP

Usage:
  sdc-ldap [-v] COMMAND ARGS

Commands:
  search, s         call 'ldapsearch' with appropriate connection/auth args
  modify            call 'ldapmodify'
  add               call 'ldapadd'
  delete, del, rm   call 'ldapdelete'
  whoami            call 'ldapwhoami' (if available)"""
Connect = Callable[[], Awaitable[LdapClient]]


def packed(text: str) -> bytes:
    """A filter in the form in which it is sent."""
    parsed = parse_filter(text, None, True, None, None, False)  # type: ignore[no-untyped-call]
    return bytes(encode(compile_filter(parsed.elements[0])))  # type: ignore[no-untyped-call]


async def _connect(call: Call) -> LdapClient:
    # The password is the one in SAPI, as the services have it.
    return await connect(call, f"ufds.{call.site.datacenter.suffix}", 636, ROOT_DN, call.lab.root_password(call.site))


async def connect(call: Call, host: str, port: int, name: str, password: str) -> LdapClient:
    """A connection from where the command was typed, bound as `name`. Raises UsageError with the tools' own words."""
    try:
        address = await address_of(call.machine, host)
        client = await LdapClient.connect(call.machine.dial, address, port, TIMEOUT)
    except (OSError, TimeoutError, resolve.ResolveError):
        raise UsageError("ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1)", 255) from None
    try:
        await client.bind(name, password)
    except LdapError as error:
        await client.close()
        raise UsageError(f"ldap_bind: {NAMES.get(error.code, 'Other')} ({error.code})", error.code) from None
    except (OSError, TimeoutError):
        await client.close()
        raise UsageError("ldap_bind: Can't contact LDAP server (-1)", 255) from None
    return client


async def root_search(call: Call, base: str, scope: int, wanted: str) -> list[Entry] | None:
    """The entries that root finds in the local UFDS; None if it does not answer, or refuses."""
    try:
        client = await _connect(call)
    except UsageError:
        return None
    try:
        return await client.search(base, scope, packed(wanted))
    except (LdapError, OSError):
        return None
    finally:
        await client.close()


@command("sdc-ldap")
async def sdc_ldap(call: Call) -> int:
    words = call.arguments[1:] if call.arguments[:1] == ["-v"] else call.arguments
    if not words:
        call.out(f"{USAGE}\n")
        return 0
    local = _Options(bare=True, fold=False)
    host = await configuration.loaded(call, "ufds_domain", errexit=True)
    if not host:
        raise UsageError("Unable to find UFDS host.", 1)

    async def there() -> LdapClient:
        name, password = [await configuration.loaded(call, f"ufds_ldap_root_{each}") for each in ("dn", "pw")]
        return await connect(call, host, 636, name, password.partition(":")[0])  # `cut -d: -f2`

    match words:
        case ["search" | "s", *rest]:
            return await _search(call, _read(call, rest, local), there)
        case ["add" | "modify" as verb, *rest]:
            return await _change(call, _read(call, rest, local), there, adds=verb == "add")
        case ["delete" | "del" | "rm", *rest]:
            return await _delete(call, _read(call, rest, local), there)
        case ["whoami"]:
            return await _whoami(call, there, await configuration.loaded(call, "ufds_ldap_root_dn"))
    call.out(f"sdc-ldap: error: unknown command '{words[0]}'\n")
    return 1


@command("ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami")
async def tool(call: Call) -> int:
    """`ldap… -x -H ldaps://HOST [-D NAME -w PASSWORD] …`. LDAPTLS_REQCERT counts as `allow`, as Triton sets it."""
    options = _read(call, call.arguments, _Options())
    parts = urlsplit(options.url)
    if parts.scheme != "ldaps" or not parts.hostname:
        raise UsageError(f"{call.name}: the lab wants -H ldaps://HOST", 127)
    host, port = parts.hostname, parts.port or 636

    async def there() -> LdapClient:
        return await connect(call, host, port, options.name, options.password)

    match call.name:
        case "ldapsearch":
            return await _search(call, options, there)
        case "ldapdelete":
            return await _delete(call, options, there)
        case "ldapwhoami":
            return await _whoami(call, there, options.name)
    return await _change(call, options, there, adds=call.name == "ldapadd")


async def _whoami(call: Call, there: Connect, name: str) -> int:
    await (await there()).close()
    call.out(f"dn:{name}\n" if name else "anonymous\n")
    return 0


@dataclass
class _Options:
    """The arguments of OpenLDAP's tools that the lab takes."""

    url: str = ""
    name: str = ""
    password: str = ""
    base: str = SUFFIX
    scope: int = 2
    bare: bool = False
    fold: bool = True
    keep_on: bool = False
    adds: bool = False
    file: str | None = None
    limit: int = 0
    controls: list[str] = field(default_factory=list)
    free: list[str] = field(default_factory=list)


def _read(call: Call, words: list[str], found: _Options) -> _Options:
    valued = {"-H": "url", "-D": "name", "-w": "password", "-b": "base", "-f": "file"}
    flags = {"-LLL": "bare", "-c": "keep_on", "-a": "adds"}
    rest = iter(words)
    for word in rest:
        if word in valued:
            setattr(found, valued[word], next(rest, ""))
        elif word in flags:
            setattr(found, flags[word], True)
        elif word == "-s":
            found.scope = SCOPES.get(next(rest, ""), 2)
        elif word == "-z":
            found.limit = int(next(rest, "0"))
        elif word == "-E":
            found.controls.append(next(rest, "").removeprefix("!"))
        elif word == "-o":
            found.fold = next(rest, "") != "ldif-wrap=no"
        elif word.startswith("-") and word != "-x":
            raise UsageError(f"{call.name}: the lab does not imitate {word}", 127)
        elif word != "-x":
            found.free.append(word)
    return found


def _failure(tool: str, error: LdapError) -> str:
    text = f"{tool}: {NAMES.get(error.code, 'Other')} ({error.code})"
    text += f"\n\tmatched DN: {error.matched}" if error.matched else ""
    return text + (f"\n\tadditional info: {error.message}" if error.message else "")


async def _search(call: Call, options: _Options, there: Connect) -> int:
    free = list(options.free)
    wanted = free.pop(0) if free and ("=" in free[0] or free[0].startswith("(")) else "(objectclass=*)"
    wanted = wanted if wanted.startswith("(") else f"({wanted})"
    entries: list[Entry] = []
    refused = None
    client = await there()
    try:
        entries = await client.search(options.base, options.scope, packed(wanted), options.controls, options.limit)
    except LdapError as error:
        refused = error
    except LDAPExceptionError:
        raise UsageError("ldap_search_ext: Bad search filter (-7)", 249) from None
    except OSError:
        raise UsageError("ldap_result: Can't contact LDAP server (-1)", 255) from None
    finally:
        await client.close()
    if not options.bare:
        call.out(f"# extended LDIF\n#\n# LDAPv3\n# base <{options.base}>\n# filter: {wanted}\n#\n\n")
    names = {name.lower() for name in free}
    for name, attributes in entries:
        call.out(_line("dn", name, fold=options.fold))
        for kind, values in attributes.items():
            if not names or kind.lower() in names or "*" in names:
                call.out("".join(_line(kind, value, fold=options.fold) for value in values))
        call.out("\n")
    if not options.bare:
        text = f"{refused.code} {NAMES.get(refused.code, 'Other')}" if refused else "0 Success"
        call.out(f"# search result\nsearch: 2\nresult: {text}\n")
    elif refused:
        call.err(_failure("", refused).removeprefix(": ") + "\n")
    return refused.code if refused else 0


def _line(kind: str, value: str, *, fold: bool) -> str:
    whole = ldif.line(kind, value)
    if not fold:
        return whole + "\n"
    rest = [whole[at : at + FOLDED - 1] for at in range(FOLDED, len(whole), FOLDED - 1)]
    return "\n ".join([whole[:FOLDED], *rest]) + "\n"


def _records(text: str) -> Iterator[list[tuple[str, str]]]:
    """Read LDIF: for each record its lines as (keyword, value). A "-" keeps an empty value."""
    unfolded = re.sub(r"\n ", "", text.replace("\r\n", "\n"))
    for block in re.split(r"\n\s*\n", unfolded):
        lines: list[tuple[str, str]] = []
        for line in block.splitlines():
            if not line.strip() or line.startswith("#") or (line.startswith("version:") and not lines):
                continue
            if line.strip() == "-":
                lines.append(("-", ""))
                continue
            kind, colon, value = line.partition(":")
            if not colon:
                raise UsageError(f"ldapmodify: invalid format (line: {line})", 247)
            decoded = base64.b64decode(value[1:].strip()).decode() if value.startswith(":") else value.strip()
            lines.append((kind.strip(), decoded))
        if lines:
            yield lines


async def _change(call: Call, options: _Options, there: Connect, *, adds: bool) -> int:
    adds, file = adds or options.adds, options.file
    text = (call.path(file).read_bytes() if file else await call.stdin()).decode("utf-8", "replace")
    client = await there()
    code = 0
    try:
        for record in _records(text):
            try:
                await _apply(call, client, record, adds=adds)
            except LdapError as error:
                call.err(_failure("ldap_add" if adds else "ldap_modify", error) + "\n")
                code = error.code
                if not options.keep_on:
                    return code
    finally:
        await client.close()
    return code


async def _apply(call: Call, client: LdapClient, record: list[tuple[str, str]], *, adds: bool) -> None:
    if record[0][0].lower() != "dn":
        raise UsageError("ldapmodify: record without dn", 247)
    name, lines = record[0][1], record[1:]
    kind = "add" if adds else "modify"
    if lines and lines[0][0].lower() == "changetype":
        kind, lines = lines[0][1], lines[1:]
    if kind == "add":
        attributes: dict[str, list[str]] = {}
        for key, value in lines:
            attributes.setdefault(key.lower(), []).append(value)
        call.out(f'adding new entry "{name}"\n')
        await client.add(name, attributes)
    elif kind == "delete":
        call.out(f'deleting entry "{name}"\n')
        await client.delete(name)
    else:
        call.out(f'modifying entry "{name}"\n')
        await client.modify(name, _modifications(lines))
    call.out("\n")


def _modifications(lines: list[tuple[str, str]]) -> list[Any]:
    changes: list[Any] = []
    rest = iter(lines)
    for operation, attribute in rest:
        values = []
        for key, value in rest:
            if key == "-":
                break
            values.append(value)
        if operation not in ("add", "replace", "delete"):
            raise UsageError(f"ldapmodify: unknown operation {operation}", 247)
        changes.append((operation, attribute.lower(), values))
    return changes


async def _delete(call: Call, options: _Options, there: Connect) -> int:
    names = options.free or [line for line in (await call.stdin()).decode().splitlines() if line.strip()]
    client = await there()
    try:
        for name in names:
            await client.delete(name)
    except LdapError as error:
        raise UsageError(_failure("ldap_delete", error), error.code) from None
    finally:
        await client.close()
    return 0
