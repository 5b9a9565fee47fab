"""manta-init, as in sdc-manta. It knows only what UFDS, NAPI and SAPI of its own datacenter answer."""

from __future__ import annotations

from lab.commands.call import Call, UsageError, command
from lab.commands.ldap import connect, packed
from lab.commands.manta_tools import applications, ask, read_options
from lab.plan import manta_objects
from lab.plan.files import Json
from lab.plan.names import POSEIDON_UUID, ROOT_DN, made_uuid
from lab.ufds import seed
from lab.ufds.errors import LdapError

USERS, OPERATORS = "ou=users, o=smartdc", "cn=operators, ou=groups, o=smartdc"
ALREADY_THERE = 68
PASSWORD = "trident123"  # sdc-manta:cmd/manta-init.js


@command("manta-init")
async def init(call: Call) -> int:
    """manta-init -e EMAIL [-s SIZE] [-n] [-c N] [-B BRANCH] [-C CHANNEL] [-l LOGFILE]. It downloads no image."""
    options, _ = read_options(call, "e:s:nc:B:C:l:")
    if not options.get("-e"):
        raise UsageError("Usage:\tmanta-init -e <email>\n\nMissing required arguments: e", 1)
    if options.get("-s", "lab") not in ("coal", "lab", "production"):
        raise UsageError("Error: size option must be one of, coal, lab, or production.", 1)
    call.err(f"logs at {options.get('-l', '/var/log/manta-init.log')}\n")
    if await ask(call, "sapi", "GET", "/mode") != "full":
        await ask(call, "sapi", "POST", "/mode?mode=full")
    poseidon = await _poseidon(call, options["-e"])
    for name in ("manta", "admin"):
        await _own_network(call, name, poseidon)
    found = await applications(call, f"&owner_uuid={poseidon}&include_master=true")
    if len(found) > 1:
        raise UsageError("Uncaught AssertionError: false == true (apps.length <= 1)", 1)
    application = found[0] if found else await _make_application(call, poseidon, options.get("-s", "lab"))
    await _make_services(call, application)
    if not application["metadata"].get("ADMIN_KEY_ID"):
        await _add_key(call, poseidon)
        await ask(call, "sapi", "PUT", f"/applications/{application['uuid']}", {"metadata": manta_objects.admin_key()})
    return 0


async def _poseidon(call: Call, email: str) -> str:
    """The account in the *local* UFDS, which is made if there is none, and becomes an operator in any case."""
    host, password = call.site.datacenter.zone("ufds").admin_ip, call.lab.root_password(call.site)
    client = await connect(call, host, 636, ROOT_DN, password)
    try:
        found = await client.search(USERS, 2, packed("(login=poseidon)"))
        if found:
            name, entry = found[0]
            uuid = entry["uuid"][0]
            if entry["email"] != [email]:
                await client.modify(name, [("replace", "email", [email])])
        else:
            uuid = _new_poseidon(call)
            name = f"uuid={uuid}, {USERS}"
            new = {
                "objectclass": "sdcperson",
                "login": "poseidon",
                "email": email,
                "userpassword": PASSWORD,
                "uuid": uuid,
            }
            await client.add(name, {kind: [value] for kind, value in new.items()})
        operators = await client.search(OPERATORS, 0, packed("(objectclass=*)"))
        if name not in operators[0][1].get("uniquemember", []):
            await client.modify(OPERATORS, [("add", "uniquemember", [name])])
    except LdapError as error:
        raise UsageError(f"Error: {error.message}", 1) from None
    finally:
        await client.close()
    return uuid


async def _add_key(call: Call, poseidon: str) -> None:
    """The key with which Manta signs as poseidon, in the *local* UFDS."""
    host, password = call.site.datacenter.zone("ufds").admin_ip, call.lab.root_password(call.site)
    name, attributes = seed.key_of(poseidon, seed.POSEIDON_KEY, manta_objects.admin_key()["ADMIN_PUBLIC_KEY"])
    client = await connect(call, host, 636, ROOT_DN, password)
    try:
        await client.add(name, attributes)
    except LdapError as error:
        if error.code != ALREADY_THERE:
            raise UsageError(f"Error: {error.message}", 1) from None
    finally:
        await client.close()


def _new_poseidon(call: Call) -> str:
    """In Triton this is random. In a lab it is the same at every run."""
    datacenter = call.site.datacenter
    return POSEIDON_UUID if datacenter == call.lab.plan.master else made_uuid(datacenter.name, "poseidon")


async def _own_network(call: Call, name: str, owner: str) -> None:
    for network in await ask(call, "napi", "GET", f"/networks?name={name}"):
        owners = network.get("owner_uuids", [])
        if owner not in owners:
            await ask(call, "napi", "PUT", f"/networks/{network['uuid']}", {"owner_uuids": [*owners, owner]})


async def _make_application(call: Call, owner: str, size: str) -> Json:
    made = manta_objects.application(call.site.datacenter, owner)
    made["metadata"]["SIZE"] = size
    made["uuid"] = _uuid(call, made["uuid"])
    stored: Json = await ask(call, "sapi", "POST", "/applications", made)
    return stored


async def _make_services(call: Call, application: Json) -> None:
    there = await ask(call, "sapi", "GET", f"/services?application_uuid={application['uuid']}&include_master=true")
    names = {service["name"] for service in there}
    made = manta_objects.services(application["owner_uuid"])
    for manifest in made["manifests"]:
        if not names:
            await ask(call, "sapi", "POST", "/manifests", manifest)
    for service in made["services"]:
        if service["name"] not in names:
            ours = {"uuid": _uuid(call, service["uuid"]), "application_uuid": application["uuid"]}
            await ask(call, "sapi", "POST", "/services", service | ours)


def _uuid(call: Call, uuid: str) -> str:
    """The uuid of an object. If a SAPI knows no master and keeps the object for itself, it is another object than the master's."""
    service = call.lab.sdc_service(call.site, "sapi")
    local = call.site.datacenter != call.lab.plan.master and not service["metadata"].get("MASTER_MORAY_IP")
    return made_uuid(call.site.datacenter.name, uuid) if local else uuid


# ---- manta-shardadm
