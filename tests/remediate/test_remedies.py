"""Every check has a remedy, and each remedy fits the evidence, is quoted, and has no tracebacks."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from msgspec import structs

from evidence.accounts import Account
from evidence.headnode import BLANK, CUT, FORWARDING, FROZEN, SESSIONS, ZLOGIN, BadLines, Trouble
from evidence.model import (
    Attempt,
    Checkpoint,
    Configuration,
    Directory,
    DnsAnswer,
    FirewallRule,
    HealthcheckRow,
    HttpAnswer,
    Listing,
    Registered,
    SapiObject,
    Service,
)
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from fixtures.check import CHECKS
from remediate.plan import make_plan
from remediate.registry import advice_for, steps_for
from remediate.steps import DESTROYS, RESTARTS, SAFE, Step
from tests.judging import check_functions
from tests.remediate import synthetic as s

CLOUDAPI = "my-dc-3.cloudapi0--my-dc-2.ufds.636"
UFDS = "10.2.2.29/32"
ADMIN3 = s.LAB.datacenter("my-dc-3").network_uuid("admin")


def uuid(datacenter: str, role: str) -> str:
    return s.LAB.datacenter(datacenter).zone(role).uuid


def poseidon_twice(world: World) -> World:
    other = (Account("22222222-2222-4222-8222-222222222222", "poseidon"),)
    services = (Service("svc:/smartdc/application/ufds-replicator:default", "maintenance"),)
    return s.changed_zone(world, "my-dc-3", "ufds0", poseidons=s.fact(other), services=s.fact(services))


def link_down(world: World, datacenter: str, link: str, result: str = "timeout") -> World:
    return s.probed(world, datacenter, link, result)


def listed(world: World, datacenter: str) -> World:
    return s.changed_zone(world, datacenter, "cloudapi0", listing=s.fact(Listing({datacenter: "https://here"})))


def lists_resolvers(world: World, datacenter: str, *ips: str) -> World:
    lists = (Registered("my-dc", "my-dc-3", True, ips),)
    return s.changed_zone(world, datacenter, "ufds0", directory=s.fact(Directory(1, datacenters=lists)))


def with_service(world: World, state: str) -> World:
    services = (Service("svc:/smartdc/application/sapi:default", state),)
    return s.changed_zone(world, "my-dc-1", "sapi0", services=s.fact(services))


W = s.healthy()
BINDER_FILE = "/opt/smartdc/binder/etc/config.json"
STALE_BINDER = s.fact({BINDER_FILE: s.stale("recursion.regionName", '"edited"', '"my-dc"')})
IMGAPI3 = "my-dc-3.imgapi0"
MANTA3 = {"10.2.3.0/24": "10.3.1.1"}
TO_EVERYBODY = FirewallRule(
    "33333333-0000-4000-8000-000000000001", "FROM any TO tag smartdc_role ALLOW tcp PORT 636", True
)


def way_back_missing(world: World) -> World:
    return link_down(s.changed_zone(world, "my-dc-2", "ufds0", vm={"routes": {}}), "my-dc-3", CLOUDAPI)


def firewalled(world: World, *rules: FirewallRule, on: bool = True) -> World:
    return s.changed_zone(world, "my-dc-2", "ufds0", vm={"firewall_enabled": on}, rules=s.fact(rules))


CASES: dict[str, tuple[World, str, str]] = {
    "headnode-answers": (
        s.changed(W, "my-dc-1", ssh="timed out"),
        "my-dc-1",
        "ssh -v -o ConnectTimeout=10 root@10.1.2.2",
    ),
    "headnode-can-be-used": (
        s.changed(W, "my-dc-1", troubles=s.fact((Trouble(FORWARDING, "to 10.1.1.32:80"),))),
        "my-dc-1",
        "egrep -in 'AllowTcpForwarding|PermitOpen|DisableForwarding' /etc/ssh/sshd_config",
    ),
    "usbkey-can-be-evaluated": (
        s.changed(W, "my-dc-1", usbkey=s.fact(Configuration(bad=(BadLines(BLANK, (7,), ("mail_from",)),)))),
        "my-dc-1",
        "sed -e '/^ *mail_from=/{s/[[:blank:]]*$//",
    ),
    "headnode-is-the-right-one": (W, "my-dc-1", "ssh root@10.1.2.2 sysinfo"),
    "services-run": (
        with_service(W, "maintenance"),
        "my-dc-1.sapi0",
        f"svcadm -z {uuid('my-dc-1', 'sapi')} clear svc:",
    ),
    "region-name-agrees": (s.changed_metadata(W, "my-dc-1", region_name="GT"), "my-dc-1", '"region_name":"my-dc"'),
    "dns-domain-agrees": (
        s.changed_metadata(W, "my-dc-1", dns_domain="old", ufds_domain="ufds.my-dc-1.old"),
        "my-dc-1",
        '"ufds_domain":"ufds.my-dc-1.srv.example.com"',
    ),
    "rendered-config-is-current": (
        s.changed_zone(W, "my-dc-1", "binder0", files=STALE_BINDER),
        "my-dc-1.binder0",
        f"svcadm -z {uuid('my-dc-1', 'binder')} restart svc:/smartdc/application/config-agent:default",
    ),
    "ufds-reaches-master-ufds": (
        link_down(s.without_napi_routes(W, "my-dc-3", UFDS), "my-dc-3", "my-dc-3.ufds0--my-dc-2.ufds.636"),
        "my-dc-3.ufds0--my-dc-2.ufds.636",
        f'"{UFDS}":"10.3.1.1"',
    ),
    "cloudapi-reaches-master-ufds": (
        link_down(s.changed_zone(W, "my-dc-3", "cloudapi0", vm={"routes": {}}), "my-dc-3", CLOUDAPI),
        CLOUDAPI,
        f"vmadm update {uuid('my-dc-3', 'cloudapi')} <<<",
    ),
    "adminui-reaches-master-ufds": (
        link_down(
            s.changed_zone(W, "my-dc-1", "adminui0", vm={"routes": {}}), "my-dc-1", "my-dc-1.adminui0--my-dc-2.ufds.636"
        ),
        "my-dc-1.adminui0--my-dc-2.ufds.636",
        "svcadm enable -s svc:/smartdc/agent/net-agent:default",
    ),
    "sapi-reaches-master-moray": (
        link_down(
            s.without_napi_routes(W, "my-dc-1", "10.2.1.0/24"),
            "my-dc-1",
            "my-dc-1.sapi0--my-dc-2.moray.2020",
            "noroute",
        ),
        "my-dc-1.sapi0--my-dc-2.moray.2020",
        '"10.2.1.0/24":"10.1.1.1"',
    ),
    "binder-reaches-binder": (
        link_down(s.without_napi_routes(W, "my-dc-3", "10.1.1.0/24"), "my-dc-1", "my-dc-1.binder0--my-dc-3.binder0.53"),
        "my-dc-1.binder0--my-dc-3.binder0.53",
        f"""napi_change {ADMIN3} routes '{{}}' '+"10.1.1.0/24":"10.3.1.1"'""",
    ),
    "routes-go-both-ways": (
        way_back_missing(W),
        "my-dc-2.ufds0",
        f'vmadm update {uuid("my-dc-2", "ufds")} <<< \'{{"set_routes":{{"10.3.1.0/24":"10.2.1.1"}}}}\'',
    ),
    "routes-are-durable": (
        s.changed_zone(W, "my-dc-3", "imgapi0", vm={"routes": MANTA3}),
        IMGAPI3,
        '"10.2.3.0/24":"10.3.1.1"',
    ),
    "triton-zones-have-manta-routes": (W, IMGAPI3, '"10.1.3.0/24":"10.3.1.1"'),
    "headnode-reaches-master-ufds": (
        link_down(W, "my-dc-3", "my-dc-3.global--my-dc-2.ufds.636"),
        "my-dc-3.global--my-dc-2.ufds.636",
        "route add 10.2.2.29/32 10.3.1.1",
    ),
    "firewall-lets-peers-in": (
        firewalled(link_down(W, "my-dc-3", CLOUDAPI)),
        "my-dc-2.ufds0",
        '"rule":"FROM subnet 10.3.1.0/24 TO tag \\"smartdc_role\\" = \\"ufds\\" ALLOW tcp PORT 636"',
    ),
    "ufds-is-not-open": (
        firewalled(W, TO_EVERYBODY, on=False),
        "my-dc-2",
        f"vmadm update {uuid('my-dc-2', 'ufds')} <<< '{{\"firewall_enabled\":true}}'\n"
        f"sdc-fwapi /rules/{TO_EVERYBODY.uuid} -X PUT -d '{{\"enabled\":false}}'",
    ),
    "binder-region-agrees": (W, "my-dc-1.binder0", "svc:/manta/application/binder:default"),
    "binder-names-its-own-datacenter": (
        s.changed_metadata(W, "my-dc-1", datacenter_name="my-dc-2"),
        "my-dc-1.binder0",
        '"datacenter_name":"my-dc-1"',
    ),
    "binder-answers-own-names": (
        s.changed_zone(W, "my-dc-1", "binder0", names=s.fact({"ufds.my-dc-1.srv.example.com": DnsAnswer("SERVFAIL")})),
        "my-dc-1.binder0",
        "svc:/smartdc/application/zookeeper:default\nsvcadm",
    ),
    "ufds-answers": (
        s.changed_zone(W, "my-dc-1", "ufds0", bind=s.fact(Attempt(ok=False, detail="result 49 invalid credentials"))),
        "my-dc-1.ufds0",
        "config-agent",
    ),
    "one-ufds-master": (
        s.changed_metadata(W, "my-dc-1", ufds_is_master="true"),
        "coupling",
        '"ufds_is_master":"false"',
    ),
    "replica-points-at-master": (
        s.changed_metadata(W, "my-dc-3", ufds_remote_ip="10.1.2.29"),
        "my-dc-3",
        '"ufds_remote_ip":"10.2.2.29"',
    ),
    "one-poseidon": (poseidon_twice(W), "coupling", "while read -r dn; do sdc-ldap delete"),
    "cloudapi-answers": (
        s.changed_zone(W, "my-dc-1", "cloudapi0", ping=s.fact(HttpAnswer(503))),
        "my-dc-1.cloudapi0",
        "'svc:/smartdc/application/cloudapi:*'",
    ),
    "cloudapi-knows-the-master": (
        s.changed_service(W, "my-dc-3", "cloudapi", ufds_remote_ip=""),
        "my-dc-3.cloudapi0",
        '{"action":"delete","metadata":{"ufds_remote_ip":""}}',
    ),
    "cloudapi-lists-every-datacenter": (
        s.changed_service(
            listed(W, "my-dc-3"), "my-dc-3", "cloudapi", CLOUDAPI_DATACENTERS='{"my-dc-3":"https://here"}'
        ),
        "my-dc-3",
        shlex.quote(
            '\\"my-dc-2\\": \\"https://cloudapi.my-dc-2.srv.example.com\\", \\"my-dc-3\\": \\"https://here\\"}"}}'
        )[1:],
    ),
    "cloudapi-is-not-in-maintenance": (W, "my-dc-3", '"DC_MAINT_ETA":"","DC_MAINT_MESSAGE":""'),
    "binder-is-listed-as-resolver": (
        lists_resolvers(lists_resolvers(W, "my-dc-2", "10.3.1.11", "10.3.1.111"), "my-dc-1", "10.3.1.11"),
        "my-dc-1",
        "'dn: ip=10.3.1.111, network=admin, datacenter=my-dc-3, region=my-dc, o=smartdc' 'objectclass: resolver'",
    ),
    "binder-has-read-its-resolvers": (W, "my-dc-1.binder0", "restart svc:/manta/application/binder:default"),
    "binder-answers-other-datacenters": (
        s.changed_zone(W, "my-dc-1", "binder0", elsewhere=s.fact({"my-dc-3": {"ufds": DnsAnswer("REFUSED", (), 9)}})),
        "my-dc-1.binder0--my-dc-3.binder.53",
        "restart svc:/manta/application/binder:default",
    ),
    "adminui-answers": (
        s.changed_zone(W, "my-dc-1", "adminui0", ping=s.fact(HttpAnswer(0, error="timed out"))),
        "my-dc-1.adminui0",
        "restart svc:/smartdc/application/adminui:default",
    ),
    "sapi-answers": (
        s.changed_zone(W, "my-dc-1", "sapi0", ping=s.fact(HttpAnswer(500, {"storAvailable": False}))),
        "my-dc-1.sapi0",
        "'svc:/smartdc/application/moray:*'",
    ),
    "sapi-points-at-master-moray": (
        s.changed_service(W, "my-dc-1", "sapi", MASTER_MORAY_IP=None),
        "my-dc-1",
        '{"MASTER_MORAY_IP":"moray.my-dc-2.srv.example.com","MASTER_MORAY_PORT":"2020"}}\' | sapiadm update ',
    ),
    "sapi-master-points-at-nobody": (
        s.changed_service(W, "my-dc-2", "sapi", MASTER_MORAY_IP="moray.my-dc-2.srv.example.com"),
        "my-dc-2",
        '{"MASTER_MORAY_IP":"","MASTER_MORAY_PORT":""}',
    ),
    "core-services-are-healthy": (
        s.changed(W, "my-dc-1", healthcheck=s.fact((HealthcheckRow("cloudapi", "running", "error"),))),
        "my-dc-1.cloudapi0",
        "svc:/smartdc/application/cloudapi:*",
    ),
}


def commands(steps: tuple[Step, ...]) -> str:
    return "\n".join(step.run for step in steps)


def test_every_case_is_of_a_check() -> None:
    check_functions()
    assert set(CASES) <= set(CHECKS)


@pytest.mark.parametrize("check", sorted(CASES))
def test_remedy_gives_the_command(check: str) -> None:
    check_functions()
    world, subject, command = CASES[check]
    advice = advice_for(s.cause(check, subject), world)
    assert command in commands(advice.steps)
    assert not [note for note in advice.notes if "broke" in note or note.startswith("Not known")]
    for step in advice.steps:
        assert step.proof, step
        assert {proof.partition("[")[0] for proof in step.proof} <= CHECKS.keys()
        for text in filter(None, (step.run, step.undo)):
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("check", sorted(CASES))
def test_a_dark_datacenter_gives_notes_and_no_traceback(check: str) -> None:
    world, subject, _ = CASES[check]
    for name in world.inventory.datacenters:
        dark = dict.fromkeys(
            ("zones", "applications", "services", "networks", "usbkey", "check_health", "healthcheck"), "dark"
        )
        world = s.changed(world, name, **dark)
    advice = advice_for(s.cause(check, subject), world)
    assert advice.steps or advice.notes
    assert not [note for note in advice.notes if "broke" in note]


def change(command: str) -> list[str]:
    """The words of the call at the end of a command for NAPI."""
    return shlex.split(command.splitlines()[-1])


def test_napi_is_told_of_the_new_route_alone_and_the_undo_takes_it_back_alone() -> None:
    world, subject, _ = CASES["ufds-reaches-master-ufds"]
    step = steps_for(s.cause("ufds-reaches-master-ufds", subject), world)[0]
    assert change(step.run) == ["napi_change", ADMIN3, "routes", "{}", f'+"{UFDS}":"10.3.1.1"']
    assert change(step.undo) == ["napi_change", ADMIN3, "routes", "{}", f'-"{UFDS}":"10.3.1.1"']
    assert "10.1.1.0/24" not in step.run + step.undo
    assert '-H "if-match: $etag"' in step.run
    assert "binder0, cloudapi0" in step.why


def test_a_router_that_nobody_uses_is_not_guessed() -> None:
    routes = {key for network in W.datacenter("my-dc-3").networks.values() for key in network.routes}
    seen = W.datacenter("my-dc-3").evidence.links
    world = s.changed(W, "my-dc-3", links={name: fact for name, fact in seen.items() if ".global--" not in name})
    world = s.without_napi_routes(world, "my-dc-3", UFDS, *routes)
    advice = advice_for(s.cause("cloudapi-reaches-master-ufds", CLOUDAPI), world)
    assert '"10.2.2.29/32":"ROUTER"' in advice.steps[0].run
    assert "type it for ROUTER" in advice.steps[0].why
    assert not advice.steps[0].applied_by_suite


def test_a_missing_return_route_is_set_at_the_target() -> None:
    world = s.without_napi_routes(W, "my-dc-2", "10.3.1.0/24")
    world = s.probed(world, "my-dc-3", CLOUDAPI, "timeout")
    (step,) = steps_for(s.cause("cloudapi-reaches-master-ufds", CLOUDAPI), world)
    assert step.on == "my-dc-2.global"
    assert '"10.3.1.0/24":"10.2.1.1"' in step.run


def test_routes_on_both_sides_leave_the_network_to_its_owners() -> None:
    advice = advice_for(s.cause("cloudapi-reaches-master-ufds", CLOUDAPI), s.probed(W, "my-dc-3", CLOUDAPI, "timeout"))
    assert not advice.steps
    assert "10.3.1.35 must reach 10.2.2.29 by way of 10.3.1.1 on port 636" in advice.notes[0]


def test_the_wrong_poseidon_is_never_deleted_by_the_suite() -> None:
    world, subject, _ = CASES["one-poseidon"]
    steps = steps_for(s.cause("one-poseidon", subject), world)
    assert [step.on for step in steps] == ["my-dc-3.global"] * 3
    assert [step.risk for step in steps].count(DESTROYS) == 1
    assert not any(step.applied_by_suite for step in steps)


def test_a_wrong_poseidon_is_no_operator_any_more_and_the_master_gets_one_afterwards() -> None:
    wrong = "22222222-2222-4222-8222-222222222222"
    world = s.changed_zone(poseidon_twice(W), "my-dc-3", "ufds0", directory=s.fact(Directory(1, operators=(wrong,))))
    world = s.changed_zone(world, "my-dc-2", "ufds0", poseidons=s.fact(()))
    lost = advice_for(
        s.cause("one-poseidon", "coupling"), s.changed_zone(world, "my-dc-3", "ufds0", poseidons=s.POSEIDONS)
    )
    assert lost.steps == ()
    assert "which has lost it" in lost.notes[0]
    world = s.changed_zone(world, "my-dc-1", "ufds0", poseidons=s.fact(()))
    advice = advice_for(s.cause("one-poseidon", "coupling"), world)
    assert [step.risk for step in advice.steps] == [SAFE, SAFE, DESTROYS, RESTARTS]
    assert f"delete: uniquemember' 'uniquemember: uuid={wrong}, ou=users, o=smartdc" in advice.steps[1].run
    assert "run manta-init there first" in advice.notes[-1]


def test_what_manta_init_made_at_the_master_from_a_replica_goes_with_its_account() -> None:
    """The application is the wrong account's, and no network of the master is: else the master would have lost its poseidon."""
    wrong = "22222222-2222-4222-8222-222222222222"
    world = s.changed_zone(poseidon_twice(W), "my-dc-2", "ufds0", poseidons=s.fact(()))
    world = s.changed_zone(world, "my-dc-1", "ufds0", poseidons=s.fact(()))
    made = SapiObject("33333333-3333-4333-8333-333333333333", "manta", owner_uuid=wrong)
    world = s.changed(world, "my-dc-2", manta_applications=s.fact((made,)))
    steps = steps_for(s.cause("one-poseidon", "coupling"), world)
    assert steps[0].on == "my-dc-2.global"
    assert f"app={made.uuid}" in steps[0].run
    assert [step.on for step in steps[1:]] == ["my-dc-3.global"] * 3
    assert not any(step.applied_by_suite for step in steps if step.risk == DESTROYS)
    held = {name: structs.replace(net, owner_uuids=(wrong,)) for name, net in world.master.networks.items()}
    lost = advice_for(s.cause("one-poseidon", "coupling"), s.changed(world, "my-dc-2", networks=s.fact(held)))
    assert not [step for step in lost.steps if step.risk == DESTROYS]
    assert "which has lost it" in lost.notes[0]


@pytest.mark.parametrize("admin", [s.POSEIDON, ADMIN_UUID])
def test_a_poseidon_with_admins_uuid_is_never_deleted(admin: str) -> None:
    world = s.changed_metadata(poseidon_twice(W), "my-dc-1", ufds_admin_uuid=s.POSEIDON)
    account = Account(admin.upper(), "poseidon")
    world = s.changed_zone(world, "my-dc-2", "ufds0", poseidons=s.fact(()))
    world = s.changed_zone(world, "my-dc-1", "ufds0", poseidons=s.fact(()))
    world = s.changed_zone(world, "my-dc-3", "ufds0", poseidons=s.fact((account,)))
    advice = advice_for(s.cause("one-poseidon", "coupling"), world)
    assert not [step for step in advice.steps if step.risk == DESTROYS]
    assert "No step deletes it" in advice.notes[0]


def test_region_is_set_on_the_usb_key_only_where_it_differs() -> None:
    world, subject, _ = CASES["region-name-agrees"]
    assert "usbkey" not in commands(steps_for(s.cause("region-name-agrees", subject), world))
    usbkey = s.fact(world.datacenter("my-dc-1").sdc_metadata)
    world = s.changed(world, "my-dc-1", usbkey=usbkey)
    assert "sdc-usbkey mount" in commands(steps_for(s.cause("region-name-agrees", subject), world))


def test_a_second_master_that_was_never_coupled_is_not_coupled() -> None:
    """sdc-ufds-m2s deletes first, so it is in no plan for a datacenter that the inventory does not call a candidate."""
    world = s.changed_metadata(W, "my-dc-1", ufds_is_master="true", ufds_remote_ip=None)
    world = s.changed_zone(world, "my-dc-1", "ufds0", directory=s.fact(Directory(100, admin=True)))
    advice = advice_for(s.cause("one-ufds-master", "coupling"), world)
    assert advice.steps == ()
    assert "no checkpoint at all" in advice.notes[0]


def test_an_address_is_set_only_where_a_checkpoint_for_it_is_there() -> None:
    """A checkpoint belongs to its url. With another address the replicator begins at 0 with a full directory, and gives up."""
    world = s.changed_metadata(W, "my-dc-3", ufds_remote_ip="10.1.2.29")
    checkpoint = Checkpoint("ldaps://192.0.2.29", 90, (), "uid=x, cn=replicator, datacenter=my-dc-3, o=smartdc")
    world = s.changed_zone(
        world, "my-dc-3", "ufds0", directory=s.fact(Directory(100, admin=True, checkpoints=(checkpoint,)))
    )
    advice = advice_for(s.cause("replica-points-at-master", "my-dc-3"), world)
    assert advice.steps == ()
    assert "begins at change 0" in advice.notes[0]
    assert "ldaps://192.0.2.29" in advice.notes[0]


def test_hostile_values_stay_quoted_and_printable() -> None:
    hostile = "x'; rm -rf / #\x1b[2J\n\u202e"
    world = s.changed_metadata(W, "my-dc-1", region_name=hostile)
    for step in steps_for(s.cause("region-name-agrees", "my-dc-1"), world):
        for text in (step.run, step.undo):
            assert "\x1b" not in text
            assert "\u202e" not in text
    undo = steps_for(s.cause("region-name-agrees", "my-dc-1"), world)[0].undo
    seen = subprocess.run(["bash", "-c", f"sapiadm() {{ cat; }}; {undo}"], text=True, check=True, capture_output=True)
    assert json.loads(seen.stdout)["metadata"]["region_name"] == hostile


def test_an_unknown_subject_or_check_is_a_sentence() -> None:
    assert "not in the stored evidence" in advice_for(s.cause("services-run", "my-dc-9.sapi0"), W).notes[0]
    assert "There is no remedy" in advice_for(s.cause("no-such-check", "my-dc-1"), W).notes[0]


def test_a_step_that_destroys_data_cannot_be_applied_by_the_suite() -> None:
    with pytest.raises(ValueError, match="never applied"):
        Step("my-dc-1.global", "true", DESTROYS, "why")


def test_a_plan_says_no_route_twice() -> None:
    world = s.without_napi_routes(W, "my-dc-3", UFDS, "10.2.1.0/24")
    ufds = "my-dc-3.ufds0--my-dc-2.ufds.636"
    moray = "my-dc-3.sapi0--my-dc-2.moray.2020"
    causes = [
        s.cause("cloudapi-reaches-master-ufds", CLOUDAPI),
        s.cause("sapi-reaches-master-moray", moray),
        s.cause("ufds-reaches-master-ufds", ufds),
    ]
    first, second, third = make_plan(causes, world).entries
    one, two = (change(entry.steps[0].step.run)[4:] for entry in (first, second))
    assert (one, two) == ([f'+"{UFDS}":"10.3.1.1"'], ['+"10.2.1.0/24":"10.3.1.1"'])
    assert change(second.steps[0].step.undo)[4:] == ['-"10.2.1.0/24":"10.3.1.1"']
    assert not third.steps
    assert third.notes[0].startswith(f"The plan has this already, for cloudapi-reaches-master-ufds[{CLOUDAPI}]: route ")


def test_an_open_ufds_is_closed_only_after_its_peers_were_let_in() -> None:
    world, subject, _ = CASES["ufds-is-not-open"]
    steps = steps_for(s.cause("ufds-is-not-open", subject), world)
    assert ["POST" in steps[0].run, "firewall_enabled" in steps[1].run, "PUT" in steps[2].run] == [True] * 3
    assert "(subnet 10.1.1.0/24 OR subnet 10.3.1.0/24)" in steps[0].run


def test_a_ufds_without_an_outer_address_does_not_hide_the_next_one() -> None:
    world, subject, _ = CASES["ufds-is-not-open"]
    zones = world.datacenter("my-dc-2").evidence.zones.get()
    inner = tuple(nic for nic in zones["ufds0"].vm.nics if nic.nic_tag == "admin")
    first = structs.replace(zones["ufds0"], vm=structs.replace(zones["ufds0"].vm, nics=inner))
    world = s.changed(world, "my-dc-2", zones=s.fact(zones | {"ufds0": first, "ufds1": zones["ufds0"]}))
    assert any("firewall_enabled" in step.run for step in steps_for(s.cause("ufds-is-not-open", subject), world))


@pytest.mark.parametrize("other", ["adminui", "vmapi"])
def test_what_the_health_commands_say_of_others_is_not_told_of_this_one(other: str) -> None:
    rows = (HealthcheckRow("napi", "running", "online"), HealthcheckRow(other, "running", "error"))
    world = s.changed(W, "my-dc-3", healthcheck=s.fact(rows))
    assert "They said: no reason." in advice_for(s.cause("core-services-are-healthy", "my-dc-3.napi0"), world).notes[0]


def test_overlapping_networks_are_told_and_not_renumbered() -> None:
    advice = advice_for(s.cause("networks-do-not-overlap", "coupling"), W)
    assert not advice.steps
    assert "install that datacenter again" in advice.notes[0]


@pytest.mark.parametrize("kind", [FORWARDING, SESSIONS, CUT, FROZEN, ZLOGIN])
def test_what_nobody_saw_is_never_restarted(kind: str) -> None:
    """Nothing is known of a head node that cannot be used, so the plan only looks."""
    trouble = Trouble(kind, "what it said", "2026-01-01T00:00:00Z", 7)
    world = s.changed(W, "my-dc-1", troubles=s.fact((trouble,)))
    advice = advice_for(s.cause("headnode-can-be-used", "my-dc-1"), world)
    assert [step.risk for step in advice.steps] == [SAFE]
    (note,) = advice.notes
    assert "broke" not in note.partition("(")[0]
    assert str(trouble) in note
    assert ("after 7 answers" in note) == (kind in (CUT, FROZEN))


def test_an_address_to_follow_that_is_no_text_becomes_the_masters() -> None:
    world = s.changed_metadata(W, "my-dc-3", ufds_remote_ip=["10.2.2.29"])
    steps = advice_for(s.cause("settings-have-their-form", "my-dc-3"), world).steps
    assert '"ufds_remote_ip":"10.2.2.29"' in "".join(step.run for step in steps)
