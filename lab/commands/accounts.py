"""sdc-useradm: keys of accounts.  Source: facts "UFDS"; it writes to the master, from the head node that it is typed on."""

from __future__ import annotations

from lab.commands import Call, UsageError, command
from lab.commands.ldap import NAMES
from lab.ldap import PORT
from lab.plan import ROOT_DN
from lab.ufds import keys, messages
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import LdapClient

USERS = "ou=users, o=smartdc"
TIMEOUT = 10.0


@command("sdc-useradm")
async def sdc_useradm(call: Call) -> int:
    """`sdc-useradm add-key [-n NAME] LOGIN FILE` and `delete-key LOGIN KEY`."""
    match call.arguments:
        case ["add-key", "-n", name, login, file]:
            return await _add_key(call, name, login, file)
        case ["add-key", login, file]:
            return await _add_key(call, "", login, file)
        case ["delete-key", login, key]:
            return await _delete_key(call, login, key)
    raise UsageError("sdc-useradm: the lab imitates add-key [-n NAME] LOGIN FILE, and delete-key LOGIN KEY", 127)


async def _master(call: Call) -> LdapClient:
    """Bound to the master's UFDS: on a replica over ufds_remote_ip."""
    metadata = call.lab.sdc(call.site.datacenter.name)["metadata"]
    address = str(metadata.get("ufds_remote_ip") or call.site.datacenter.zone("ufds").admin_ip)
    password = str(metadata.get("ufds_remote_ldap_root_pw") or metadata.get("ufds_ldap_root_pw") or "")
    try:
        client = await LdapClient.connect(call.machine.dial, address, PORT, TIMEOUT)
        await client.bind(ROOT_DN, password)
    except (OSError, EOFError, TimeoutError) as error:
        raise UsageError(f"sdc-useradm: error: cannot connect to ldaps://{address}: {error}", 1) from None
    except LdapError as error:
        raise UsageError(f"sdc-useradm: error: {NAMES.get(error.code, error.code)}", 1) from None
    return client


async def _account(client: LdapClient, login: str) -> str:
    found = await client.search(USERS, 2, messages.equality("login", login))
    if not found:
        raise UsageError(f"sdc-useradm: error: no such user: {login!r}", 1)
    return found[0][0]


async def _add_key(call: Call, name: str, login: str, file: str) -> int:
    if not file.endswith(".pub"):
        text = (
            f'pubkey file, "{file}", does not end in ".pub": aborting in case this is accidentally a private key file'
        )
        raise UsageError(f'sdc-useradm add-key: error: {text} (use "--force" to override)', 1)
    try:
        openssh = call.path(file).read_text(encoding="utf-8").strip()
        fingerprint = keys.derived(openssh)[1]
    except (OSError, ValueError, LdapError):
        raise UsageError(f"sdc-useradm: error: {file} is no public key", 1) from None
    client = await _master(call)
    try:
        account = await _account(client, login)
        entry = {"objectclass": ["sdckey"], "name": [name or fingerprint], "openssh": [openssh]}
        await client.add(f"fingerprint={fingerprint}, {account}", entry | {"fingerprint": [fingerprint]})
    except LdapError as error:
        raise UsageError(f"sdc-useradm: error: {error.message}", 1) from None
    finally:
        await client.close()
    call.out(f'Key "{name or fingerprint}" added to user "{login}"\n')  # sdc-sdc:lib/sdc-useradm.js
    return 0


async def _delete_key(call: Call, login: str, key: str) -> int:
    client = await _master(call)
    try:
        await client.delete(f"fingerprint={key}, {await _account(client, login)}")
    except LdapError as error:
        raise UsageError(f"sdc-useradm: error: {error.message}", 1) from None
    finally:
        await client.close()
    call.out(f'Key "{key}" deleted from user "{login}".\n')
    return 0
