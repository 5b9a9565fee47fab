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
KEY = "replica-key-is-known-to-master[{}]"
LISTS = "cloudapi-lists-every-datacenter[{}]"
LATER = ("no-password-left-behind[my-dc-3]", "sapi-points-at-master-moray[my-dc-3]")
INIT = "zlogin $(sdc-vmname manta) /opt/smartdc/bin/manta-init -s lab -e ops@example.com"
DELETE_APPLICATION = """app=$(sdc-sapi /applications?name=manta | json -Ha uuid)
for service in $(sdc-sapi "/services?application_uuid=$app" | json -Ha uuid); do
    sdc-sapi --no-headers /services/$service -X DELETE
done
sdc-sapi --no-headers /applications/$app -X DELETE"""
TAKE_FROM_NETWORKS = """for name in manta admin; do
    network=$(sdc-napi "/networks?name=$name" | json -Ha uuid)
    sdc-napi --no-headers /networks/$network | tr -d '\\n ' | sed "s/,\\"$uuid\\"//; s/\\"$uuid\\",*//" > /var/tmp/network.json
    printf '{"owner_uuids": %s}' "$(json -f /var/tmp/network.json owner_uuids)" |
        sdc-napi /networks/$network -X PUT -d @- | json -H name
done"""
FOLLOWED = """for i in 1 2 3 4 5 6 7 8 9; do
    sdc-ldap search login=poseidon dn | grep uuid && break; sleep 1
done"""
HEAD = """# A coupling, from the first look to the last

Written by `tests/walkthrough/`, from what a lab really said (`python -m lab --uncoupled -- bash`): names and addresses are the
lab's, what differs from run to run is left out, and of the suite's reports only the causes are shown.
"""
COUPLED = "sed -i '/{0}:/s/, state: candidate//' $AZ_INVENTORY; grep {0}: $AZ_INVENTORY"


async def before(journal: Journal) -> None:
    journal.say("## Three datacenters, each on its own")
    journal.say(
        "my-dc-2 is to be the master. Nobody is coupled yet: the inventory calls the others candidates. May `sdc-ufds-m2s` be run?"
    )
    await plant("route-missing@my-dc-3.ufds0")
    await journal.operator("cat $AZ_INVENTORY")
    await journal.suite("preflight", "ufds-reaches-master-ufds[my-dc-3.ufds0--my-dc-2.ufds.636]")
    journal.say(
        "Not on my-dc-3: its ufds zone has no route to the master's UFDS. What the suite prints as the remedy is typed."
    )
    await journal.remedy()
    await journal.suite("preflight")


async def backup(journal: Journal) -> None:
    journal.say("## A backup")
    journal.say("`sdc-ufds-m2s` has no undo. What it deletes is saved first.")
    await journal.types("my-dc-3", "sdc-ldap search 'objectclass=*' > /var/tmp/ufds-before-coupling.ldif")
    await journal.types(
        "my-dc-3",
        "cp /usbkey/config /var/tmp/config-before-coupling; sdc-sapi /applications?name=sdc > /var/tmp/sdc-before-coupling.json",
    )


async def couple(journal: Journal) -> None:
    journal.say("## sdc-ufds-m2s")
    await journal.types("my-dc-3", "sdc-ufds-m2s", ANSWERS)
    journal.say("The inventory follows: my-dc-3 is a replica now.")
    await journal.operator(COUPLED.format("my-dc-3"))


async def after(journal: Journal) -> None:
    journal.say("## After the change")
    journal.say(
        "Somebody had stopped net-agent meanwhile, and cloudapi's zone has lost its route "
        "(in the lab: `python -m lab fault route-missing@my-dc-3.cloudapi0`). The health check says *that*, the suite says why."
    )
    await plant("route-missing@my-dc-3.cloudapi0")
    await journal.types("my-dc-3", "sdcadm check-health cloudapi", code=1)
    route = "cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--my-dc-2.ufds.636]"
    await journal.suite("postchange", route, LISTS.format("my-dc-2"), KEY.format("my-dc-3"), *LATER)
    journal.say("## Routes")
    await journal.remedy("cloudapi-reaches-master-ufds")
    await journal.suite("postchange", LISTS.format("my-dc-2"), KEY.format("my-dc-3"), *LATER)
    await journal.types("my-dc-3", "sdcadm check-health cloudapi")


async def key(journal: Journal) -> None:
    journal.say("## The key")
    journal.say("`sdc-ufds-m2s` deleted admin's keys of my-dc-3. The public key goes to the master, typed there.")
    await journal.remedy("replica-key-is-known-to-master", "cloudapi-lists-every-datacenter")
    await journal.suite("postchange", LISTS.format("my-dc-3"), *LATER)
    await journal.remedy("cloudapi-lists-every-datacenter")


async def names(journal: Journal) -> None:
    journal.say("## binder")
    journal.say(
        "Each datacenter's binder knows the others' from its own UFDS: region and DNS domain are the same in both."
    )
    await journal.types(
        "my-dc-3",
        "json -f /zones/$(sdc-vmname binder)/root/opt/smartdc/binder/etc/config.json recursion.regionName dnsDomain",
    )
    await journal.types("my-dc-3", "dig +short @10.3.1.11 moray.my-dc-2.srv.example.com A")
    await journal.types("my-dc-2", "dig +short @10.2.1.11 moray.my-dc-3.srv.example.com A")


async def sapi(journal: Journal) -> None:
    journal.say("## SAPI, multi-DC")
    await journal.suite("postchange", *LATER)
    await journal.remedy()
    await journal.suite("postchange")


async def the_third(journal: Journal) -> None:
    journal.say("## my-dc-1 likewise")
    await journal.types("my-dc-1", "sdc-ufds-m2s", ANSWERS)
    await journal.operator(COUPLED.format("my-dc-1"))
    later = [each.replace("my-dc-3", "my-dc-1") for each in LATER]
    await journal.suite("postchange", LISTS.format("my-dc-2"), LISTS.format("my-dc-3"), KEY.format("my-dc-1"), *later)
    await journal.remedy()
    await journal.suite("postchange", LISTS.format("my-dc-1"))
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
        "Nothing of Manta is deployed yet, so all of it can go: the application at the SAPI master; the account, as the suite "
        "prints it; and what NAPI has of it."
    )
    await journal.types("my-dc-2", DELETE_APPLICATION)
    uuid = re.findall(r"uuid=([0-9a-f-]{36})", json.dumps(journal.causes))[0]
    await journal.remedy()
    await journal.types("my-dc-3", f"uuid={uuid}\n{TAKE_FROM_NETWORKS}")
    journal.say(
        "Now where the SAPI master is; then, as soon as the account is there, one after the other everywhere else."
    )
    await journal.types("my-dc-2", INIT)
    for datacenter in ("my-dc-3", "my-dc-1"):
        await journal.types(datacenter, FOLLOWED)
        await journal.types(datacenter, INIT)
    await journal.suite("postchange")


async def deploy(journal: Journal) -> None:
    journal.say("## Shards, ring, zones")
    await journal.types(
        "my-dc-2", "zlogin $(sdc-vmname manta) /opt/smartdc/bin/manta-shardadm set -i 1.moray -s 1.moray"
    )
    await journal.types("my-dc-2", "manta-adm create-topology -v 100 -p 2020")
    await journal.types("my-dc-2", "manta-adm create-topology -t buckets -v 100 -p 2020")
    journal.say("MUSKIE_MULTI_DC comes last here, after the zones: so every muskie has to be started again.")
    for datacenter in ("my-dc-2", "my-dc-1", "my-dc-3"):
        await journal.types(
            datacenter, "manta-adm genconfig lab > /var/tmp/layout.json; manta-adm update -y /var/tmp/layout.json"
        )
    await journal.types("my-dc-3", "manta-adm show -js")
    journal.say("From now on the inventory expects Manta.")
    await journal.operator("sed -i 's/manta: false/manta: true/' $AZ_INVENTORY; grep expect: $AZ_INVENTORY")
    await journal.suite("postchange", "muskie-multi-dc-is-set[my-dc]")
    await journal.remedy()
    await journal.suite("postchange")


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


STATIONS = (before, backup, couple, after, key, names, sapi, the_third, wrong_place, put_right, manta_routes, deploy)


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
