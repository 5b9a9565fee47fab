"""A VM as vmadm and VMAPI show it."""

from __future__ import annotations

from typing import Any

from lab.machine.machines import Machine
from lab.plan.names import ROOT_PASSWORD, made_uuid


def vm_object(machine: Machine) -> dict[str, Any]:
    """A VM as `vmadm get` shows it."""
    zone, datacenter = machine.zone, machine.datacenter
    nics = [
        {
            "interface": nic.interface, "mac": nic.mac, "nic_tag": nic.nic_tag, "ip": nic.ip,
            "ips": [f"{nic.ip}/{nic.prefix}"], "netmask": nic.netmask, "network_uuid": nic.network_uuid,
            "vlan_id": 0, "mtu": 1500,
        }
        | ({"gateway": nic.gateway, "gateways": [nic.gateway]} if nic.gateway else {})
        | ({"primary": True} if nic.primary else {})
        for nic in zone.nics
    ]  # fmt: skip
    return {
        "zonename": zone.uuid, "autoboot": True, "brand": "joyent-minimal", "limit_priv": "default", "v": 1,
        "create_timestamp": "2025-07-20T00:00:00.000Z", "image_uuid": made_uuid("image", zone.role),
        "cpu_shares": 1024, "max_physical_memory": 1024, "owner_uuid": zone.owner_uuid, "hostname": zone.uuid,
        "resolvers": list(machine.binders), "alias": machine.alias, "ram": 1024, "nics": nics, "routes": dict(machine.routes),
        "uuid": zone.uuid, "zone_state": "running", "zonepath": f"/zones/{zone.uuid}", "zonedid": 1,
        "last_modified": "2025-07-20T00:00:00.000Z", "firewall_enabled": machine.firewall_enabled,
        "server_uuid": datacenter.uuid_of(zone.server), "platform_buildstamp": "20251120T000000Z", "state": "running",
        "boot_timestamp": "2025-07-20T08:26:40.000Z", "pid": 4242, "datacenter_name": datacenter.name,
        "customer_metadata": {
            "sapi-url": f"http://{datacenter.zone('sapi').admin_ip}",
            "ufds_ldap_root_pw": ROOT_PASSWORD,  # facts: it can be there, so never ask without -o
        },
        "internal_metadata": {}, "tags": zone.tags, "quota": 25, "type": "OS",
    }  # fmt: skip
