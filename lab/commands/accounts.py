"""sdc-useradm, and the keys of accounts. Source: facts "UFDS", sdc-sdc:lib/sdc-useradm.js, node-ufds:lib/index.js translateError.

It writes to the master, from the head node on which it is typed.
"""

from __future__ import annotations

import getopt
import json

from lab.commands import persons
from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.commands.configuration import find_sdc_zone
from lab.commands.directory import account, bound, refused, wrong
from lab.ufds import keys, messages
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import Entry, LdapClient

OPTIONS = {
    "add-key": "fn",
    "keys": "Hj",
    "delete-key": "",
    "get": "l",
    "search": "jHlo",
    "create": "Af",
    "replace-attr": "",
}
"""The options that the lab takes, by subcommand. -f has a value where it names a file."""
IMITATED = (
    "add-key [-f] [-n NAME] LOGIN FILE, keys [-H] [-j] LOGIN, delete-key LOGIN NAME|FINGERPRINT, get [-l] LOGIN, "
    "search [-jHl] [-o FIELDS] TERM…, create [-A] [-f FILE | FIELD=VALUE…], and replace-attr LOGIN ATTRIBUTE VALUE"
)


@command("sdc-useradm")
async def sdc_useradm(call: Call) -> int:
    """An account is named by its login or its uuid, a key by its name or its fingerprint."""
    await find_sdc_zone(call)
    verb = next((word for word in call.arguments if word in OPTIONS), "")
    short = "f:A" if verb == "create" else "fn:Hjlo:"
    try:
        given, words = getopt.gnu_getopt(call.arguments, short, ["force", "name=", "json", "ldif", "long"])
    except getopt.GetoptError as error:
        raise UsageError(f"sdc-useradm: the lab does not imitate this: {error}", NOT_IMITATED) from None
    options = {name.lstrip("-")[0]: value for name, value in given}
    if set(options) - set(OPTIONS.get(verb, "")):
        raise UsageError(f"sdc-useradm: the lab imitates {IMITATED}", NOT_IMITATED)
    match words:
        case ["add-key", login, file]:
            return await _add_key(call, options.get("n", ""), login, file, force="f" in options)
        case ["keys", login]:
            return await _keys(call, login, header="H" not in options, as_json="j" in options)
        case ["delete-key", login, key]:
            return await _delete_key(call, login, key)
        case ["get", login]:
            return await persons.get(call, login, ldif="l" in options)
        case ["search", *terms]:
            return await persons.search(call, terms, options)
        case ["create", *fields]:
            return await persons.create(call, fields, options)
        case ["replace-attr", login, name, value]:
            return await persons.replace_attr(call, login, name, value)
    raise UsageError(f"sdc-useradm: the lab imitates {IMITATED}", NOT_IMITATED)


async def _add_key(call: Call, name: str, login: str, file: str, *, force: bool) -> int:
    if not file.endswith(".pub") and not force:
        text = (
            f'pubkey file, "{file}", does not end in ".pub": aborting in case this is accidentally a private key file'
        )
        raise wrong(call, f'{text} (use "--force" to override)', "Usage")
    try:
        openssh = call.path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise wrong(call, f"{error.strerror}, open '{file}'", "ENOENT") from None
    try:
        fingerprint = keys.derived(openssh)[1]
    except (ValueError, LdapError):
        raise wrong(call, f"{file} is no public key", "InvalidArgument") from None
    client = await bound(call)
    try:
        owner = await account(call, client, login)
        for _, entry in await _of(
            client, owner
        ):  # the client looks before it adds, because UFDS itself takes a name twice
            if {fingerprint, name or fingerprint} & {*entry["fingerprint"], *entry["name"]}:
                text = f"Key with name {name or fingerprint} and fingerprint {fingerprint} already exists"
                raise wrong(call, text, "InvalidArgument")
        entry = {"objectclass": ["sdckey"], "name": [name or fingerprint], "openssh": [openssh]}
        await client.add(f"fingerprint={fingerprint}, {owner}", entry | {"fingerprint": [fingerprint]})
    except LdapError as error:
        raise refused(call, error) from None
    finally:
        await client.close()
    call.out(f'Key "{name or fingerprint}" added to user "{login}"\n')
    return 0


async def _of(client: LdapClient, owner: str) -> list[Entry]:
    return await client.search(owner, 1, messages.equality("objectclass", "sdckey"))


async def _keys(call: Call, login: str, *, header: bool, as_json: bool) -> int:
    """The keys in the datacenter's own UFDS, as replication left them."""
    client = await bound(call, to_master=False)
    try:
        found = await _of(client, await account(call, client, login))
    except LdapError as error:
        raise refused(call, error) from None
    finally:
        await client.close()
    if as_json:
        shown = [{"dn": dn} | {kind: values[0] for kind, values in entry.items()} for dn, entry in found]
        call.out(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
        return 0
    rows = sorted((entry["name"][0], entry["fingerprint"][0]) for _, entry in found)
    width = max(len(name) for name, _ in [("NAME", ""), *rows])
    for name, fingerprint in [("NAME", "FINGERPRINT")] * header + rows if rows else []:
        call.out(f"{name:<{width}}  {fingerprint}\n")
    return 0


async def _delete_key(call: Call, login: str, key: str) -> int:
    client = await bound(call)
    try:
        owner = await account(call, client, login)
        names = [dn for dn, entry in await _of(client, owner) if key in (*entry["fingerprint"], *entry["name"])]
        if not names:
            raise wrong(call, f"{key} does not exist", "ResourceNotFound")
        await client.delete(names[0])
    except LdapError as error:
        raise refused(call, error) from None
    finally:
        await client.close()
    call.out(f'Key "{key}" deleted from user "{login}"\n')
    return 0
