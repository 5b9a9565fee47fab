"""Chapter: access.  Find out why a head node does not answer, and get services of its zones to run."""

from __future__ import annotations

from evidence.headnode import CUT, FORWARDING, FROZEN, SESSIONS, ZLOGIN, Trouble
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.zone import Zone
from remediate import typed, usbkey
from remediate.actions.smf import Smf
from remediate.actions.vm import VmState
from remediate.lookup import headnode, service_step
from remediate.registry import Advised, remedy
from remediate.shell import quote, smf_log
from remediate.steps import DISRUPTIVE, OPERATOR, RESTARTS, SAFE, Note, Step, acting

_OURS = ("/smartdc/", "/manta/", "/ufds/", "zookeeper")


@remedy("headnode-answers")
def find_out_why_it_is_dark(datacenter: Datacenter) -> Advised:
    """Nothing can be typed on a head node that does not answer: the operator's own ssh says why."""
    yield _by_ssh(datacenter, "-v -o ConnectTimeout=10", "true")
    yield Note(
        "Host key verification failed: compare the key's fingerprint on the head node's console (ssh-keygen -lf "
        "/var/ssh/ssh_host_rsa_key.pub) before you change known_hosts. Permission denied: put your public key into "
        "root's authorized_keys there. Timed out or refused: look at its power, console and the network path."
    )


@remedy("headnode-can-be-used")
def make_it_usable(datacenter: Datacenter) -> Advised:
    """The steps depend on what was wrong with the head node. No service is restarted because of something that nobody saw."""
    for trouble in datacenter.troubles:
        yield from _USABLE[trouble.kind](datacenter, trouble)


def _allow_forwarding(datacenter: Datacenter, trouble: Trouble) -> Advised:
    yield _look(
        headnode(datacenter),
        "egrep -in 'AllowTcpForwarding|PermitOpen|DisableForwarding' /etc/ssh/sshd_config; "
        "egrep -n 'restrict|no-port-forwarding|permitopen' /root/.ssh/authorized_keys; true",
        "the lines that forbid forwarding",
    )
    yield Note(
        f"The checks reach the services of {datacenter.name} through its head node's SSH server ({trouble}). Set "
        "`AllowTcpForwarding yes` (`local` is enough) in that head node's sshd_config, and take out a PermitOpen that names "
        "not all of them; then `svcadm restart ssh` there. If the lines are in authorized_keys, change the options of your key."
    )


def _allow_sessions(datacenter: Datacenter, trouble: Trouble) -> Advised:
    lines = "egrep -in 'MaxSessions|ForceCommand' /etc/ssh/sshd_config; true"
    yield _look(headnode(datacenter), lines, "the lines that forbid sessions")
    yield Note(
        f"The checks need up to 10 sessions at once over one connection, which is MaxSessions' default ({trouble}). Set it in that "
        "head node's sshd_config, and `svcadm restart ssh` there."
    )


def _keep_the_connection(datacenter: Datacenter, trouble: Trouble) -> Advised:
    yield _by_ssh(datacenter, "-v -o ServerAliveInterval=5 -o ServerAliveCountMax=3", "sysinfo")
    yield Note(
        f"Of {datacenter.name} nothing was seen after {trouble.since}: {trouble}. Run the checks again. If it comes again, look at "
        "the head node's load and /var/log/authlog, and at firewalls on the way that end long or busy connections."
    )


def _get_into_zones(datacenter: Datacenter, trouble: Trouble) -> Advised:
    zones = "zoneadm list -cv; zlogin -Q $(sdc-vmname sapi) true"
    yield _look(headnode(datacenter), zones, "which zones run, and what zlogin says")
    yield Note(
        f"No zone of {datacenter.name} could be entered ({trouble}), so it is not known what runs in them: restart none of "
        "them for that. Look at the head node's memory, swap and processes, and at what zlogin says."
    )


_USABLE = {
    FORWARDING: _allow_forwarding,
    SESSIONS: _allow_sessions,
    CUT: _keep_the_connection,
    FROZEN: _keep_the_connection,
    ZLOGIN: _get_into_zones,
}


@remedy("headnode-is-the-right-one")
def find_out_what_it_is(datacenter: Datacenter) -> Advised:
    """The inventory or the operator's ssh configuration names another machine."""
    yield _by_ssh(datacenter, "", "sysinfo")
    inventory = datacenter.world.inventory.path or "region.yaml"
    yield Note(
        f'Look at "Datacenter Name" and "Boot Parameters".headnode in the answer. Then put right '
        f"datacenters.{datacenter.name}.headnode in {inventory}, or that host's entry in your ~/.ssh/config."
    )


def _by_ssh(datacenter: Datacenter, options: str, command: str) -> Step:
    words = ["ssh", *options.split(), typed.host(datacenter.declared.headnode), command]
    return _look(OPERATOR, " ".join(words), "what the checks ran into")


def _look(on: str, run: str, what: str) -> Step:
    return Step(on, run, SAFE, f"shows {what}; it changes nothing", applied_by_suite=False)


@remedy("usbkey-can-be-evaluated")
def write_what_the_shell_takes(datacenter: Datacenter) -> Advised:
    """Edit both copies with sed, because no tool of Triton works in this state. No value is printed, because it may be a secret."""
    yield from usbkey.mended(datacenter)


@remedy("clocks-agree")
def set_the_clock(datacenter: Datacenter) -> Advised:
    """Do what Triton's own setup does: stop ntp, step the clock once, start it again (sdc-headnode:scripts/joysetup.sh)."""
    yield Step(
        on=headnode(datacenter),
        run="date -u; svcs -x ntp; ntpq -pn",
        risk=SAFE,
        why="shows the time, and whether ntp has a server that it follows (a line that begins with *)",
        applied_by_suite=False,
    )
    yield Step(
        on=headnode(datacenter),
        run="servers=$(sed -n 's/^ntp_hosts=//p' /usbkey/config | tr -d \"'\\\"\" | tr ',' ' ')\n"
        "svcadm disable -s svc:/network/ntp:default\n"
        "ntpdate -b $servers\n"
        "svcadm enable -s svc:/network/ntp:default",
        risk=DISRUPTIVE,
        why="steps the clock of the whole node, its zones' too, to that of the servers which its configuration names",
        undo_note="none is needed",
        applied_by_suite=False,
    )


@remedy("services-run")
def get_the_services_up(zone: Zone) -> Advised:
    """Boot the zone, enable what is disabled, clear what is in maintenance (facts "SMF")."""
    on, vm = headnode(zone.datacenter), zone.vm
    uuid = typed.uuid(vm.uuid)
    if zone.evidence.leftover:
        yield Note(
            f"{zone.id} ({vm.uuid}) is {vm.state}, and SAPI has no instance of this uuid: an upgrade that broke leaves such a zone. "
            f"It is not to be started, for two would answer under one name. {zone.datacenter.name} has no other {zone.role} zone: "
            f"find out with sdcadm insts {zone.role} where the real one is."
        )
        return
    if vm.state != "running":
        yield acting(on, VmState(uuid), risk=RESTARTS, why=f"the zone is {vm.state}")
        return
    down = [s for s in zone.services if s.state != "online" and any(part in s.fmri for part in _OURS)]
    down += [s for s in zone.services if s.state not in ("online", "disabled") and s not in down]
    for service in sorted(down, key=lambda service: service.fmri):
        if service.fmri == REPLICATOR:
            continue
        tail = f"tail {quote(smf_log(service.fmri))}"  # quoted twice: zlogin hands it to a shell in the zone
        log = f"its log: zlogin {uuid} {quote(tail)}"
        if service.state == "maintenance":
            why = (
                f"it said {', '.join(service.said)}; if that still stands, it gives up again"
                if service.said
                else "read first why"
            )
            yield service_step(zone, "clear", f"SMF gave it up (maintenance): {why}; {log}", service.fmri)
        elif service.state == "disabled":
            action = Smf(vm.uuid, "enable", (service.fmri,))
            yield acting(on, action, risk=RESTARTS, why=f"somebody disabled it; {log}")
        else:
            yield Note(f"{service.fmri} is {service.state}: it waits for another service, or is just starting; {log}")
    if not down:
        yield Note(
            f"No service that svcs shows in {zone.id} is down, so one that the role needs is not there at all: see "
            f"observed. A zone without it must be provisioned again (sdcadm update {zone.role})."
        )
