"""ufds-reconcile-data, step by step, as m2s.py has sdc-ufds-m2s.

Read in sdc-ufds:bin/ufds-reconcile-data as of 2023-02-28 (TRITON-2377).
"""

# ruff: noqa: S108  the files are those of another tool

from __future__ import annotations

from typing import Final

from evidence.subjects.m2s import Loss, Need, ToolStep

RECONCILE: Final = (
    ToolStep(
        "1",
        "Reads the zone's metadata from SAPI; wants a region and the version of moray's schema",
        "60-106",
        (Need("SAPI that answers", ("sapi-answers",)), Need("/var/tmp in the zone", why="it is not looked at")),
        writes="/var/tmp/metadata.json with the passwords, which stays",
    ),
    ToolStep(
        "2",
        "Binds to its own UFDS, and on a replica to the master's; ends with 1 if one refuses",
        "155-175",
        (
            Need("the way from the ufds zone to the master's 636", ("ufds-reaches-master-ufds",)),
            Need("the master's root password", ("candidate-tools-can-couple",)),
        ),
    ),
    ToolStep("3", "Adds o=smartdc if it is not there; on a master, cn=version", "178-233"),
    ToolStep(
        "4",
        "Ends with 0 if the local UFDS has ou=users, and the master this datacenter",
        "241-272",
        (Need("no entry of a former life at the master", ("candidate-is-not-registered-yet",)),),
        ends="whatever the master has of it, stands",
    ),
    ToolStep(
        "5",
        "Adds to the local UFDS what is not there: units, the replicator's tree, readers, admin and its head node's key",
        "344-350",
        writes="/tmp/.bootstrap.ldif.in.0 with admin's password, which stays",
        ends="if admin has not replicated by now (step 20 gave up), this makes one, and the master's cannot be added",
    ),
    ToolStep(
        "6",
        "If only the local UFDS has the region: moves it to the master",
        "366-379",
        takes=(Loss("the local region", "the master has it, and replication brings it"),),
        writes="/tmp/.local_ldap_backup.tmp, which it removes",
    ),
    ToolStep(
        "7",
        "Adds region, datacenter, network and one resolver to the master; ends with 1 if one is refused",
        "304-321, 385",
        (Need("one address of a binder, a network and a netmask", ("candidate-can-be-registered",)),),
        writes="/tmp/.bootstrap_remote.ldif.in.1, which stays",
        ends="datacenter and network may be there without a resolver: then step 4 ends it the next time",
    ),
)
