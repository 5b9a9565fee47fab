"""The stations of a coupling as the seed tells them, typed in a lab where nobody is coupled. Each ends with a verdict.

Runs inside `python -m lab --uncoupled`, and prints the document.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from lab.plan.names import ADMIN_UUID, ROOT_PASSWORD
from tests.walkthrough.journal import Journal, UnexpectedError, plant

MASTER_UFDS = "10.2.2.29"
ANSWERS = (
    ("continue: ", "y\n"),
    ("UFDS IP address: ", f"{MASTER_UFDS}\n"),
    ("primary datacenter's headnode): ", f"{ROOT_PASSWORD}\n"),
)
LISTS = "cloudapi-lists-every-datacenter[{}]"
FIRST, SECOND = "my-dc-1", "my-dc-3"
INIT = "zlogin $(sdc-vmname manta) /opt/smartdc/bin/manta-init -s lab -e ops@example.com"
TAKE_FROM_NETWORKS = """for name in manta admin; do
    network=$(sdc-napi "/networks?name=$name" | json -Ha uuid)
    sdc-napi --no-headers /networks/$network | tr -d '\\n ' | sed "s/,\\"$uuid\\"//; s/\\"$uuid\\",*//" > /var/tmp/network.json
    printf '{"owner_uuids": %s}' "$(json -f /var/tmp/network.json owner_uuids)" |
        sdc-napi /networks/$network -X PUT -d @- | json -H name
done"""
ADMINUI = "curl -sk https://$(vmadm lookup -j alias=adminui0 | json 0.nics.0.ip)/ping"
SDC = "/opt/smartdc/sdc"
LISTDATACENTERS = f"""zlogin -Q $(sdc-vmname sdc) PATH={SDC}/bin:{SDC}/build/node/bin:/opt/local/bin:/usr/bin SDC_TESTING=1 \\
    {SDC}/node_modules/smartdc/bin/sdc-listdatacenters -a admin -u https://cloudapi.my-dc-1.srv.example.com \\
    -k $(sdc-sapi '/applications?name=sdc' | json -Ha metadata.SDC_KEY_ID)"""
FOLLOWED = """for i in 1 2 3 4 5 6 7 8 9; do
    sdc-ldap search login=poseidon dn | grep uuid && break; sleep 1
done"""
HEAD = """# A coupling, from the first look to the last

Written by `tests/walkthrough/`, from what a lab really said (`python -m lab --uncoupled -- bash`): names and addresses are the
lab's, what differs from run to run is left out, and of the suite's reports only the causes are shown.
"""
INSIDE = "zlogin $(sdc-vmname manta) /opt/smartdc/bin/"
COUPLED = "sed -i '/{0}:/s/, state: candidate//' $AZ_INVENTORY; grep {0}: $AZ_INVENTORY"


def left(name: str) -> str:
    """What sdc-ufds-m2s leaves behind."""
    return f"no-password-left-behind[{name}]"


async def before(journal: Journal) -> None:
    journal.say("## Three datacenters, each on its own")
    journal.say(
        "my-dc-2 is to be the master. Nobody is coupled yet: the inventory calls the others candidates. May `sdc-ufds-m2s` be run?"
    )
    await plant(f"route-missing@{FIRST}.ufds0")
    await journal.operator("cat $AZ_INVENTORY")
    await journal.suite("preflight", f"ufds-reaches-master-ufds[{FIRST}.ufds0--my-dc-2.ufds.636]")
    journal.say(
        f"Not on {FIRST}: its ufds zone has no route to the master's UFDS. What the suite prints as the remedy is typed."
    )
    await journal.remedy()
    await journal.suite("preflight")


async def couple(journal: Journal) -> None:
    journal.say("## sdc-ufds-m2s")
    journal.say(
        f"Nothing is wrong, so `az-checks plan` prints what comes next: the coupling of {FIRST}. It is typed as it is printed, "
        "the key of the datacenter included, which sdc-ufds-m2s deletes."
    )
    await journal.next(FIRST, ANSWERS)
    journal.say(f"The inventory follows: {FIRST} is a replica now.")
    await journal.operator(COUPLED.format(FIRST))


async def after(journal: Journal) -> None:
    journal.say("## After the change")
    journal.say(
        "Somebody had stopped net-agent meanwhile, and cloudapi's zone has lost its route "
        f"(in the lab: `python -m lab fault route-missing@{FIRST}.cloudapi0`). The health check says *that*, the suite says why."
    )
    await plant(f"route-missing@{FIRST}.cloudapi0")
    await journal.types(FIRST, "sdcadm check-health cloudapi", code=1)
    route = f"cloudapi-reaches-master-ufds[{FIRST}.cloudapi0--my-dc-2.ufds.636]"
    await journal.suite("postchange", route, LISTS.format("my-dc-2"), left(FIRST))
    journal.say("## Routes")
    await journal.remedy("cloudapi-reaches-master-ufds")
    await journal.suite("postchange", LISTS.format("my-dc-2"), LISTS.format(FIRST), left(FIRST))
    await journal.types(FIRST, "sdcadm check-health cloudapi")


async def lists(journal: Journal) -> None:
    journal.say("## The list of datacenters, and what was left behind")
    journal.say("Each cloudapi names the datacenters that its customers can choose. sdc-ufds-m2s does not set that up.")
    await journal.remedy()
    await journal.suite("postchange")


async def names(journal: Journal) -> None:
    journal.say("## binder")
    journal.say(
        "Each datacenter's binder knows the others' from its own UFDS: region and DNS domain are the same in both."
    )
    await journal.types(
        FIRST,
        "json -f /zones/$(sdc-vmname binder)/root/opt/smartdc/binder/etc/config.json recursion.regionName dnsDomain",
    )
    await journal.types(FIRST, "dig +short @10.1.1.11 moray.my-dc-2.srv.example.com A")
    await journal.types("my-dc-2", f"dig +short @10.2.1.11 moray.{FIRST}.srv.example.com A")


async def the_third(journal: Journal) -> None:
    journal.say(f"## {SECOND} likewise")
    await journal.suite("preflight")
    journal.say("The plan says what comes next, as it did before.")
    await journal.next(SECOND, ANSWERS)
    await journal.operator(COUPLED.format(SECOND))
    lists = (LISTS.format(name) for name in ("my-dc-2", FIRST, SECOND))
    await journal.suite("postchange", *lists, left(SECOND))
    await journal.remedy()
    await journal.suite("postchange")


async def sapi(journal: Journal) -> None:
    journal.say("## SAPI, multi-DC")
    journal.say("Manta is planned. It is the first that needs SAPI to ask the master's.")
    await journal.operator("sed -i 's/manta: false/manta: planned/' $AZ_INVENTORY; grep expect: $AZ_INVENTORY")
    await journal.suite("postchange", *(f"sapi-points-at-master-moray[{name}]" for name in (FIRST, SECOND)))
    await journal.remedy()
    await journal.suite("postchange")


async def wrong_place(journal: Journal) -> None:
    journal.say("## manta-init in the wrong datacenter")
    journal.say(
        "Typed on a replica: manta-init looks poseidon up in the *local* UFDS, finds none, and makes one that no other "
        "datacenter will ever hear of."
    )
    await journal.types("my-dc-3", INIT)
    await journal.suite("postchange", "one-poseidon[coupling]")


async def put_right(journal: Journal) -> None:
    journal.say("## Put right")
    journal.say(
        "Nothing of Manta is deployed yet, so all of it can go: the application at the SAPI master and the account, as the suite "
        "prints it; and what NAPI has of it."
    )
    uuid = re.findall(r"uuid=([0-9a-f-]{36})", json.dumps(journal.causes))[0]
    await journal.remedy()
    await journal.types("my-dc-3", f"uuid={uuid}\n{TAKE_FROM_NETWORKS}")
    await journal.suite("postchange")


async def gates(journal: Journal) -> None:
    journal.say("## Before Manta")
    journal.say("`az-checks plan` says which gate comes next. Each is passed before the next one is shown.")
    await journal.gate(
        "manta-init in my-dc-2", lambda run: INSIDE + run.replace("SIZE", "lab").replace("MAIL", "ops@example.com")
    )
    await journal.gate("manta-init in my-dc-1, my-dc-3", None)
    for datacenter in ("my-dc-1", "my-dc-3"):
        await journal.types(datacenter, FOLLOWED)
        await journal.types(datacenter, INIT)
    await journal.gate("shards", lambda run: INSIDE + run)
    await journal.gate("topology", lambda run: INSIDE + run)
    await journal.types("my-dc-2", f"{INSIDE}manta-adm create-topology -t buckets -v 100 -p 2020")
    await journal.gate("MUSKIE_MULTI_DC", lambda run: run)


async def deploy(journal: Journal) -> None:
    journal.say("## Zones")
    await journal.gate("deployment", None)
    for datacenter in ("my-dc-2", "my-dc-1", "my-dc-3"):
        await journal.types(
            datacenter, "manta-adm genconfig lab > /var/tmp/layout.json; manta-adm update -y /var/tmp/layout.json"
        )
    await journal.types("my-dc-3", "manta-adm show -js")
    journal.say("From now on the inventory expects Manta.")
    await journal.operator("sed -i 's/manta: planned/manta: true/' $AZ_INVENTORY; grep expect: $AZ_INVENTORY")
    await journal.suite("postchange")


async def looked_at(journal: Journal) -> None:
    journal.say("## Looked at once more, with Triton's own tools")
    for datacenter in ("my-dc-1", "my-dc-2", "my-dc-3"):
        await journal.types(datacenter, "sdc-healthcheck")
    await journal.types("my-dc-1", LISTDATACENTERS)
    await journal.types("my-dc-1", ADMINUI)
    await journal.types(
        "my-dc-3", """zlogin $(sdc-vmname manta) "/opt/smartdc/bin/manta-oneach -s webapi 'svcs -H -o state muskie'\""""
    )
    journal.say("And as a customer, from outside: `triton ls` asks the same machines at the same address.")
    for datacenter in ("my-dc-1", "my-dc-2", "my-dc-3"):
        await journal.operator(f"curl -sk https://cloudapi.{datacenter}.srv.example.com/--ping; echo")


def manta_ways(number: int, peers: tuple[int, int]) -> str:
    """NAPI's routes are merged, not replaced; and imgapi, whose firewall is on, lets in the others' electric-moray."""
    admin = ",".join(f'"10.{peer}.3.0/24":"10.{number}.1.1"' for peer in peers)
    manta = ",".join(f'"10.{peer}.{net}.0/24":"10.{number}.3.1"' for peer in peers for net in (3, 1))
    sources = " OR ".join(f"subnet 10.{peer}.3.0/24" for peer in peers)
    rule = {
        "enabled": True, "owner_uuid": ADMIN_UUID, "description": "imgapi: Manta of the region",
        "rule": f'FROM ({sources}) TO tag "smartdc_role" = "imgapi" ALLOW tcp PORT 80',
    }  # fmt: skip
    return f"""admin=$(sdc-napi '/networks?name=admin' | json -Ha uuid) manta=$(sdc-napi '/networks?name=manta' | json -Ha uuid)
routes=$(sdc-napi /networks/$admin | json -H routes | tr -d '{{}}\\n')
sdc-napi /networks/$admin -X PUT -d "{{\\"routes\\": {{$routes, "'{admin}}}}}' | json -H routes
sdc-napi /networks/$manta -X PUT -d '{{"routes": {{{manta}}}}}' | json -H routes
sdc-fwapi /rules -X POST -d '{json.dumps(rule)}' | json -H rule"""


async def manta_routes(journal: Journal) -> None:
    journal.say("## More routes for Manta")
    journal.say("imgapi, cnapi and vmapi answer zones of Manta in all datacenters, and these zones call each other.")
    for number, peers in ((1, (2, 3)), (2, (1, 3)), (3, (1, 2))):
        await journal.types(f"my-dc-{number}", manta_ways(number, peers))
    await journal.suite("postchange")


STATIONS = (
    before, couple, after, lists, names, the_third, sapi, wrong_place, put_right, manta_routes, gates, deploy, looked_at,
)  # fmt: skip


async def main() -> int:
    journal = Journal()
    journal.say(HEAD)
    try:
        for station in STATIONS:
            await station(journal)
    except UnexpectedError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(journal.lines))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
