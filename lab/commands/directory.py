"""How sdc-useradm reaches a UFDS, finds an account in it, and reports errors. Source: sdc-sdc:lib/sdc-useradm.js."""

from __future__ import annotations

import re

from lab.commands.call import Call, UsageError
from lab.plan.names import ROOT_DN
from lab.servers.ldap import PORT
from lab.ufds import messages
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import Entry, LdapClient

USERS = "ou=users, o=smartdc"
TIMEOUT = 10.0
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NOT_THERE = 32


def wrong(call: Call, text: str, code: str = "") -> UsageError:
    verb = next(word for word in call.arguments if not word.startswith("-"))
    return UsageError(f"sdc-useradm {verb}: error{f' ({code})' if code else ''}: {text}", 1)


def refused(call: Call, error: LdapError) -> UsageError:
    if error.code == NOT_THERE:
        return wrong(call, "The resource you requested does not exist", "ResourceNotFound")
    return wrong(call, error.message, "InvalidArgument")


async def bound(call: Call, *, to_master: bool = True) -> LdapClient:
    """Connect to the master's UFDS (on a replica over ufds_remote_ip), or to the datacenter's own."""
    metadata = call.lab.sdc(call.site.datacenter.name)["metadata"]
    address, password = call.site.datacenter.zone("ufds").admin_ip, str(metadata.get("ufds_ldap_root_pw") or "")
    if to_master and metadata.get("ufds_remote_ip"):
        address = str(metadata["ufds_remote_ip"])
        password = str(metadata.get("ufds_remote_ldap_root_pw") or password)
    try:
        client = await LdapClient.connect(call.machine.dial, address, PORT, TIMEOUT)
    except (OSError, EOFError, TimeoutError) as error:
        raise wrong(call, f"cannot connect to ldaps://{address}: {error or 'timeout'}") from None
    try:
        await client.bind(ROOT_DN, password)
    except (LdapError, OSError, EOFError, TimeoutError) as error:
        await client.close()
        raise wrong(call, f"ldaps://{address}: {error}") from None
    return client


async def person(call: Call, client: LdapClient, login: str) -> Entry:
    """The account with this login or uuid."""
    found = await client.search(USERS, 2, messages.equality("uuid" if UUID.fullmatch(login) else "login", login))
    if not found:
        raise wrong(call, f"{login} does not exist", "ResourceNotFound")
    return found[0]


async def account(call: Call, client: LdapClient, login: str) -> str:
    """The dn of this account."""
    return (await person(call, client, login))[0]
