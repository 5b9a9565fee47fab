"""What the servers of one datacenter have in common."""

from __future__ import annotations

import asyncio

from lab.agents.config_agent import ConfigAgent
from lab.agents.firewaller import Firewaller
from lab.agents.net_agent import NetAgent
from lab.machine import kinds
from lab.plan.binder import registrations
from lab.plan.datacenters import Datacenter, Plan
from lab.plan.files import Json
from lab.plan.napi import networks
from lab.plan.sapi import sapi_objects
from lab.servers.binder.registry import Registry
from lab.servers.binder.zookeeper import Ensemble
from lab.servers.cloudapi.server import Haproxy
from lab.servers.fwapi.initial import initial_rules
from lab.servers.fwapi.server import Rules
from lab.servers.moray import MorayStore
from lab.servers.napi import Networks
from lab.servers.ufds import UfdsFront


class Collaborators:
    """What the servers of one datacenter share: its moray's content, its ZooKeeper, its networks, its front ends."""

    def __init__(self, the_plan: Plan, datacenter: Datacenter) -> None:
        self.store = MorayStore()
        for bucket, objects in sapi_objects(the_plan, datacenter).items():
            for value in objects:
                self.store.put(bucket, value)
        self.registry = Registry(registrations(datacenter))
        self.zookeepers = Ensemble(self.registry, len(datacenter.binders))
        self.networks = Networks(networks(the_plan, datacenter))
        self.images: dict[str, Json] = {}  # the images that imgapi holds apart from the zones' own
        self.ufds: dict[str, UfdsFront] = {}
        self.servers: dict[str, kinds.Daemon] = {}  # by zone id, or by zone id and port: the youngest process
        self.haproxies: list[Haproxy] = []
        self.config_agents: list[ConfigAgent] = []
        self.rules = Rules(initial_rules(the_plan, datacenter))
        self.net_agents: list[NetAgent] = []
        self.firewallers: list[Firewaller] = []
        self.tasks: set[asyncio.Task[None]] = set()
