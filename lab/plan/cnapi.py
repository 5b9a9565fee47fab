"""The contents of CNAPI."""

from __future__ import annotations

from lab.plan.datacenters import Datacenter, Zone
from lab.plan.files import Json


def servers(datacenter: Datacenter) -> list[Json]:
    """The servers of a datacenter, as CNAPI lists them. They include their sysinfo if that is asked for."""
    return [_server(datacenter, zone) for zone in (datacenter.headnode, *datacenter.compute_nodes)]


def _server(datacenter: Datacenter, zone: Zone) -> Json:
    return {
        "uuid": zone.uuid, "datacenter": datacenter.name, "hostname": zone.hostname, "headnode": not zone.server,
        "setup": True, "status": "running", "reserved": False, "setting_up": False, "overprovision_ratios": {},
        "comments": "", "traits": {}, "current_platform": "20251120T000000Z", "boot_platform": "20251120T000000Z",
        "sysinfo": sysinfo(datacenter, zone),
    }  # fmt: skip


def sysinfo(datacenter: Datacenter, zone: Zone) -> Json:
    """The output of `sysinfo` on a server. The boot parameters of a compute node do not say that it is the head node."""
    boot = {"console": "text", "hostname": zone.hostname}
    return {
        "Live Image": "20251120T000000Z",
        "System Type": "SunOS",
        "Boot Time": "1753000000",
        "Datacenter Name": datacenter.name,
        "SDC Version": "7.0",
        "Headnode ID": 0,
        "Manufacturer": "Lab",
        "Product": "Compute node" if zone.server else "Head node",
        "Serial Number": f"LAB{datacenter.number:04}" + (f"-{zone.server}" if zone.server else ""),
        "Setup": "true",
        "VM Capable": True,
        "CPU Type": "lab",
        "UUID": zone.uuid,
        "Hostname": zone.hostname,
        "CPU Total Cores": 16,
        "MiB of Memory": "131037",
        "Zpool": "zones",
        "Admin IP": zone.admin_ip,
        "Boot Parameters": boot if zone.server else {"headnode": "true"} | boot,
        "Network Interfaces": {
            nic.interface: {"MAC Address": nic.mac, "ip4addr": nic.ip, "Link Status": "up", "NIC Names": [nic.nic_tag]}
            for nic in zone.nics
        },
    }
