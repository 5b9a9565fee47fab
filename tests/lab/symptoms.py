"""Which symptom each fault of the lab makes, and how an operator sees it.  Tables of waves: what is planted together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Symptom:
    """`asks` is typed on the head node `where` (on several, with `----` between; or "ldap": read the UFDS at that
    address); `shows` matches what comes back only while the fault is there.  `heals`: the lab takes the fault out again."""

    fault: str
    where: str
    asks: str
    shows: str
    within: float = 10.0
    heals: bool = False


def config(role: str, path: str) -> str:
    return f"cat /zones/$(sdc-vmname {role})/root/opt/smartdc/{role}/etc/{path}"


def state(role: str, service: str) -> str:
    return f"svcs -H -o state -z $(sdc-vmname {role}) {service}"


def curl(address: str, seconds: int = 8) -> str:
    return f"curl -s -S -k -m {seconds} -w ' %{{http_code}}' {address}"


def certificate(address: str) -> str:
    return f"openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -checkend 0"


def reaches(address: str, port: int, role: str) -> str:
    return f'zlogin -Q $(sdc-vmname {role}) "(echo > /dev/tcp/{address}/{port}) && echo open"'


def of_account(login: str) -> str:
    return f"sdc-ldap search login={login} email"


NOTHING = r"exit none"
ENDLESS = (
    "printf 'GET /api/ping HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | "
    "openssl s_client -quiet -connect 10.5.1.36:443 2>/dev/null | head -c 100000 | wc -c"
)
SDC = "sdc-sapi --no-headers /applications?name=sdc"
LOG = "tail -n 40 /zones/$(sdc-vmname ufds)/root/var/svc/log/*ufds-replicator*.log"
CHECKPOINT = "sdc-ldap search '(objectclass=sdcreplcheckpoint)' changenumber"

HEADNODES = (
    Symptom("headnode-dark@my-dc-4", "my-dc-4", "true", r"exit (none|error)", within=2, heals=True),
    Symptom("headnode-refuses@my-dc-5", "my-dc-5", "true", r"Errno 111", heals=True),
    Symptom("headnode-key@my-dc-6", "my-dc-6", "true", r"[Hh]ost key", heals=True),
    Symptom("headnode-denies@my-dc-7", "my-dc-7", "true", r"Permission denied", heals=True),
    Symptom("headnode-sysinfo@my-dc-3", "my-dc-3", "sysinfo", r"bus error", heals=True),
    Symptom("headnode-is-another@my-dc-8", "my-dc-8", "sysinfo", r'"Datacenter Name": "my-dc-elsewhere"', heals=True),
    Symptom("headnode-slow@my-dc-9", "my-dc-9", "true", r"exit 0 after [2-9]", heals=True),
    Symptom(
        "clock-off@my-dc-10", "my-dc-10",
        "(( $(date -u +%s) - $(/.lab/bin/date +%s) > 800 )) && zlogin -Q $(sdc-vmname ufds) date", r"UTC.*exit 0",
        heals=True,
    ),
)  # fmt: skip

SERVICES = (
    # metadata and files first: what is rendered must have been, before servers misbehave
    Symptom("region-name@my-dc-1", "my-dc-1", config("binder", "config.json"), '"regionName": "my-dc-old"'),
    Symptom("dns-domain@my-dc-5", "my-dc-5", config("binder", "config.json"), '"dnsDomain": "old.example.org"'),
    Symptom("binder-region@my-dc-3", "my-dc-3", config("binder", "config.json"), '"regionName": "my-dc-old"'),
    Symptom("binder-datacenter@my-dc-8", "my-dc-8", config("binder", "config.json"), "my-dc-elsewhere"),
    Symptom("metadata-missing@my-dc-10", "my-dc-10", "dig +tries=1 ufds.my-dc-8.srv.example.com", "status: REFUSED"),
    Symptom("metadata-type@my-dc-8", "my-dc-8", SDC, '"ufds_is_master": false'),
    Symptom("hostile-metadata@my-dc-10", "my-dc-10", SDC, r"<script>alert\(1\)</script>"),
    Symptom("hostile-alias@my-dc-10.moray0", "my-dc-10", "vmadm list -o alias", r"\x1b\[31m\x07<script>", heals=True),
    Symptom("second-master@my-dc-1", "my-dc-1", config("ufds", "config.json"), '"ufds_is_master": true'),
    Symptom("no-master@my-dc-2", "my-dc-2", config("ufds", "config.json"), '"ufds_is_master": false'),
    Symptom("remote-ip@my-dc-8", "my-dc-8", state("ufds", "ufds-replicator"), "maintenance"),
    Symptom("master-moray-missing@my-dc-1", "my-dc-1", config("sapi", "sapi-master.config.json"), '"master_host": ""'),
    Symptom(
        "master-moray-on-master@my-dc-2", "my-dc-2",
        "sdc-sapi --no-headers '/services?name=sapi&include_master=true' | grep -c '\"name\": \"sapi\"'", "^2",
    ),
    Symptom("file-edited@my-dc-4.cloudapi0", "my-dc-4", config("cloudapi", "cloudapi.cfg"), "edited-by-hand"),
    # routes
    Symptom("route-missing@my-dc-3.cloudapi0", "my-dc-3", curl("https://10.3.1.35/--ping"), " 503"),
    Symptom("napi-route-missing@my-dc-6", "my-dc-6", "vmadm get $(sdc-vmname sapi)", r'"routes": \{\}'),
    Symptom("route-one-way@my-dc-2.moray0", "my-dc-10", reaches("10.2.1.17", 2020, "sapi"), NOTHING, within=2),
    Symptom("route-vmadm-only@my-dc-9.adminui0", "my-dc-9", "vmadm get $(sdc-vmname adminui) | grep -c 10.2.2.29", "^0"),
    Symptom("port-dropped@my-dc-4.binder0", "my-dc-8", reaches("10.4.1.11", 53, "binder"), NOTHING, within=2, heals=True),
    # services
    Symptom("service-stopped@my-dc-1.moray0", "my-dc-1", state("moray", "moray"), "disabled"),
    Symptom("sapi-storage@my-dc-4.moray0", "my-dc-4", curl("http://10.4.1.32/ping"), " 500"),
    Symptom("cloudapi-stuck@my-dc-7.cloudapi0", "my-dc-7", curl("https://10.7.1.35/--ping"), " 503"),
    Symptom("adminui-hangs@my-dc-7.adminui0", "my-dc-7", curl("https://10.7.1.36/api/ping", 1), r"\(28\)"),
    Symptom("unhealthy@my-dc-3.napi0", "my-dc-3", "sdcadm check-health napi", "appear unhealthy"),
    Symptom("zookeeper-lost@my-dc-7", "my-dc-7", "dig +tries=1 ufds.my-dc-7.srv.example.com", "status: SERVFAIL"),
    Symptom("ufds-password@my-dc-6.ufds0", "my-dc-6", of_account("admin"), r"Invalid credentials \(49\)", heals=True),
    Symptom("ufds-hangs@my-dc-5.ufds0", "ldap", "10.5.2.29", NOTHING, within=2, heals=True),
    Symptom("service-hangs@my-dc-1.napi0", "my-dc-1", curl("http://10.1.1.14/ping", 1), r"\(28\)", heals=True),
    Symptom("service-slow@my-dc-8.napi0", "my-dc-8", curl("http://10.8.1.14/ping"), r" 200.* after [4-7]", heals=True),
    Symptom("service-cut@my-dc-7.sapi0", "my-dc-7", curl("http://10.7.1.32/ping"), r"\(18\)", heals=True),
    Symptom("service-garbage@my-dc-4.adminui0", "my-dc-4", curl("https://10.4.1.36/api/ping"), r"\(1\)", heals=True),
    Symptom("service-endless@my-dc-5.adminui0", "my-dc-5", ENDLESS, "^100000", heals=True),
    Symptom("service-slow@my-dc-9.cloudapi0", "my-dc-9", curl("https://10.9.1.35/--ping"), r" 200.* after [4-7]", heals=True),
    Symptom("service-slow@my-dc-4.ufds0", "ldap", "10.4.2.29", r"all of it.* after [89]", within=12, heals=True),
    Symptom("service-cut@my-dc-7.ufds0", "ldap", "10.7.2.29", "bound 0\ncut after", heals=True),
    Symptom("service-garbage@my-dc-3.ufds0", "ldap", "10.3.2.29", "no LDAP", heals=True),
    Symptom("service-endless@my-dc-9.ufds0", "ldap", "10.9.2.29", "no end after", heals=True),
    Symptom("certificate-expired@my-dc-10.ufds0", "my-dc-10", certificate("10.10.1.29:636"), "will expire", heals=True),
    Symptom("certificate-expired@my-dc-10.cloudapi0", "my-dc-10", certificate("10.10.1.35:443"), "will expire", heals=True),
)  # fmt: skip

POSEIDON = (Symptom("second-poseidon@my-dc-3", "my-dc-3", state("ufds", "ufds-replicator"), "maintenance"),)
REPLICATION = (
    Symptom("account-added@my-dc-1", "my-dc-1", of_account("gina"), "gina@example.com"),
    Symptom("account-removed@my-dc-1", "my-dc-1", f"{of_account('bruno')} | grep -c bruno", "^0"),
    Symptom("account-changed@my-dc-1", "my-dc-1", of_account("carla"), "carla-was-moved@example.com"),
    Symptom(
        "parent-missing@my-dc-4", "my-dc-4", f"{LOG} | grep -c 'Could not add entry.*below'", "^([2-9]|[1-9][0-9])"
    ),
    Symptom("replication-password@my-dc-5", "my-dc-5", LOG, r"client \[0\]: invalid credentials; aborting"),
    Symptom(
        "datacenter-unregistered@my-dc-6", "my-dc-1", "dig +tries=1 ufds.my-dc-6.srv.example.com", "status: REFUSED"
    ),
)
GAP = (
    Symptom(
        "changelog-gap@my-dc-2", "my-dc-2 my-dc-1",
        f"sdc-ldap search login=dario company; {LOG} 2>/dev/null | tail -n 1",
        "company: After the gap.*----(?!.*After the gap).*has caught up",
    ),
)  # fmt: skip

TABLES: dict[str, tuple[tuple[Symptom, ...], ...]] = {
    "one": (HEADNODES, SERVICES),
    "two": (POSEIDON, REPLICATION, GAP),
}
