"""The lab that runs: builds everything of a plan, keeps it, plants faults, and runs the operator's command in it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import pathlib
import shlex
import shutil
import signal
import sys
from collections.abc import Awaitable, Sequence
from typing import Any

import asyncssh

from lab import (
    commands,
    control,
    data,
    faults,
    firewall,
    greeting,
    kinds,
    manta,
    net,
    plan,
    resolve,
    roots,
    settling,
    tls,
)
from lab.machine import Machine, Site
from lab.sapi import Sapi
from lab.services import Builder, Collaborators
from lab.sshd import SshServer
from lab.ufds.client import UfdsProcess

log = logging.getLogger("lab")
FACTOR = 0.01
OPERATOR_ROOT = roots.RUN / "operator"
CONTROL_SOCKET = roots.RUN / "control"
FAILED = 3


class Lab:
    """Everything that exists in a running lab."""

    def __init__(self, the_plan: plan.Plan) -> None:
        self.plan = the_plan
        self.clock = kinds.Clock(FACTOR)
        self.sites: dict[str, Site] = {}
        self.shared: dict[str, Collaborators] = {}
        self.ssh: dict[str, SshServer] = {}
        self.ufds = UfdsProcess(self._ufds_event)
        self._machines: dict[str, tuple[Site, Machine]] = {}
        self._changing = asyncio.Lock()
        self._servers: list[Any] = []
        self._builders: dict[str, Builder] = {}
        self._undo: dict[tuple[str, str], faults.Undo] = {}

    def find(self, zone: str) -> tuple[Site, Machine]:
        """A machine and its site by the zone's id."""
        return self._machines[zone]

    def root_password(self, site: Site) -> str:
        """What the datacenter's SAPI says: from there every tool has it."""
        return str(self.sdc(site.datacenter.name)["metadata"].get("ufds_ldap_root_pw", ""))

    def sdc(self, datacenter: str) -> dict[str, Any]:
        """SAPI application `sdc` of a datacenter, as stored."""
        bucket = self.shared[datacenter].store.bucket("applications")
        return bucket[data.application_uuid(self.plan.datacenter(datacenter))]

    def sdc_service(self, site: Site, role: str) -> dict[str, Any]:
        """SAPI service of a datacenter's application `sdc`, as stored."""
        bucket = self.shared[site.datacenter.name].store.bucket("services")
        return bucket[data.service_uuid(site.datacenter, role)]

    def _ufds_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "replicator-exited":
            services = self.sites[event["name"]].zones["ufds0"].services
            task = asyncio.get_running_loop().create_task(services.get(plan.REPLICATOR).fail("exited"))
            self.shared[event["name"]].tasks.add(task)

    # ---- building

    async def build(self) -> None:
        """Everything runs when this returns."""
        process = asyncio.create_task(self._start_ufds())
        net.build(self.plan, firewall.initial(self.plan))
        roots.make_shared()
        certificate = tls.make_certificate(roots.RUN / "tls")
        for datacenter in self.plan.datacenters:
            self._make_site(datacenter)
        extra = []
        context = tls.server_context(*certificate)
        for name, site in self.sites.items():
            self.shared[name] = Collaborators(self.plan, site.datacenter)
            self._builders[name] = Builder(site, self.shared[name], self.ufds, context, certificate)
            extra += self._builders[name].build()
            self._render(site)
        await process
        await asyncio.gather(*(server.start() for server in extra), *self._start_ssh())
        commands.load()
        self._servers.append(await asyncio.start_unix_server(self._stub, roots.SHARED / "socket"))
        self._servers.append(await asyncio.start_unix_server(self._control, CONTROL_SOCKET))
        await self._start_services()
        if self.plan.manta:
            await manta.deploy(self)
        self._make_operator()

    def add_machine(self, site: Site, machine: Machine) -> None:
        """A zone that comes while the lab runs: it is found by its names, and has its services, none of them started."""
        site.zones[machine.zone.alias] = machine
        self._machines[machine.zone.id] = (site, machine)
        self._builders[site.datacenter.name].zone(machine)

    async def import_replicator(self, site: Site, machine: Machine) -> None:
        """`svccfg import` of ufds-replicator's manifest, which enables it; what is known already stays."""
        if not machine.services.matching(plan.REPLICATOR):
            await self._builders[site.datacenter.name].replicator(machine).enable()

    async def _start_ufds(self) -> None:
        await self.ufds.start()
        await self.ufds.seed(self.plan)

    def _make_site(self, datacenter: plan.Datacenter) -> None:
        root = roots.RUN / "dc" / datacenter.name
        zone_roots = roots.make_headnode(datacenter, root)
        headnode = Machine(datacenter.headnode, datacenter, root, self.clock)
        zones = {zone.alias: Machine(zone, datacenter, zone_roots[zone.alias], self.clock) for zone in datacenter.zones}
        site = self.sites[datacenter.name] = Site(datacenter, headnode, zones)
        for machine in site.machines:
            self._machines[machine.zone.id] = (site, machine)
            machine.add_routes(data.healthy_routes(self.plan, datacenter))
        for path in ("usbkey/config", "mnt/usbkey/config"):
            (root / path).write_text(data.usbkey_config(self.plan, datacenter), encoding="utf-8")

    def _render(self, site: Site) -> None:
        """The files as config-agent left them at the last change: no restart follows."""
        objects = data.sapi_objects(self.plan, site.datacenter)
        by_uuid = {value["uuid"]: value for kind in objects.values() for value in kind}
        for agent in self.shared[site.datacenter.name].config_agents:
            instance = by_uuid[agent.machine.zone.uuid]
            service = by_uuid[instance["service_uuid"]]
            application = by_uuid[service["application_uuid"]]
            metadata = application["metadata"] | service["metadata"] | instance["metadata"]
            refs = {**application["manifests"], **service["manifests"]}
            agent.write({"metadata": metadata, "manifests": [by_uuid[each] for each in refs.values()]})

    async def _start_services(self) -> None:
        """moray, ZooKeeper and UFDS first; else those that wait for them would have to try again."""
        ranks: list[list[Awaitable[None]]] = [[], [], []]
        for site in self.sites.values():
            for machine in site.machines:
                for service in machine.services:
                    ranks[_rank(machine, service.fmri)].append(service.enable())
        for rank_ in ranks:
            await asyncio.gather(*rank_)

    def _start_ssh(self) -> list[Awaitable[None]]:
        home = OPERATOR_ROOT / "home/.ssh"
        home.mkdir(parents=True, mode=0o700)
        client_key = asyncssh.generate_private_key("ssh-ed25519")
        client_key.write_private_key(str(home / "id_ed25519"))
        (home / "id_ed25519").chmod(0o600)
        public = client_key.export_public_key().decode()
        known = []
        for name, site in self.sites.items():
            key = asyncssh.generate_private_key("ssh-ed25519")
            known.append(f"{name},{site.headnode.zone.external_ip} {key.export_public_key().decode()}")
            self.ssh[name] = SshServer(site.headnode, key, public, self._resolve)
        (home / "known_hosts").write_text("".join(known), encoding="utf-8")
        return [server.start() for server in self.ssh.values()]

    @staticmethod
    async def _resolve(machine: Machine, host: str) -> str:
        try:
            return await resolve.resolve_address(machine.dial, machine.binders, host)
        except resolve.ResolveError as error:
            raise OSError(str(error)) from error

    # ---- the operator

    def _make_operator(self) -> None:
        """The operator's home with what ssh needs, the inventory, and an ssh that looks there and not in /root."""
        home, programs = OPERATOR_ROOT / "home", OPERATOR_ROOT / "bin"
        programs.mkdir()
        options = (
            f"Host *\n    IdentityFile {home}/.ssh/id_ed25519\n    UserKnownHostsFile {home}/.ssh/known_hosts\n"
            "    IdentitiesOnly yes\n    StrictHostKeyChecking yes\n    User root\n"
        )
        names = "".join(
            f"Host {name}\n    HostName {site.headnode.zone.external_ip}\n" for name, site in self.sites.items()
        )
        (home / ".ssh/config").write_text(names + options, encoding="utf-8")
        for name in ("ssh", "scp", "sftp"):
            real = shutil.which(name)
            if real:
                (programs / name).write_text(f'#!/bin/sh\nexec {real} -F {home}/.ssh/config "$@"\n', encoding="utf-8")
                (programs / name).chmod(0o755)
        self.write_inventory(self.inventory())
        roots.name_outside(
            (f"cloudapi.{site.datacenter.suffix}", machine.zone.external_ip)
            for site in self.sites.values()
            for machine in site.of_role("cloudapi")
        )

    def inventory(self) -> str:
        """region.yaml of the healthy lab (format: docs of the inventory)."""
        lines = [f"master: {self.plan.master.name}", "datacenters:"]
        for name, site in self.sites.items():
            datacenter = site.datacenter
            entry = f"headnode: root@{site.headnode.zone.external_ip}, region: {datacenter.region}"
            if datacenter.state == "candidate":
                entry += ", state: candidate"
            if datacenter.state == "master":
                entry += f", ufds_address: {self.plan.master_ufds_address}"
            lines.append(f"  {name}: {{{entry}}}")
        lines.append(f"expect: {{manta: {str(self.plan.manta).lower()}, patience: 20s}}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def write_inventory(text: str) -> None:
        (OPERATOR_ROOT / "region.yaml").write_text(text, encoding="utf-8")

    @staticmethod
    def read_inventory() -> str:
        return (OPERATOR_ROOT / "region.yaml").read_text(encoding="utf-8")

    async def run(self, command: Sequence[str]) -> int:
        """Runs the operator's command in the operator's namespace; its exit status."""
        environment = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"} | {
            "HOME": str(OPERATOR_ROOT / "home"),
            "PATH": f"{OPERATOR_ROOT / 'bin'}:{os.environ['PATH']}",
            "AZ_INVENTORY": str(OPERATOR_ROOT / "region.yaml"),
            control.SOCKET: str(CONTROL_SOCKET),
        }
        process = await asyncio.create_subprocess_exec(
            "nsenter", f"--net={net.NETNS}/{net.OPERATOR}", "--", *command, env=environment
        )
        code = await process.wait()
        return code if code >= 0 else 128 - code

    # ---- faults

    async def plant(self, text: str) -> None:
        """Puts one fault in, as `NAME[@SUBJECT]`."""
        fault, subject = faults.parse(text)
        async with self._changing:
            target = faults.subject(self, fault, subject)
            key = (fault.name, target.machine.zone.id)
            if key in self._undo:
                raise faults.UnknownFaultError(f"{text} is planted already; `python -m lab heal` takes it out")
            await self._remember(target.site)
            undo = await fault.plant(self, target)
            if undo is not None:
                self._undo[key] = undo

    async def _remember(self, site: Site) -> None:
        """Faults edit moray's objects; where sapiadm had written them, SAPI would have them in its files as well."""
        servers = self.shared[site.datacenter.name].servers.values()
        await asyncio.gather(*(each.remember(1.0) for each in servers if isinstance(each, Sapi)))

    async def heal(self, text: str) -> None:
        """Takes a fault out that no command of Triton could."""
        fault, subject = faults.parse(text)
        undo = self._undo.pop((fault.name, faults.subject(self, fault, subject).machine.zone.id), None)
        if undo is None:
            raise faults.UnknownFaultError(f"{text}: not planted, or healed by its remedy only")
        await undo()

    async def settle(self) -> None:
        """Every agent has looked since, replicas have what their replicators can get, and no service is between two states."""
        async with self._changing:
            await self.settle_now()

    async def settle_now(self) -> None:
        """As `settle`, for who is planting already."""
        await settling.settle(self)

    # ---- sockets

    async def _stub(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await commands.answer(self, reader, writer)

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, text = 0, ""
        try:
            asked = json.loads(await reader.readline())
            match asked:
                case {"op": "fault", "arguments": list(names)}:
                    for name in names:
                        await self.plant(name)
                case {"op": "heal", "arguments": list(names)}:
                    for name in names:
                        await self.heal(name)
                case {"op": "settle"}:
                    await self.settle()
                case {"op": "state"}:
                    text = self._state()
        except faults.UnknownFaultError as error:
            code, text = 4, f"lab: {error}"
        except (OSError, faults.NoSymptomError) as error:  # a full disk, for one
            code, text = FAILED, f"lab: {error}"
        except Exception as error:  # whoever asked is told, and the lab goes on
            log.exception("control")
            code, text = FAILED, f"lab: {error!r}"
        with contextlib.suppress(OSError):
            writer.write(json.dumps({"code": code, "text": text}).encode() + b"\n")
            await writer.drain()
        writer.close()

    def _state(self) -> str:
        return "\n".join(
            f"{machine.zone.id:<22} {service.shown_state:<12} {service.fmri} {service.reason}".rstrip()
            for site in self.sites.values()
            for machine in site.machines
            for service in machine.services
        )


def _rank(machine: Machine, fmri: str) -> int:
    """0: waits for nobody; 2: the agents, and the replicator, which needs both UFDS."""
    if "agent" in fmri or "replicator" in fmri:
        return 2
    return 0 if machine.zone.role in ("moray", "ufds") or "zookeeper" in fmri else 1


async def _live(the_plan: plan.Plan, planted: Sequence[str], command: Sequence[str]) -> int:
    lab, text = Lab(the_plan), ""
    try:
        await lab.build()
        gc.freeze()
        for text in planted:
            await lab.plant(text)
        if planted:
            await lab.settle()
    except net.NetworkError as error:
        print(f"lab: this kernel lacks what the lab's networks need ({error})", file=sys.stderr)
        return 2
    except faults.UnknownFaultError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 4
    except faults.NoSymptomError as error:
        print(f"lab: {text}: {error}", file=sys.stderr)
        return FAILED
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the command
    if greeting.wanted(command, terminal=sys.stdin.isatty() and sys.stdout.isatty()):
        print(greeting.text(the_plan), flush=True)
    code = await lab.run(command)
    if lab.ufds.pid is not None:
        os.kill(lab.ufds.pid, signal.SIGKILL)  # else it would complain that nobody listens any more
    return code


def main(the_plan: plan.Plan, *, faults: Sequence[str], command: Sequence[str], verbose: bool) -> int:
    """Builds, runs and ends a lab.  Called in the first process's child."""
    logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL, format="%(name)s: %(message)s")
    if not verbose:
        logging.getLogger("lab").setLevel(logging.ERROR)
    if shutil.which(command[0]) is None and not pathlib.Path(command[0]).exists():
        print(f"lab: no such command: {shlex.join(command)}", file=sys.stderr)
        return 127
    loop = asyncio.new_event_loop()
    signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))  # until the command runs
    code = loop.run_until_complete(_live(the_plan, faults, command))
    sys.stdout.flush()
    os._exit(code)  # what is still open ends with the namespaces; an orderly end would only take time
