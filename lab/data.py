"""What a datacenter's SAPI, NAPI and head node hold before anybody touches the lab, in the shapes of the real objects.

Key names and the shape of the templates: the `sapi_manifests` of sdc-ufds, binder, sdc-cloudapi, sdc-adminui, sdc-sapi
and moray; metadata of application `sdc`: facts, "Head node configuration".  Templates hold what somebody reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab import plan, sdckey
from lab.ufds import keys

Json = dict[str, Any]
Manifest = tuple[str, str, str, str]
ROLES_IN_METADATA = (*plan.HOST_NUMBERS, "papi", "workflow", "amon")

_REMOTE_PASSWORD = (
    '{{^ufds_remote_ldap_root_pw}}"%s": "{{{ufds_ldap_root_pw}}}"{{/ufds_remote_ldap_root_pw}}'
    '{{#ufds_remote_ldap_root_pw}}"%s": "{{{ufds_remote_ldap_root_pw}}}"{{/ufds_remote_ldap_root_pw}}'
)

UFDS_TEMPLATE = """{
    "port": 636,
    "rootDN": "{{{ufds_ldap_root_dn}}}",
    "rootPassword": "{{{ufds_ldap_root_pw}}}",
    "logLevel": "info",
    "ufds_is_master": {{{ufds_is_master}}},
    "datacenter_name": "{{{datacenter_name}}}",
    "moray": {"url": "http://{{{MORAY_SERVICE}}}:2020", "version": 20}
}
"""

REPLICATOR_TEMPLATE = (
    """{
    "logLevel": "debug",
    "checkpointDn": "cn=replicator, datacenter={{{datacenter_name}}}, o=smartdc",
    "localUfds": {
        "url": "ldaps://{{{UFDS_SERVICE}}}",
        "maxConnections": 1,
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        "bindCredentials": "{{{ufds_ldap_root_pw}}}"
    },
    "remotes": [{
        "url": "ldaps://{{{ufds_remote_ip}}}",
        "queries": [
            "/o=smartdc??sub?(objectclass=version)",
            "/ou=users, o=smartdc??sub?(&(!(objectclass=amonprobe))(!(objectclass=amonprobegroup))"""
    """(!(objectclass=dclocalconfig))(!(objectclass=vmusage)))",
            "/o=smartdc??sub?(objectclass=emailblacklist)",
            "/ou=groups, o=smartdc??sub?(objectclass=groupofuniquenames)",
            "/o=smartdc??sub?(objectclass=keyapiprivkey)",
            "/o=smartdc??sub?(objectclass=region)",
            "/region={{region_name}}, o=smartdc??sub?(|(objectclass=datacenter)(objectclass=network)"""
    """(objectclass=resolver))"
        ],
        "maxConnections": 1,
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        """
    + _REMOTE_PASSWORD % ("bindCredentials", "bindCredentials")
    + """
    }]
}
"""
)

BINDER_TEMPLATE = """{
    "dnsDomain": "{{{dns_domain}}}",
    "datacenterName": "{{{datacenter_name}}}",
    "recursion": {
        "regionName": "{{{region_name}}}",
        "datacenterName": "{{{datacenter_name}}}",
        "dnsDomain": "{{{dns_domain}}}",
        "ufds": {
            "url": "ldaps://{{{ufds_domain}}}",
            "bindDN": "{{{ufds_ldap_root_dn}}}",
            "bindPassword": "{{{ufds_ldap_root_pw}}}",
            "cache": {
                "size": 5000,
                "expiry": 60
            },
            "maxConnections": 1,
            "retry": {
                "initialDelay": 1000,
                "retries": 3
            },
            "clientTimeout": 120000,
            "connectTimeout": 3000
        }
    },
    "instance_uuid": "{{auto.ZONENAME}}",
    "server_uuid": "{{auto.SERVER_UUID}}",
    "service_name": "{{SERVICE_NAME}}"
}
"""

CLOUDAPI_TEMPLATE = (
    """{
    "port": 443,
    "datacenter_name": "{{{datacenter_name}}}",
    "instanceUuid": "{{auto.ZONENAME}}",
    "adminIp": "{{auto.ADMIN_IP}}",
    "read_only": {{{CLOUDAPI_READONLY}}},
{{#DC_MAINT_MESSAGE}}
    "dc_maint_message": "{{{DC_MAINT_MESSAGE}}}",
{{/DC_MAINT_MESSAGE}}
{{#DC_MAINT_ETA}}
    "dc_maint_eta": "{{{DC_MAINT_ETA}}}",
{{/DC_MAINT_ETA}}
    "ufds": {
        "url": "ldaps://{{{ufds_domain}}}",
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        "bindPassword": "{{{ufds_ldap_root_pw}}}",
        "retry": {"initialDelay": 1000}
    },
    "ufds_master": {
        "url": "ldaps://{{{ufds_remote_ip}}}",
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        """
    + _REMOTE_PASSWORD % ("bindPassword", "bindPassword")
    + """,
        "retry": {"initialDelay": 1000}
    },
    "datacenters": {{{CLOUDAPI_DATACENTERS}}},
    "ufds_admin_uuid": "{{{ufds_admin_uuid}}}"
}
"""
)

ADMINUI_TEMPLATE = (
    """{
    "host": "0.0.0.0",
    "port": 80,
    "sslport": 443,
    "ufdsMaster": {
        "url": "ldaps://{{^ufds_remote_ip}}{{{ufds_domain}}}{{/ufds_remote_ip}}{{{ufds_remote_ip}}}",
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        """
    + _REMOTE_PASSWORD % ("bindPassword", "bindPassword")
    + """
    },
    "adminUuid": "{{{ufds_admin_uuid}}}",
    "ufds": {
        "url": "ldaps://{{{UFDS_SERVICE}}}",
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        "bindPassword": "{{{ufds_ldap_root_pw}}}"
    },
    "datacenters": {
        "{{datacenter_name}}": {
            "moray": {"srvDomain": "{{{MORAY_SERVICE}}}"},
            "napi": {"url": "http://{{{NAPI_SERVICE}}}"},
            "sapi": {"url": "http://{{{SAPI_SERVICE}}}", "version": "~2"}
        }
    }
}
"""
)

SAPI_TEMPLATE = """{
    "moray": {
        "master_host": "{{{MASTER_MORAY_IP}}}",
        "master_port": "{{{MASTER_MORAY_PORT}}}"
    }
}
"""

MORAY_TEMPLATE = """{
  "server_uuid": "{{auto.SERVER_UUID}}",
  "datacenter": "{{datacenter_name}}"
}
"""

SDC_TEMPLATE = """{
    "datacenter_name": "{{{datacenter_name}}}",
    "dns_domain": "{{{dns_domain}}}",
    "cloudapi_domain": "{{{CLOUDAPI_SERVICE}}}",
    "sdc_key_id": "{{{SDC_KEY_ID}}}",
    "ufds_admin_login": "{{{ufds_admin_login}}}",
    "ufds_admin_uuid": "{{{ufds_admin_uuid}}}",
    "ufds_domain": "{{{ufds_domain}}}",
    "ufds_is_master": {{{ufds_is_master}}},
    "ufds_remote_ip": "{{{ufds_remote_ip}}}"
}
"""

MAHI_TEMPLATE = """{
    "ufds": {
        "url": "{{UFDS_URL}}",
        "maxConnections": 2,
        "bindDN": "{{UFDS_ROOT_DN}}",
        "bindCredentials": "{{UFDS_ROOT_PW}}",
        "interval": 2000
    },
    "redis": {"host": "localhost", "port": 6379, "db": 1},
    "replicator": {"port": 8080},
    "server": {"port": 80}
}
"""

MANTA_TEMPLATE = """{
    "cnapi": {"url": "http://{{{CNAPI_SERVICE}}}"},
    "imgapi": {"url": "http://{{{IMGAPI_SERVICE}}}"},
    "napi": {"url": "http://{{{NAPI_SERVICE}}}"},
    "sapi": {"url": "http://{{{SAPI_SERVICE}}}"},
    "ufds": {
        "url": "ldaps://{{{UFDS_SERVICE}}}",
        "bindDN": "{{{ufds_ldap_root_dn}}}",
        "bindPassword": "{{{ufds_ldap_root_pw}}}"
    },
    "vmapi": {"url": "http://{{{VMAPI_SERVICE}}}"},
    "user": "poseidon",
    "dns_domain": "{{dns_domain}}",
    "region_name": "{{region_name}}",
    "datacenter_name": "{{datacenter_name}}"
}
"""

_CLOUDAPI_RESTARTS = "; ".join(f"/usr/sbin/svcadm restart cloudapi:cloudapi-{port}" for port in range(8081, 8085))
_UFDS_RESTARTS = "; ".join(
    [f"/usr/sbin/svcadm restart ufds-master:ufds-{port}" for port in range(1390, 1394)]
    + ["/usr/sbin/svcadm restart ufds-capi"]
)
# role → manifests (name, path, post_cmd, template)
MANIFESTS: dict[str, tuple[Manifest, ...]] = {
    "ufds": (
        ("ufds", "/opt/smartdc/ufds/etc/config.json", _UFDS_RESTARTS, UFDS_TEMPLATE),
        ("ufds-replicator", "/opt/smartdc/ufds/etc/replicator.json", "/usr/sbin/svcadm restart ufds-replicator",
         REPLICATOR_TEMPLATE),
    ),
    "binder": (("binder", "/opt/smartdc/binder/etc/config.json", "", BINDER_TEMPLATE),),
    "cloudapi": (("cloudapi", "/opt/smartdc/cloudapi/etc/cloudapi.cfg", _CLOUDAPI_RESTARTS, CLOUDAPI_TEMPLATE),),
    "sdc": (("sdc", "/opt/smartdc/sdc/etc/config.json", "", SDC_TEMPLATE),),
    "adminui": (("adminui", "/opt/smartdc/adminui/etc/config.json", "/usr/sbin/svcadm restart adminui",
                 ADMINUI_TEMPLATE),),
    "sapi": (("sapi", "/opt/smartdc/sapi/etc/sapi-master.config.json", "/usr/sbin/svcadm restart sapi",
              SAPI_TEMPLATE),),
    "moray": (("moray", "/opt/smartdc/moray/etc/config.json", "", MORAY_TEMPLATE),),
    "mahi": (("mahi2", "/opt/smartdc/mahi/etc/mahi2.json", "", MAHI_TEMPLATE),),
    "manta": (("manta", "/opt/smartdc/manta-deployment/etc/config.json", "", MANTA_TEMPLATE),),
}  # fmt: skip


def service_uuid(datacenter: plan.Datacenter, role: str) -> str:
    return plan.made_uuid(datacenter.name, "service", role)


def application_uuid(datacenter: plan.Datacenter, name: str = "sdc") -> str:
    return plan.made_uuid(datacenter.name, "application", name)


def sdc_metadata(the_plan: plan.Plan, datacenter: plan.Datacenter) -> Json:
    """Metadata of application `sdc`: the keys of the head node's configuration, and what SAPI alone knows."""
    replica, key = datacenter.state == "replica", sdckey.of(datacenter)
    found: Json = {
        "region_name": datacenter.region,
        "datacenter_name": datacenter.name,
        "datacenter_company_name": "Example",
        "datacenter_location": "Somewhere",
        "dns_domain": datacenter.dns_domain,
        "admin_network": datacenter.admin_subnet.partition("/")[0],
        "admin_netmask": "255.255.255.0",
        "binder_admin_ips": ",".join(datacenter.binders),
        "ufds_is_master": "false" if replica else "true",
        "ufds_ldap_root_dn": plan.ROOT_DN,
        "ufds_ldap_root_pw": plan.ROOT_PASSWORD,
        "ufds_admin_uuid": plan.ADMIN_UUID,
        "ufds_admin_login": "admin",
        "ufds_admin_email": "root@localhost",
        "ufds_admin_pw": plan.ADMIN_PASSWORD,
        "sapi-url": f"http://{datacenter.zone('sapi').admin_ip}",
        "SDC_PRIVATE_KEY": key.private,
        "SDC_PUBLIC_KEY": key.public,
        "SDC_KEY_ID": key.fingerprint,
        "ufds_admin_key_fingerprint": keys.fingerprint(keys.of_headnode(datacenter.number)),
        "ufds_admin_key_openssh": f"{keys.of_headnode(datacenter.number)}\n",
        "no_rabbit": True,
    }
    if replica:
        found["ufds_remote_ip"] = the_plan.master_ufds_address
        found["ufds_remote_ldap_root_pw"] = plan.ROOT_PASSWORD
    for role in ROLES_IN_METADATA:
        found[f"{role}_domain"] = f"{role}.{datacenter.suffix}"
        found[f"{role.upper()}_SERVICE"] = f"{role}.{datacenter.suffix}"
    return found


def usbkey_config(the_plan: plan.Plan, datacenter: plan.Datacenter) -> str:
    """/usbkey/config: the same keys as in SAPI, less what only SAPI has."""
    only_sapi = {"ufds_remote_ldap_root_pw", "sapi-url", "no_rabbit", "SDC_PRIVATE_KEY", "SDC_PUBLIC_KEY", "SDC_KEY_ID",
                 "ufds_admin_key_fingerprint", "ufds_admin_key_openssh"}  # fmt: skip
    lines = ["#", "# This file was generated by headnode setup (of a lab).", "#"]
    for key, value in sdc_metadata(the_plan, datacenter).items():
        if key not in only_sapi and not key.endswith("_SERVICE"):
            lines.append(f"{key}={value}")
    external = datacenter.headnode.external_ip
    lines += ["headnode=true", f"external_ip={external}", f"external_gateway={datacenter.external_router}"]
    return "\n".join(lines) + "\n"


def _service_metadata(the_plan: plan.Plan, datacenter: plan.Datacenter, role: str) -> Json:
    found: Json = {"SERVICE_NAME": role, "SERVICE_DOMAIN": f"{role}.{datacenter.suffix}"}
    if role == "sapi" and datacenter.state == "replica":
        # binder passes names on within its region only: from another one the master's moray is named by its address.
        master = the_plan.master
        same = datacenter.region == master.region
        moray = f"moray.{master.suffix}" if same else master.zone("moray").admin_ip
        found |= {"MASTER_MORAY_IP": moray, "MASTER_MORAY_PORT": "2020"}
    if role == "mahi":
        found |= {"UFDS_URL": f"ldaps://ufds.{datacenter.suffix}", "UFDS_ROOT_DN": plan.ROOT_DN,
                  "UFDS_ROOT_PW": plan.ROOT_PASSWORD}  # fmt: skip
    if role == "cloudapi":
        found["CLOUDAPI_READONLY"] = False
        coupled = tuple(each for each in the_plan.datacenters if each.state != "candidate")
        shown = coupled if datacenter in coupled else (datacenter,)
        found["CLOUDAPI_DATACENTERS"] = json.dumps({dc.name: f"https://cloudapi.{dc.suffix}" for dc in shown})
    return found


def sapi_objects(the_plan: plan.Plan, datacenter: plan.Datacenter) -> dict[str, list[Json]]:
    """{"applications", "services", "instances", "manifests"} of one datacenter's own SAPI."""
    services, instances = [], []
    manifests: list[Json] = []

    def referred(found: Iterable[Manifest]) -> dict[str, str]:
        refs = {}
        for name, path, command, template in found:
            uuid = refs[name] = plan.made_uuid(datacenter.name, "manifest", name)
            manifest = {"uuid": uuid, "name": name, "path": path, "template": template, "version": "1.0.0"}
            manifests.append(manifest | ({"post_cmd": command} if command else {}))
        return refs

    application = {
        "uuid": application_uuid(datacenter),
        "name": "sdc",
        "owner_uuid": plan.ADMIN_UUID,
        "params": {},
        "metadata": sdc_metadata(the_plan, datacenter),
        "manifests": referred(sdckey.MANIFESTS),
    }
    for role in dict.fromkeys(zone.role for zone in datacenter.zones):
        refs = referred(MANIFESTS.get(role, ()))
        services.append({
            "uuid": service_uuid(datacenter, role), "name": role, "application_uuid": application["uuid"],
            "params": {"image_uuid": plan.made_uuid("image", role), "ram": 1024, "tags": {"smartdc_role": role}},
            "metadata": _service_metadata(the_plan, datacenter, role), "manifests": refs, "type": "vm",
        })  # fmt: skip
    for zone in datacenter.zones:
        instances.append({
            "uuid": zone.uuid, "service_uuid": service_uuid(datacenter, zone.role),
            "params": {"alias": zone.alias, "server_uuid": datacenter.server_uuid},
            "metadata": {"ADMIN_IP": zone.admin_ip}, "type": "vm",
        })  # fmt: skip
    return {"applications": [application], "services": services, "instances": instances, "manifests": manifests}


def healthy_routes(the_plan: plan.Plan, datacenter: plan.Datacenter) -> dict[str, str]:
    """What NAPI's admin network and the head node carry: the region's admin networks, and what every region has to reach.

    That is the master's UFDS and its morays, and on the master the way back to all.
    """
    master, router = the_plan.master, datacenter.admin_router
    if datacenter == master:
        return {each.admin_subnet: router for each in the_plan.datacenters if each != master}
    found = {peer.admin_subnet: router for peer in the_plan.peers(datacenter)}
    found[f"{the_plan.master_ufds_address}/32"] = router
    if datacenter.region != master.region:
        found |= {f"{zone.admin_ip}/32": router for zone in master.zones if zone.role == "moray"}
    return found


def networks(the_plan: plan.Plan, datacenter: plan.Datacenter) -> list[Json]:
    """NAPI's networks of one datacenter (facts "Exact forms")."""
    made: list[Json] = []
    number = datacenter.number
    for index, tag in enumerate(("admin", "external", "manta"), start=1):
        network: Json = {
            "family": "ipv4", "mtu": 1500, "nic_tag": tag, "name": tag, "provision_end_ip": f"10.{number}.{index}.250",
            "provision_start_ip": f"10.{number}.{index}.10", "subnet": f"10.{number}.{index}.0/24",
            "uuid": datacenter.network_uuid(tag), "vlan_id": 0, "netmask": "255.255.255.0",
            "resolvers": list(datacenter.binders),
        }  # fmt: skip
        if tag == "admin":
            network |= {"owner_uuids": [plan.ADMIN_UUID], "routes": healthy_routes(the_plan, datacenter)}
        if tag == "external":
            network["gateway"] = datacenter.external_router
        made.append(network)
    return made


def server(datacenter: plan.Datacenter) -> Json:
    """The one server of a datacenter, as CNAPI lists it."""
    return {
        "uuid": datacenter.server_uuid, "datacenter": datacenter.name, "hostname": "headnode", "headnode": True,
        "setup": True, "status": "running", "reserved": False, "setting_up": False, "overprovision_ratios": {},
        "comments": "", "traits": {}, "current_platform": "20251120T000000Z", "boot_platform": "20251120T000000Z",
    }  # fmt: skip


def auto_metadata(zone: plan.Zone, datacenter: plan.Datacenter) -> Mapping[str, str]:
    """What config-agent adds as `auto` (sdc-config-agent:lib/agent/agent.js)."""
    return {
        "ZONENAME": zone.uuid, "INSTANCE": zone.uuid, "SERVER_UUID": datacenter.server_uuid,
        "DATACENTER": datacenter.name, "ADMIN_IP": zone.admin_ip, "PRIMARY_IP": zone.external_ip or zone.admin_ip,
    }  # fmt: skip


# role → (service label, protocol, port of the service, ports of an instance)
_REGISTERED: dict[str, tuple[str, str, int, list[int]]] = {
    "binder": ("_dns", "_udp", 53, [53]),
    "moray": ("_moray", "_tcp", 2020, [2021, 2022, 2023, 2024]),
    "ufds": ("_ldap", "_tcp", 636, [1390, 1391, 1392, 1393]),
}


def registrations(datacenter: plan.Datacenter) -> dict[str, Json]:
    """What registrar has put into ZooKeeper: DNS name → object, in the shape of recordings/data/binder.json."""
    found: dict[str, Json] = {}
    for zone in datacenter.zones:
        label, protocol, port, ports = _REGISTERED.get(zone.role, ("_http", "_tcp", 80, []))
        name = f"{zone.role}.{datacenter.suffix}"
        inner = {"srvce": label, "proto": protocol, "ttl": 60, "port": port}
        found[name] = {"type": "service", "service": {"type": "service", "service": inner, "ttl": 60}}
        kind = "moray_host" if zone.role == "moray" else "rr_host"
        host: Json = {"address": zone.admin_ip} | ({"ports": ports} if ports else {})
        found[f"{zone.uuid}.{name}"] = {"type": kind, "address": zone.admin_ip, "ttl": 30, kind: host}
    return found
