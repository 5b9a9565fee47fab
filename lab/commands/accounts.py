"""sdc-useradm: keys of accounts.  Source: facts "UFDS", sdc-sdc:lib/sdc-useradm.js, node-ufds:lib/index.js translateError.

It writes to the master, from the head node that it is typed on.
"""

from __future__ import annotations

import getopt
import json
import re

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.plan.names import ROOT_DN
from lab.servers.ldap import PORT
from lab.ufds import keys, messages
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import Entry, LdapClient

USERS = "ou=users, o=smartdc"
TIMEOUT = 10.0
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
IMITATED = "add-key [-f] [-n NAME] LOGIN FILE, keys [-H] [-j] LOGIN, and delete-key LOGIN NAME|FINGERPRINT"
NOT_THERE = 32


@command("sdc-useradm")
async def sdc_useradm(call: Call) -> int:
    """An account is named by its login or its uuid, a key by its name or its fingerprint."""
    try:
        given, words = getopt.gnu_getopt(call.arguments, "fn:Hj", ["force", "name=", "json"])
    except getopt.GetoptError as error:
        raise UsageError(f"sdc-useradm: the lab does not imitate this: {error}", NOT_IMITATED) from None
    options = {name.lstrip("-")[0]: value for name, value in given}
    match words:
        case ["add-key", login, file] if not set(options) - {"f", "n"}:
            return await _add_key(call, options.get("n", ""), login, file, force="f" in options)
        case ["keys", login] if not set(options) - {"H", "j"}:
            return await _keys(call, login, header="H" not in options, as_json="j" in options)
        case ["delete-key", login, key] if not options:
            return await _delete_key(call, login, key)
    raise UsageError(f"sdc-useradm: the lab imitates {IMITATED}", NOT_IMITATED)


def _wrong(call: Call, text: str, code: str = "") -> UsageError:
    (verb, *_) = (word for word in call.arguments if word in ("add-key", "keys", "delete-key"))
    return UsageError(f"sdc-useradm {verb}: error{f' ({code})' if code else ''}: {text}", 1)


def _refused(call: Call, error: LdapError) -> UsageError:
    if error.code == NOT_THERE:
        return _wrong(call, "The resource you requested does not exist", "ResourceNotFound")
    return _wrong(call, error.message, "InvalidArgument")


async def _bound(call: Call, *, to_master: bool = True) -> LdapClient:
    """To the master's UFDS, on a replica over ufds_remote_ip; or to the datacenter's own."""
    metadata = call.lab.sdc(call.site.datacenter.name)["metadata"]
    address, password = call.site.datacenter.zone("ufds").admin_ip, str(metadata.get("ufds_ldap_root_pw") or "")
    if to_master and metadata.get("ufds_remote_ip"):
        address = str(metadata["ufds_remote_ip"])
        password = str(metadata.get("ufds_remote_ldap_root_pw") or password)
    try:
        client = await LdapClient.connect(call.machine.dial, address, PORT, TIMEOUT)
    except (OSError, EOFError, TimeoutError) as error:
        raise _wrong(call, f"cannot connect to ldaps://{address}: {error or 'timeout'}") from None
    try:
        await client.bind(ROOT_DN, password)
    except (LdapError, OSError, EOFError, TimeoutError) as error:
        await client.close()
        raise _wrong(call, f"ldaps://{address}: {error}") from None
    return client


async def _account(call: Call, client: LdapClient, login: str) -> str:
    found = await client.search(USERS, 2, messages.equality("uuid" if UUID.fullmatch(login) else "login", login))
    if not found:
        raise _wrong(call, f"{login} does not exist", "ResourceNotFound")
    return found[0][0]


async def _add_key(call: Call, name: str, login: str, file: str, *, force: bool) -> int:
    if not file.endswith(".pub") and not force:
        text = (
            f'pubkey file, "{file}", does not end in ".pub": aborting in case this is accidentally a private key file'
        )
        raise _wrong(call, f'{text} (use "--force" to override)', "Usage")
    try:
        openssh = call.path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _wrong(call, f"{error.strerror}, open '{file}'", "ENOENT") from None
    try:
        fingerprint = keys.derived(openssh)[1]
    except (ValueError, LdapError):
        raise _wrong(call, f"{file} is no public key", "InvalidArgument") from None
    client = await _bound(call)
    try:
        account = await _account(call, client, login)
        for _, entry in await _of(client, account):  # the client looks before it adds; UFDS itself takes a name twice
            if {fingerprint, name or fingerprint} & {*entry["fingerprint"], *entry["name"]}:
                text = f"Key with name {name or fingerprint} and fingerprint {fingerprint} already exists"
                raise _wrong(call, text, "InvalidArgument")
        entry = {"objectclass": ["sdckey"], "name": [name or fingerprint], "openssh": [openssh]}
        await client.add(f"fingerprint={fingerprint}, {account}", entry | {"fingerprint": [fingerprint]})
    except LdapError as error:
        raise _refused(call, error) from None
    finally:
        await client.close()
    call.out(f'Key "{name or fingerprint}" added to user "{login}"\n')
    return 0


async def _of(client: LdapClient, account: str) -> list[Entry]:
    return await client.search(account, 1, messages.equality("objectclass", "sdckey"))


async def _keys(call: Call, login: str, *, header: bool, as_json: bool) -> int:
    """Of the datacenter's own UFDS, as replication left them."""
    client = await _bound(call, to_master=False)
    try:
        found = await _of(client, await _account(call, client, login))
    except LdapError as error:
        raise _refused(call, error) from None
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
    client = await _bound(call)
    try:
        account = await _account(call, client, login)
        names = [dn for dn, entry in await _of(client, account) if key in (*entry["fingerprint"], *entry["name"])]
        if not names:
            raise _wrong(call, f"{key} does not exist", "ResourceNotFound")
        await client.delete(names[0])
    except LdapError as error:
        raise _refused(call, error) from None
    finally:
        await client.close()
    call.out(f'Key "{key}" deleted from user "{login}"\n')
    return 0
