"""sdc-ufds-m2s, step by step: what each step needs, takes away, writes, and what stands if it ends there.

Read in sdc-headnode:tools/bin/sdc-ufds-m2s as of 2022-09-13 (TRITON-2331; the same in 2026).  The numbers are those of its lines; those of
ufds-reconcile-data, which it starts, are in reconcile.py.  docs/coupling.md is made from this; the checks before a coupling are
those that it names, and tests/test_coupling_page.py wants one for each need, or the reason why there is none.
"""

# ruff: noqa: S108  the files are those of another tool

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SAVED: Final = ("/var/tmp/backup.ldif", "/var/tmp/restore.ldif")
"""Where it saves what it deletes below admin, and of that what it loads again."""
LIMIT: Final = 1000
"""So many entries UFDS lists if it is asked for no more, as sdc-ldap does: facts, "How a real UFDS answers"."""
TAKEN_FROM_USBKEY: Final = ("region_name", "ufds_admin_uuid", "ufds_domain", "ufds_ldap_root_dn", "ufds_ldap_root_pw")
"""The settings by which it finds what it deletes: it sources /usbkey/config, and so does sdc-ldap."""
SET_IN_SAPI: Final = ("ufds_is_master", "ufds_remote_ip", "ufds_remote_ldap_root_pw")
"""The settings of SAPI's application sdc that it sets."""


@dataclass(frozen=True)
class Need:
    """What a step needs, and the checks that judge it before the coupling; without any, `why` says why there is none."""

    what: str
    checks: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Loss:
    """What a step takes away, and what brings it back: replication from the master, a later step, or the checks that name it."""

    what: str
    back: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolStep:
    """One step.  `ends`: what the datacenter is if the tool ends here, and what typing it again would do."""

    number: str
    does: str
    source: str
    needs: tuple[Need, ...] = ()
    takes: tuple[Loss, ...] = ()
    writes: str = ""
    ends: str = ""


WHOLE: Final = "as it was: nothing is touched"
HALF: Final = (
    "its own master still, without groups, perhaps without parts of admin.  Typed again, it saves over what it saved"
)
WAITS: Final = (
    "without admin, groups, region and version; SAPI says replica, /usbkey/config says master.  Typed again, it begins anew, overwrites "
    "what it saved, and SAPI has nothing new to render"
)
COUPLED: Final = "a replica that follows the master, but for what the later steps do.  Typed again, it would delete what has replicated"
VERSIONS: Final = (
    (
        "sdc-ufds-m2s before 2019-09-09 (CAPI-527)",
        "does not ask for the master's root password, so both need the same one: candidate-knows-the-password looks into the tool",
    ),
    (
        "sdc-ufds-m2s of 2021-10-21 to 2022-09-13 (TRITON-2259, TRITON-2331)",
        "takes no IP address, and asks for one for ever in step 6: candidate-tools-can-couple looks into the tool",
    ),
    ("ufds-reconcile-data before 2021-10-21 (TRITON-127)", "binds with the own password: the same check tells of it"),
)
"""What other versions do differently."""

M2S: Final = (
    ToolStep("1", "Ends in silence unless it is on a head node", "107", ends=WHOLE),
    ToolStep(
        "2",
        "Sources /usbkey/config by config.sh",
        "111",
        (Need("a file that root's bash can evaluate", ("usbkey-can-be-evaluated",)),),
        ends=WHOLE,
    ),
    ToolStep(
        "3",
        "Refuses unless the file says master, no remote address, and a region",
        "115-130",
        (
            Need(
                "its own master in SAPI, too: otherwise SAPI has nothing new to render",
                ("candidate-is-not-coupled-yet",),
            ),
        ),
        ends=WHOLE,
    ),
    ToolStep(
        "4",
        "Refuses unless the head node has exactly one ufds zone, with a NIC tagged internal or external",
        "132-143",
        (Need("that zone and its NIC", ("candidate-ufds-has-a-routable-nic",)),),
        ends=WHOLE,
    ),
    ToolStep(
        "5", "Asks whether to go on", "145-154", (Need("a SAPI that is up to date", ("versions-agree",)),), ends=WHOLE
    ),
    ToolStep(
        "6",
        "Asks for the master's address, four numbers",
        "157",
        (Need("a version that takes one", ("candidate-tools-can-couple",)),),
        ends=WHOLE,
    ),
    ToolStep(
        "7",
        "Asks for the master's root password, and takes it as it is",
        "158-160",
        (Need("a password that needs no quotes in JSON and shell", ("candidate-knows-the-password",)),),
        ends=WHOLE,
    ),
    ToolStep(
        "8",
        "Searches the root of the tree there, anonymously, from the ufds zone",
        "163-169",
        (
            Need("the way from the ufds zone to the master's 636", ("ufds-reaches-master-ufds",)),
            Need(
                "the right address and password",
                why="only the search is tried; any UFDS answers it, the own and a replica's too",
            ),
        ),
        ends=WHOLE,
    ),
    ToolStep(
        "9",
        "Deletes the groups readers and operators",
        "178-179",
        (
            Need(
                "a UFDS that answers by the name and password in /usbkey/config",
                ("ufds-answers", "candidate-usbkey-names-what-is-deleted"),
            ),
            Need("groups at the master that replace them", ("master-has-admin-and-operators",)),
        ),
        (
            Loss(
                "both groups with their members",
                "replication brings the master's",
                ("candidate-has-no-accounts-to-lose",),
            ),
        ),
        ends=HALF,
    ),
    ToolStep(
        "10",
        "Deletes keyapi's private keys",
        "181-184",
        takes=(Loss("them", "replication brings the master's"),),
        ends=HALF,
    ),
    ToolStep(
        "11",
        "Saves what is below admin, at most what UFDS lists at once",
        "190-191",
        (
            Need("/var/tmp that can be written, with room", ("candidate-can-save-what-is-deleted",)),
            Need("fewer than 1000 entries below admin", ("candidate-admin-has-nothing-to-lose",)),
            Need("the uuid of admin", ("candidate-usbkey-names-what-is-deleted", "admin-uuid-agrees")),
        ),
        (Loss("what an earlier run had saved in the file", checks=("candidate-has-no-saved-data-left",)),),
        writes="/var/tmp/backup.ldif, which stays: the only copy of admin's keys, without any password",
        ends=HALF,
    ),
    ToolStep(
        "12",
        "Writes what to load again (all but keys and persons), and what to delete",
        "195-231",
        (Need("/var/tmp that can be written", ("candidate-can-save-what-is-deleted",)),),
        (Loss("what an earlier run had saved in restore.ldif", checks=("candidate-has-no-saved-data-left",)),),
        writes="/var/tmp/restore.ldif and cleanup.ufds, which stay",
        ends=HALF,
    ),
    ToolStep(
        "13",
        "Deletes what is below admin",
        "238",
        takes=(
            Loss(
                "admin's keys and access keys, sub-users, roles, policies",
                checks=("candidate-admin-has-nothing-to-lose",),
            ),
            Loss("the key of the head node", "step 23 adds it to the local UFDS"),
            Loss(
                "the sdc key", "no step: it is given to the master's admin afterwards (replica-key-is-known-to-master)"
            ),
            Loss("amon probes and what else is a datacenter's own", "step 21 loads them"),
        ),
        ends=HALF,
    ),
    ToolStep(
        "14",
        "Deletes admin",
        "241",
        (Need("nothing below it", ("candidate-admin-has-nothing-to-lose", "candidate-can-save-what-is-deleted")),),
        (Loss("admin with its password", "replication brings the master's; no copy has the password"),),
        ends=HALF,
    ),
    ToolStep(
        "15",
        "Deletes the own region with its datacenters, networks and resolvers, and cn=version",
        "245-255",
        (Need("the name of the region", ("candidate-usbkey-names-what-is-deleted", "region-name-agrees")),),
        (
            Loss("the region", "replication brings the master's, step 23 registers the datacenter there"),
            Loss("the version of the schema", "replication brings the master's"),
        ),
        ends=HALF,
    ),
    ToolStep(
        "16",
        "Removes replicator.json, writes /tmp/fixufds, and sets three settings in SAPI's application sdc",
        "258-273",
        (
            Need("one application sdc", ("one-sdc-application",)),
            Need("SAPI that answers and stores", ("sapi-answers", "sapi-is-in-full-mode")),
            Need(
                "no service or instance that hides the settings",
                ("candidate-settings-take-effect", "settings-are-not-overridden"),
            ),
            Need("/tmp and /var/tmp that can be written", ("candidate-can-save-what-is-deleted",)),
        ),
        writes="/tmp/fixufds with the password, and /var/tmp/sapi.out, which stay",
        ends=WAITS,
    ),
    ToolStep(
        "17",
        "Waits for replicator.json, 36 times 5 s, and gives up then",
        "275-288",
        (Need("a config-agent that runs", ("candidate-config-agent-runs",)),),
        ends=WAITS,
    ),
    ToolStep("18", "Imports the service ufds-replicator", "291-295", ends=COUPLED),
    ToolStep(
        "19",
        "Counts the master's changes, for what it shows",
        "298-311",
        writes="/tmp/cnt in the ufds zone with the password, which stays",
        ends=COUPLED,
    ),
    ToolStep(
        "20",
        "Waits for admin, 90 times 60 s, and goes on then",
        "313-332",
        (
            Need("an admin at the master", ("master-has-admin-and-operators",)),
            Need("no checkpoint of a former coupling", ("candidate-has-no-checkpoint",)),
            Need(
                "no account that collides with one of the master's", ("candidate-collides-with-nothing", "one-poseidon")
            ),
            Need("no gap in the master's changelog", ("master-changelog-has-no-gap",)),
            Need("a schema that is not older than the master's", ("ufds-schema-is-not-older",)),
            Need("a login and an address that no account of the master ever had", ("candidate-collides-with-nothing",)),
        ),
        ends=COUPLED,
    ),
    ToolStep(
        "21",
        "Loads restore.ldif, up to the first entry that is refused",
        "338",
        (Need("no sub-users among them, which have no password there", ("candidate-admin-has-nothing-to-lose",)),),
        ends=COUPLED,
    ),
    ToolStep("22", "Waits for any region, 90 times 60 s, and goes on then", "341-357", ends=COUPLED),
    ToolStep("23", "Runs ufds-reconcile-data in the ufds zone, and does not ask how it ended", "359", ends=COUPLED),
    ToolStep(
        "24",
        "Mounts the USB key",
        "364-367",
        (Need("a key, or a pool to boot from", ("candidate-usbkey-mounts",)),),
        ends="a replica whose /usbkey/config says master: so it is at the next boot",
    ),
    ToolStep(
        "25",
        "Writes two settings into the key's copy of the configuration",
        "369-372",
        (Need("a copy on the key", ("candidate-usbkey-copy-is-current",)),),
        writes="/tmp/config.PID with the passwords, which stays",
        ends="a replica; the key says so, /usbkey/config does not",
    ),
    ToolStep(
        "26",
        "Copies the key's copy over /usbkey/config, and unmounts",
        "375-377",
        takes=(Loss("what stands in /usbkey/config alone", checks=("candidate-usbkey-copy-is-current",)),),
        ends="a replica",
    ),
)
