"""Manta over a region, tool by tool, as m2s.py has sdc-ufds-m2s: what each step needs and writes, and what stands if it ends there.

Read in sdc-manta:cmd/manta-init.js as of 2019 (the one that still makes Manta v1), cmd/manta-shardadm.js, bin/manta-create-topology.sh and
lib/deploy.js.  The names behind the steps are those of their functions.  reports/gates.py tells the same as gates, for one region.
"""

# ruff: noqa: S108  the files are those of another tool

from __future__ import annotations

from typing import Final

from evidence.subjects.m2s import Loss, Need, ToolStep

AGAIN: Final = "run again in the same datacenter, it goes on here"
MANTA: Final = (
    ToolStep(
        "1",
        "manta-init sets SAPI to full mode",
        "ensureFullMode",
        (Need("a SAPI that answers", ("sapi-answers", "sapi-is-in-full-mode")),),
        ends="nothing is made yet",
    ),
    ToolStep(
        "2",
        "It looks for poseidon in the datacenter's own UFDS, and makes the account if it is not there",
        "getOrCreatePoseidon",
        (
            Need(
                "the UFDS master, for the first time; elsewhere a poseidon that has replicated",
                ("one-poseidon", "sapi-master-is-ufds-master", "replicator-is-caught-up"),
            ),
        ),
        ends="an account, which replicates if it was made at the master; made elsewhere, it stops the replication of the master's",
    ),
    ToolStep(
        "3",
        "It gives poseidon the e-mail address behind -e, and makes it an operator",
        "updatePoseidonEmail, addPoseidonToOperators",
        (Need("the group operators", ("master-has-admin-and-operators", "admin-and-operators-are-there")),),
        (Loss("the address that poseidon had", "it is given by hand"),),
        ends="an operator without networks, so Manta's zones cannot be provisioned",
    ),
    ToolStep(
        "4",
        "It lets poseidon use the networks manta, mantanat and admin",
        "enableAdminProvisioning",
        (Need("these networks, in each datacenter", ("manta-networks-belong-to-poseidon",)),),
        ends=f"no application yet; {AGAIN}",
    ),
    ToolStep(
        "5",
        "It looks for the application manta of this poseidon, and wants one at most",
        "getMantaApplication",
        (
            Need("no application of another poseidon", ("one-manta-application", "candidate-has-no-manta")),
            Need("a SAPI that asks the master's too", ("sapi-points-at-master-moray", "sapi-loaded-its-master")),
        ),
        ends=f"no application yet; {AGAIN}",
    ),
    ToolStep(
        "6",
        "It makes the application at SAPI's master, with the region, the domain, and MUSKIE_MULTI_DC and BUCKETS_API_MULTI_DC as false",
        "createMantaApplication",
        (
            Need("a region and a DNS domain", ("region-name-agrees", "dns-domain-agrees")),
            Need("a master's moray that answers", ("sapi-reaches-its-master", "sapi-master-points-at-nobody")),
        ),
        ends=f"an application without keys and services; {AGAIN}",
    ),
    ToolStep(
        "7",
        "If the application has no key, it makes one, gives it to poseidon in the own UFDS, and to the application",
        "addAdminKey",
        (Need("a poseidon that may be changed here", ("poseidon-is-operator",)),),
        ends="between the two: poseidon has a key that the application does not know; the next run makes another",
    ),
    ToolStep(
        "8",
        "It fetches the newest image of each service, with the images that these build upon",
        "findLatestImages, importImageOrigins, importImages",
        (Need("the way to the image server", why="it says so itself, and nothing is made that would have to go"),),
        ends=f"images in this IMGAPI; {AGAIN}",
    ),
    ToolStep(
        "9",
        "It makes the services that are not there, and gives all of them the newest images",
        "createMantaServices, updateServiceImages, addMuskieAes",
        takes=(Loss("the images that services had", "the zones that are there keep theirs until they are updated"),),
        ends="some services are missing; run again, it makes them",
    ),
    ToolStep(
        "10",
        "manta-shardadm set writes the shards into the application that its own SAPI holds, in place of those that were there",
        "do_set",
        (
            Need(
                "the datacenter of SAPI's master: elsewhere it finds none, says so, and exits with 0",
                ("manta-shards-are-assigned",),
            ),
        ),
        (Loss("the list of shards before", "nothing; each has to be named again", ("manta-shards-are-served",)),),
        ends="no shards, or those of before",
    ),
    ToolStep(
        "11",
        "create-topology refuses if the application names a ring (unless forced), and if there is no index shard",
        "ring_exists",
        (
            Need("one application", ("one-manta-application",)),
            Need("all index shards, for the ring is never made again", ("manta-shards-are-assigned",)),
        ),
        ends="nothing is made",
    ),
    ToolStep(
        "12",
        "It makes the ring, imports it into its own IMGAPI, and writes image and IMGAPI into the application",
        "fash create, sdc-imgadm import",
        (Need("an IMGAPI that every datacenter reaches", ("manta-hash-ring-is-stored",)),),
        (Loss("when forced, the ring of before", "its image is kept in IMGAPI", ("manta-hash-ring-is-stored",)),),
        writes="/var/tmp/UUID.ring.tar.gz, its manifest and the ring, which stay",
        ends="an image that the application does not name: no electric-moray can be set up",
    ),
    ToolStep(
        "13",
        "Deployment refuses without poseidon in the own UFDS, without shards, and without a ring",
        "Deployer",
        (
            Need("poseidon, replicated", ("one-poseidon",)),
            Need("one application sdc: it takes the first", ("one-sdc-application",)),
            Need("shards and ring", ("manta-shards-are-assigned", "manta-hash-ring-is-stored")),
        ),
        ends="nothing is made",
    ),
    ToolStep(
        "14",
        "It adds a nameservice to ZK_SERVERS before the zone is there, and wants one of these for every other service",
        "updateZKServers, ensureZk",
        (Need("nobody who deploys elsewhere at the same time", why="SAPI has no lock: the later list wins"),),
        ends="a server in ZK_SERVERS that nobody is",
    ),
    ToolStep(
        "15",
        "It makes the zone, of poseidon's, on the networks of the service",
        "createInstance",
        (
            Need("networks that poseidon may use", ("manta-networks-belong-to-poseidon",)),
            Need("routes between the datacenters", ("triton-zones-have-manta-routes",)),
            Need("the way to the ring's IMGAPI", ("electric-moray-reaches-ring-imgapi",)),
        ),
        ends="a zone that may be set up in part: its services say so",
    ),
    ToolStep(
        "16",
        "MUSKIE_MULTI_DC and BUCKETS_API_MULTI_DC are set to true in the application, at SAPI's master",
        "by hand: sapiadm update",
        (
            Need("an odd number of datacenters", ("manta-spans-an-odd-number",)),
            Need("JSON's true, not the text", ("muskie-multi-dc-is-set", "muskie-is-rendered-multi-dc")),
            Need("no service or instance that hides it", ("manta-settings-are-not-overridden",)),
        ),
        ends="set, and not in force where muskie runs already",
    ),
    ToolStep(
        "17",
        "Every muskie that ran before is restarted",
        "by hand: manta-oneach -s webapi",
        (Need("none left out", ("muskie-was-restarted", "muskie-answers")),),
        ends="two copies of an object may lie in one datacenter, where a muskie was left out",
    ),
)
