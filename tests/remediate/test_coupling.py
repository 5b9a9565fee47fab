"""The steps before a coupling: real values, nothing that the suite would destroy, no traceback without evidence."""

from __future__ import annotations

import subprocess

import pytest
from msgspec.structs import replace

from evidence.accounts import Account, Accounts, Collision, Collisions
from evidence.headnode import Clock, CouplingTools, Instance, UsbKey
from evidence.model import HttpAnswer, Service
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from remediate.registry import advice_for
from remediate.steps import DESTROYS
from tests.remediate import synthetic as s
from tests.remediate.candidate import LATE, with_candidate

READY = with_candidate()
DC = "my-dc-3"
UFDS = s.LAB.datacenter(DC).zone("ufds").uuid
HANS = Account("99999999-0000-4000-8000-000000000001", "hans")
ALICE = Account("99999999-0000-4000-8000-000000000002", "alice")
AGENT = Service("svc:/smartdc/application/config-agent:default", "disabled")
OTHER_ADMIN = "dddddddd-0000-4000-8000-00000000000d"
LATER = s.fact((Instance("sapi", version=LATE), Instance("ufds", version=LATE)))


def in_ufds(**facts: object) -> World:
    return s.changed_zone(READY, DC, "ufds0", **facts)


LEFT = s.fact(("/tmp/fixufds", f"/zones/{UFDS}/root/tmp/cnt", "/var/tmp/restore.ldif"))
COLLIDES = s.fact(Collisions(1, (Collision(ALICE, ("login",)),)))
CASES: dict[str, tuple[World, str]] = {
    "candidate-is-not-coupled-yet": (
        s.changed_metadata(READY, DC, ufds_is_master="false", ufds_remote_ip="10.2.2.29"),
        '{"action":"delete","metadata":{"ufds_remote_ip":"","ufds_remote_ldap_root_pw":""}}',
    ),
    "candidate-has-no-accounts-to-lose": (
        in_ufds(accounts=s.fact(Accounts(2, (ALICE, HANS))), collisions=COLLIDES),
        f"for base in 'uuid={HANS.uuid}, ou=users, o=smartdc'; do",
    ),
    "candidate-collides-with-nothing": (in_ufds(collisions=COLLIDES), f"for base in 'uuid={ALICE.uuid}, ou=users, o=smartdc'; do"),
    "candidate-ufds-has-a-routable-nic": (READY, f"/usbkey/scripts/add_external_nic.sh {UFDS}"),
    "candidate-knows-the-password": (
        s.changed(
            READY,
            DC,
            m2s_asks_password=s.fact(False),
            applications=s.fact(
                {
                    name: replace(each, metadata=replace(each.metadata, fingerprints={"ufds_ldap_root_pw": "x"}))
                    for name, each in READY.datacenter(DC).evidence.applications.get().items()
                }
            ),
        ),
        "sdcadm experimental update-gz-tools --latest",
    ),
    "candidate-tools-can-couple": (
        s.changed(READY, DC, coupling_tools=s.fact(CouplingTools(takes_addresses=False, reconcile_has_password=False))),
        "sdcadm experimental update-gz-tools --latest\nsdcadm update -y ufds",
    ),
    "candidate-config-agent-runs": (in_ufds(services=s.fact((AGENT,))), f"svcadm -z {UFDS} enable -s svc:"),
    "versions-agree": (s.changed(READY, "my-dc-2", instances=LATER), "sdcadm update -y sapi"),
    "no-password-left-behind": (s.changed(READY, DC, leftovers=LEFT), f"rm -f /tmp/fixufds /zones/{UFDS}/root/tmp/cnt"),
    "admin-uuid-agrees": (
        s.changed_metadata(READY, DC, ufds_admin_uuid=OTHER_ADMIN),
        '"ufds_admin_uuid":"930896af-bf8c-48d4-885c-6573a94b1853"',
    ),
    "usbkey-agrees-with-sapi": (s.changed_metadata(READY, DC, dns_domain="other.example.com"), "dns_domain=other.example.com"),
    "sapi-is-in-full-mode": (
        s.changed_zone(READY, DC, "sapi0", ping=s.fact(HttpAnswer(200, {"mode": "proto"}))),
        "sdc-sapi '/mode?mode=full' -X POST",
    ),
    "clocks-agree": (s.changed(READY, DC, clock=s.fact(Clock(900, 901))), "ntpdate -b $servers"),
}  # fmt: skip


@pytest.mark.parametrize("check", sorted(CASES))
def test_remedy_gives_the_command(check: str) -> None:
    world, command = CASES[check]
    advice = advice_for(s.cause(check, DC), world)
    assert command in "\n".join(step.run for step in advice.steps)
    assert not [note for note in advice.notes if "broke" in note or note.startswith("Not known")]
    for step in advice.steps:
        assert step.proof == (f"{check}[{DC}]",)
        assert step.risk != DESTROYS or not step.applied_by_suite
        for text in filter(None, (step.run, step.undo)):
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("check", sorted(CASES))
def test_a_dark_datacenter_gives_notes_and_no_traceback(check: str) -> None:
    world = READY
    for name in world.inventory.datacenters:
        asked = ("zones", "applications", "services", "usbkey", "clock", "leftovers", "instances", "m2s_asks_password")
        world = s.changed(world, name, **dict.fromkeys(asked, "dark"))
    advice = advice_for(s.cause(check, DC), world)
    assert advice.steps or advice.notes
    assert not [note for note in advice.notes if "broke" in note]


def test_what_no_command_can_do_is_said() -> None:
    gone = s.changed(READY, DC, usbkey_mount=s.fact(UsbKey("not mounted", ok=False)))
    (note,) = advice_for(s.cause("candidate-usbkey-mounts", DC), gone).notes
    assert "no command does this" in note


def test_only_the_ldif_files_are_kept_from_the_suite() -> None:
    steps = advice_for(s.cause("no-password-left-behind", DC), CASES["no-password-left-behind"][0]).steps
    assert [(step.risk == DESTROYS, "ldif" in step.run) for step in steps] == [
        (False, False), (False, True), (True, True),
    ]  # fmt: skip
    assert not steps[1].applied_by_suite


@pytest.mark.parametrize(
    "admin",
    [
        Account("12345678-0000-4000-8000-000000000001", "admin"),
        Account("12345678-0000-4000-8000-000000000001", "ADMIN"),
        Account(ADMIN_UUID, "hans"),
        Account(ADMIN_UUID.upper(), "hans"),
        Account(OTHER_ADMIN, "hans"),
        Account(OTHER_ADMIN.upper(), "hans"),
    ],
    ids=lambda one: f"{one.login}-{one.uuid[:8]}",
)
@pytest.mark.parametrize("whose", [DC, "my-dc-2"])
@pytest.mark.parametrize("check", ["candidate-has-no-accounts-to-lose", "candidate-collides-with-nothing"])
def test_admin_is_in_no_deletion(check: str, whose: str, admin: Account) -> None:
    both = (admin, ALICE)
    world = in_ufds(
        accounts=s.fact(Accounts(2, both if check != "candidate-collides-with-nothing" else ())),
        collisions=s.fact(
            Collisions(2, tuple(Collision(one, ("login",)) for one in both))
            if check == "candidate-collides-with-nothing"
            else Collisions(0)
        ),
    )
    world = s.changed_metadata(world, whose, ufds_admin_uuid=OTHER_ADMIN)
    advice = advice_for(s.cause(check, DC), world)
    (gone,) = (step for step in advice.steps if step.risk == DESTROYS)
    assert ALICE.uuid in gone.run
    assert admin.uuid not in gone.run
    assert [note for note in advice.notes if f"({admin.uuid}) is admin. It stays" in note]


def test_before_m2s_is_started_once_more_what_the_first_saved_is_kept() -> None:
    world = s.changed_metadata(s.changed(READY, DC, leftovers=LEFT), DC, ufds_is_master="false")
    first = advice_for(s.cause("candidate-is-not-coupled-yet", DC), world).steps[0]
    assert "for file in /var/tmp/restore.ldif; do" in first.run
    assert "/var/az-copies/" in first.run


def test_an_account_without_a_uuid_costs_the_others_nothing() -> None:
    bad = Account("$(reboot)\x1b", "mallory")
    world = in_ufds(accounts=s.fact(Accounts(2, (bad, HANS))))
    advice = advice_for(s.cause("candidate-has-no-accounts-to-lose", DC), world)
    assert HANS.uuid in advice.steps[1].run
    assert "reboot" not in "".join(step.run for step in advice.steps)
    (note,) = (note for note in advice.notes if "reboot" in note)
    assert note.startswith("No command is given here: '$(reboot)\\x1b' is no uuid (from my-dc-3).")
