"""Recorded evidence of a healthy region as plain data that can be changed, and made into evidence again."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from evidence.model import Evidence
from evidence.subjects.triton import CONFIGURED, RENDERED, REPLICATOR_CONFIG
from tests.recording import recorded

Plain = dict[str, Any]
AT = "2000-01-01T00:00:00Z"
_NAME = re.compile(r"my-dc-([0-9])|my-dc(?!-)|srv\.example\.com")
_NETWORK = re.compile(r"(?<![0-9.])10\.([0-9])\.([0-9])\.")


class Draft:
    """One region to be: its evidence as JSON has it, and what the dimensions need to find their way in it."""

    def __init__(self, base: str, random: Random) -> None:
        self.random = random
        self.whole: Plain = json.loads(msgspec.json.encode(recorded(base)))
        for name in self.names:
            self._complete(name)

    def _complete(self, name: str) -> None:
        """Add the facts that older recordings lack, as a healthy region has them: the kernel's routes, and what SAPI gives a zone."""
        seen = self.datacenter(name)
        for alias, zone in self.zones(name).items():
            subject = f"{name}.{alias}"
            if zone.get("kernel") is None:
                routes = sorted(zone["vm"]["routes"].items())
                zone["kernel"] = fact(subject, [[to, via] for to, via in routes if via[:1].isdigit()])
            if zone.get("settings") is None and zone["vm"]["role"] in CONFIGURED:
                zone["settings"] = fact(subject, self._effective(name, zone["vm"]["role"]))
            if zone["vm"]["role"] in ("adminui", "cloudapi", "ufds", "sapi"):
                for service in zone["services"]["value"]:
                    service["began"] = service["began"] or 2.0
        if seen.get("everywhere") is None:
            seen["everywhere"] = fact(name, sorted({zone["vm"]["server"] for zone in self.zones(name).values()} - {""}))

    def _effective(self, name: str, role: str) -> Plain:
        seen = self.datacenter(name)
        service = seen["services"]["value"].get(role, {"metadata": {"values": {}, "fingerprints": {}}})["metadata"]
        metadata: Plain = json.loads(json.dumps(self.sdc(name)))
        for part in ("values", "fingerprints"):
            metadata[part] |= service[part]
        return metadata

    @property
    def inventory(self) -> Plain:
        return self.whole["inventory"]  # type: ignore[no-any-return]

    @property
    def names(self) -> list[str]:
        return sorted(self.inventory["datacenters"])

    @property
    def master(self) -> str:
        return str(self.inventory["master"])

    @property
    def replicas(self) -> list[str]:
        return [name for name in self.names if self.declared(name)["state"] == "replica"]

    @property
    def manta(self) -> bool:
        return self.inventory["expect"]["manta"] is True

    def declared(self, name: str) -> Plain:
        return self.inventory["datacenters"][name]  # type: ignore[no-any-return]

    def datacenter(self, name: str) -> Plain:
        return self.whole["datacenters"][name]  # type: ignore[no-any-return]

    def zones(self, name: str, *roles: str) -> dict[str, Plain]:
        found: dict[str, Plain] = self.datacenter(name)["zones"]["value"]
        return {alias: zone for alias, zone in found.items() if not roles or zone["vm"]["role"] in roles}

    def every_zone(self, *roles: str) -> Iterator[tuple[str, str, Plain]]:
        for name in self.names:
            for alias, zone in self.zones(name, *roles).items():
                yield name, alias, zone

    def sdc(self, name: str) -> Plain:
        """The metadata of SAPI's application sdc."""
        return self.datacenter(name)["applications"]["value"]["sdc"]["metadata"]  # type: ignore[no-any-return]

    def service(self, name: str, service: str) -> Plain:
        """The metadata of one SAPI service, by key."""
        return self.datacenter(name)["services"]["value"][service]["metadata"]["values"]  # type: ignore[no-any-return]

    def given(self, name: str) -> list[Plain]:
        """What SAPI gives each zone of a datacenter into which settings are rendered."""
        zones = self.zones(name, *CONFIGURED).values()
        return [zone["settings"]["value"] for zone in zones if zone.get("settings")]

    def setting(self, name: str, key: str, value: Any) -> None:
        """Set a setting of the coupling wherever it stands: SAPI, /usbkey/config, and what SAPI gives the zones. None takes it away."""
        places = [self.sdc(name), self.datacenter(name)["usbkey"]["value"]]
        places += self.given(name)
        for place in places:
            if value is None:
                place["values"].pop(key, None)
            elif key in place["values"]:
                place["values"][key] = value

    def service_setting(self, name: str, service: str, key: str, value: Any) -> None:
        """Set a setting of a service, and what it gives its zones. None takes it away."""
        places = [self.service(name, service)]
        places += [
            zone["settings"]["value"]["values"] for zone in self.zones(name, service).values() if zone.get("settings")
        ]
        for place in places:
            if value is None:
                place.pop(key, None)
            else:
                place[key] = value

    def links(self, name: str) -> Plain:
        return self.datacenter(name)["links"]  # type: ignore[no-any-return]

    def rows(self, name: str) -> list[Plain]:
        return self.datacenter(name)["check_health"]["value"]  # type: ignore[no-any-return]

    def network(self, name: str, network: str) -> Plain:
        return self.datacenter(name)["networks"]["value"][network]  # type: ignore[no-any-return]

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def follow(self, replica: str, address: str) -> None:
        """Let a replica follow its master by another address, in every place where that stands."""
        old = f"ldaps://{self.sdc(replica)['values']['ufds_remote_ip']}"
        self.setting(replica, "ufds_remote_ip", address)
        for _, zone in self.zones(replica, "cloudapi", "ufds").items():
            for path in RENDERED[zone["vm"]["role"]]:
                settings = zone["files"]["value"].get(path, {"settings": {}})["settings"]
                for key in ("ufds_master.url", "remotes.0.url"):
                    if settings.get(key) == old:
                        settings[key] = f"ldaps://{address}"
            for point in zone["directory"]["value"]["checkpoints"] if zone["vm"]["role"] == "ufds" else ():
                if point["url"] == old:
                    point["url"] = f"ldaps://{address}"
        for link, probes in self.links(replica).items():
            for probe in probes["value"] if link.endswith(".ufds.636") else ():
                probe["route"] = probe["route"].replace(probe["host"], address)
                probe["host"] = address

    def renamed(self, names: dict[str, str]) -> None:
        """Give datacenters (my-dc-1), the region (my-dc) and the domain (srv.example.com) other names, wherever they stand."""
        self._replaced(lambda text: _NAME.sub(lambda found: names.get(found[0], found[0]), text))

    def renumbered(self, networks: dict[str, str]) -> None:
        """Give networks (10.1.2.) other numbers, wherever they stand."""
        self._replaced(lambda text: _NETWORK.sub(lambda found: networks.get(found[0], found[0]), text))

    def _replaced(self, change: Any) -> None:
        def walk(value: Any) -> Any:
            if isinstance(value, dict):
                return {change(key): walk(each) for key, each in value.items()}
            if isinstance(value, list):
                return [walk(each) for each in value]
            return change(value) if isinstance(value, str) else value

        self.whole = walk(self.whole)

    def evidence(self) -> Evidence:
        return msgspec.convert(self.whole, type=Evidence)


def fact(subject: str, value: Any, asked: str = "asked", how: str = "how") -> Plain:
    return {"subject": subject, "asked": asked, "how": how, "at": AT, "value": value}


def replicator(zone: Plain) -> Plain:
    """The settings in a ufds zone's replicator.json."""
    return zone["files"]["value"][REPLICATOR_CONFIG]["settings"]  # type: ignore[no-any-return]
