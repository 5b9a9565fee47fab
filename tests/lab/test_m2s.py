"""sdc-ufds-m2s in a lab of candidates: what it refuses, what it leaves, and what is there if it is stopped on its way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.plan.names import ADMIN_UUID, ROOT_PASSWORD
from tests.lab.operator import Operator, living

MASTER = "10.2.2.29"
IP, PASSWORD = "UFDS IP address: ", "primary datacenter's headnode): "
ADMIN = f"sdc-ldap search uuid={ADMIN_UUID} dn 2>&1"
AGENT = "svcadm -z $(sdc-vmname ufds) {} config-agent"
REPLICATOR = "svcs -H -o state -z $(sdc-vmname ufds) ufds-replicator 2>&1"
METADATA = "sdc-sapi /applications?name=sdc | json -H 0.metadata.{}"
LEFT = "ls /tmp/fixufds /tmp/config.* /var/tmp/{sapi.out,backup.ldif,restore.ldif,cleanup.ufds} /zones/*/root/tmp/cnt"


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """The master and eight candidates: each test has its own."""
    with living("--uncoupled", "--datacenters", "9") as shell:
        yield shell


def answers(address: str = MASTER, password: str = ROOT_PASSWORD) -> list[tuple[str, str]]:
    return [("continue: ", "y\n"), (IP, f"{address}\n"), (PASSWORD, f"{password}\n")]


def untouched(operator: Operator, datacenter: str) -> bool:
    said = operator.on(datacenter, f"{ADMIN}; {METADATA.format('ufds_is_master')}; {LEFT} 2>/dev/null")[1]
    return said.split() == ["dn:", f"uuid={ADMIN_UUID},", "ou=users,", "o=smartdc", "true"]


def test_it_couples(operator: Operator) -> None:
    code, said = operator.answers("my-dc-1", "sdc-ufds-m2s", answers())
    assert code == 0, said
    told = ["Deleting local UFDS data", "Setting up UFDS replicator", "changelog entries to be replicated",
            "Re-loading local amon probe data", 'adding new entry "amonprobegroup=', 'UFDS for role "remote" is OK',
            "Datacenter information not found in ufds", "Done with reconciliation.", "Updating config files", "Done"]  # fmt: skip
    assert [part for part in told if part in said] == told
    assert ROOT_PASSWORD not in said
    on = operator.on
    assert on("my-dc-1", METADATA.format("ufds_remote_ip"))[1] == f"{MASTER}\n"
    assert on("my-dc-1", "cmp /usbkey/config /mnt/usbkey/config; tail -n 2 /usbkey/config")[1].split() == [
        "ufds_is_master=false", f"ufds_remote_ip={MASTER}",
    ]  # fmt: skip
    assert on("my-dc-1", REPLICATOR)[1].split() == ["online"]
    resolver = "sdc-ldap search ip=10.1.1.11 dn"
    wait = f"for i in 1 2 3 4 5 6 7 8 9; do [[ $({resolver}) ]] && break; sleep 0.3; done; {resolver}"
    assert "datacenter=my-dc-1, region=my-dc" in on("my-dc-1", wait)[1]  # by way of the master
    keys = "sdc-ldap search objectclass=sdckey dn | grep ^dn | sort"
    own = (
        f"dn: fingerprint={on('my-dc-1', METADATA.format('ufds_admin_key_fingerprint'))[1].strip()}, uuid={ADMIN_UUID}"
    )
    there, here = (set(on(name, keys)[1].splitlines()) for name in ("my-dc-2", "my-dc-1"))
    assert here - there == {f"{own}, ou=users, o=smartdc"}  # ufds-reconcile-data adds it only to the local UFDS
    assert not there - here
    name = "sdc-ldap search objectclass=sdckey name | grep ^name | sort | uniq -c"
    assert "my-dc-1 sdc key" not in on("my-dc-1", name)[1]  # the datacenter's own sdc key is lost
    assert "2 name: id_rsa" in on("my-dc-1", name)[1]  # and the master's head node's key is there
    assert len(on("my-dc-1", LEFT)[1].split()) == 7
    assert on("my-dc-1", "echo y | sdc-ufds-m2s") == (1, "Error: already converted\n")


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([("continue: ", "n\n")], "Enter 'y'"),
        ([("continue: ", "y\n"), (IP, "10.2.2\n"), (IP, "\x03")], "must be provided"),
        (answers("10.2.1.28"), "does not have connectivity to the primary"),
        ([("continue: ", "")], "Enter 'y'"),
    ],
)
def test_until_all_is_answered_nothing_is_touched(operator: Operator, turns: list[tuple[str, str]], said: str) -> None:
    assert said in operator.answers("my-dc-3", "sdc-ufds-m2s", turns)[1]
    assert untouched(operator, "my-dc-3")


@pytest.mark.proof
def test_without_a_config_agent_it_gives_up_when_all_is_deleted(operator: Operator) -> None:
    assert operator.on("my-dc-4", AGENT.format("disable"))[0] == 0
    code, said = operator.answers("my-dc-4", "sdc-ufds-m2s", answers())
    assert code == 1
    assert said.endswith("Timeout waiting for SAPI to setup the replicator configuration\n")
    assert operator.on("my-dc-4", ADMIN)[1] == ""
    assert "doesn't match any instances" in operator.on("my-dc-4", REPLICATOR)[1]
    assert operator.on("my-dc-4", METADATA.format("ufds_is_master"))[1] == "false\n"  # SAPI first …
    assert "ufds_is_master=true" in operator.on("my-dc-4", "cat /usbkey/config")[1]  # … the head node last


@pytest.mark.proof
@pytest.mark.parametrize(("datacenter", "typed"), [("my-dc-5", "\x03"), ("my-dc-6", "")])
def test_stopped_while_it_waits_for_config_agent(operator: Operator, datacenter: str, typed: str) -> None:
    """Ctrl-C, and a connection that breaks."""
    assert operator.on(datacenter, AGENT.format("disable"))[0] == 0
    operator.answers(datacenter, "sdc-ufds-m2s", [*answers(), ("Waiting for SAPI", typed)])
    assert operator.on(datacenter, AGENT.format("enable"))[0] == 0
    operator.lab("settle")
    assert operator.on(datacenter, ADMIN)[1] == ""
    url = "json -f /zones/$(sdc-vmname ufds)/root/opt/smartdc/ufds/etc/replicator.json remotes.0.url"
    assert (
        operator.on(datacenter, url)[1] == f"ldaps://{MASTER}\n"
    )  # it is rendered by now, and nobody starts a replicator
    assert "doesn't match any instances" in operator.on(datacenter, REPLICATOR)[1]
    assert "ufds_is_master=true" in operator.on(datacenter, "cat /mnt/usbkey/config")[1]


@pytest.mark.proof
def test_with_a_wrong_password_it_waits_for_ever(operator: Operator) -> None:
    turns = [*answers(password="wrong-password-1"), ("admin user to be replicated (0%)", "\x03")]
    operator.answers("my-dc-7", "sdc-ufds-m2s", turns)
    assert operator.on("my-dc-7", REPLICATOR)[1].split() == ["online"]
    assert operator.on("my-dc-7", ADMIN)[1] == ""
    log = "cat /zones/$(sdc-vmname ufds)/root/var/svc/log/smartdc-application-ufds-replicator:default.log"
    assert "invalid credentials" in operator.on("my-dc-7", log)[1]
    assert "ufds_is_master=true" in operator.on("my-dc-7", "cat /usbkey/config")[1]


def test_a_quote_in_the_password_breaks_the_json_after_the_deletion(operator: Operator) -> None:
    operator.answers("my-dc-8", "sdc-ufds-m2s", [*answers(password='a"b'), ("Waiting for SAPI", "\x03")])
    assert "400" in operator.on("my-dc-8", "cat /var/tmp/sapi.out")[1]
    assert operator.on("my-dc-8", METADATA.format("ufds_is_master"))[1] == "true\n"
    assert operator.on("my-dc-8", ADMIN)[1] == ""


def test_without_the_usb_key_it_ends_before_the_configuration(operator: Operator) -> None:
    operator.lab("fault", "usbkey-gone@my-dc-9")
    code, said = operator.answers("my-dc-9", "sdc-ufds-m2s", answers())
    assert code == 1
    assert "Updating config files\n" in said
    assert said.endswith("Error: unable to mount the USB stick\n")
    assert operator.on("my-dc-9", METADATA.format("ufds_remote_ip"))[1] == f"{MASTER}\n"
    assert "ufds_is_master=true" in operator.on("my-dc-9", "cat /usbkey/config")[1]


RECONCILE = "zlogin $(sdc-vmname ufds) {}/opt/smartdc/ufds/bin/ufds-reconcile-data"


def test_reconciling_again_changes_nothing_and_leaves_its_files(operator: Operator) -> None:
    """The first of the files holds the admin account's password in base64 (sdc-ufds:bin/ufds-reconcile-data replace_in_ldif)."""
    code, said = operator.on("my-dc-1", RECONCILE.format(""))
    assert (code, said.splitlines()[-2:]) == (0, ["Smoke-tested for the need to reconcile.  Everything should already",
                                                  "be in order.  If not, re-run with FORCE_RECONCILE=1."])  # fmt: skip
    code, said = operator.on("my-dc-1", RECONCILE.format("FORCE_RECONCILE=1 "))
    assert code == 0
    assert "Reconcile forced...\nReconciling local data\n" in said
    assert said.count("Already exists (68)") == 15
    files = "/zones/$(sdc-vmname ufds)/root/tmp"
    left = operator.on("my-dc-1", f"ls -A {files}; grep -c userpassword:: {files}/.bootstrap.ldif.in.0")[1]
    assert [each for each in left.split() if each != "cnt"] == [
        ".bootstrap.ldif.in.0",
        ".bootstrap_remote.ldif.in.1",
        "1",
    ]


def test_a_newer_schema_is_told_to_the_master(operator: Operator) -> None:
    version = (
        "sdc-ldap search -b 'cn=version, o=smartdc' -s base objectclass=version version | sed -n 's/^version: //p'"
    )
    before = int(operator.on("my-dc-2", version)[1])
    config = "/zones/$(sdc-vmname ufds)/root/opt/smartdc/ufds/etc/config.json"
    operator.on("my-dc-2", f'sed -i.bak \'s/"version": {before}/"version": {before + 1}/\' {config}')
    assert "Updating ufds version..." in operator.on("my-dc-2", RECONCILE.format(""))[1]
    assert int(operator.on("my-dc-2", version)[1]) == before + 1
