"""The symptom of each fault of the lab, as an operator sees it. A table has waves of faults that are planted together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Symptom:
    """`asks` is typed on the head node `where`, and `shows` matches the answer only while the fault is there.

    `where` can also be several head nodes (then `----` stands between the parts of `asks`), "operator" (the operator's own machine), or
    "ldap" (read the UFDS at that address). `heals`: the lab can undo the fault.
    """

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


def in_sdc_zone(command: str) -> str:
    return f"zlogin -Q $(sdc-vmname sdc) /opt/smartdc/sdc/bin/{command}"


def over_one_connection(datacenter: str) -> str:
    """Ten commands over one SSH connection of the operator, which open no other connection; prints the status of each."""
    shared = f"-S $at/socket -o BatchMode=yes -o ProxyCommand=false {datacenter}"
    return (
        f"at=$(mktemp -d); ssh -M -S $at/socket -o BatchMode=yes -fN {datacenter} >/dev/null 2>&1; "
        f"for each in 1 2 3 4 5 6 7 8 9 10; do timeout 2 ssh {shared} true </dev/null 2>&1; said=$?; echo said $said; "
        f'[ $said = 0 ] || break; done; ssh {shared} -O exit 2>&1; kill $(pgrep -f "$at/socket") 2>/dev/null; rm -r $at'
    )


def inventory(fault: str, shows: str) -> tuple[Symptom, ...]:
    """A separate wave, because each of these faults edits the same file, and restores what it found."""
    return (Symptom(fault, "operator", "cat $AZ_INVENTORY", shows, heals=True),)


NOTHING = r"exit none"
ENDLESS = (
    "printf 'GET /api/ping HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | "
    "openssl s_client -quiet -connect 10.5.1.36:443 2>/dev/null | head -c 100000 | wc -c"
)
SDC = "sdc-sapi --no-headers /applications?name=sdc"
LOG = "tail -n 40 /zones/$(sdc-vmname ufds)/root/var/svc/log/*ufds-replicator*.log"
CHECKPOINT = "sdc-ldap search '(objectclass=sdcreplcheckpoint)' changenumber"

OPERATORS = "sdc-ldap search -b 'cn=operators, ou=groups, o=smartdc' -s base '(objectclass=*)' uniquemember"
KEYS = "sdc-ldap search objectclass=sdckey name"

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
    Symptom("zlogin-broken@my-dc-2", "my-dc-2", "zlogin -Q $(sdc-vmname ufds) true", r"exit [1-9]", heals=True),
    Symptom(
        "headnode-forbids-forwarding@my-dc-1", "operator", "timeout 5 ssh -W 10.1.1.32:80 my-dc-1 </dev/null 2>&1",
        "administratively prohibited|open failed", heals=True,
    ),
)  # fmt: skip
CUTS = (
    Symptom("headnode-cuts@my-dc-4", "operator", over_one_connection("my-dc-4"), "said 255", within=30, heals=True),
)
FREEZES = (
    Symptom("headnode-freezes@my-dc-5", "operator", over_one_connection("my-dc-5"), "said 124", within=30, heals=True),
)  # fmt: skip

SERVICES = (
    # metadata and files first: what must be rendered has to be rendered before servers misbehave
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
    Symptom(
        "sapi-not-restarted@my-dc-3.sapi0", "my-dc-3",
        "sdc-sapi --no-headers '/services?name=sapi&include_master=true' | grep -c '\"name\": \"sapi\"'", "^1",
    ),
    Symptom(
        "sapi-master-stuck@my-dc-8.sapi0", "my-dc-8",
        curl("'http://10.8.1.32/services?name=none&include_master=true'", 2), r"\(28\)",
    ),
    Symptom(
        "binder-not-restarted@my-dc-9.binder0", "my-dc-9",
        "dig +tries=1 ufds.my-dc-3.srv.example.com", "status: REFUSED",
    ),
    Symptom("file-edited@my-dc-4.cloudapi0", "my-dc-4", config("cloudapi", "cloudapi.cfg"), "edited-by-hand"),
    # routes
    Symptom("route-missing@my-dc-3.cloudapi0", "my-dc-3", curl("https://10.3.1.35/--ping"), " 503"),
    Symptom("napi-route-missing@my-dc-6", "my-dc-6", "vmadm get $(sdc-vmname sapi)", r'"routes": \{\}'),
    Symptom("route-one-way@my-dc-2.moray0", "my-dc-10", reaches("10.2.1.17", 2020, "sapi"), NOTHING, within=2),
    Symptom("route-vmadm-only@my-dc-9.adminui0", "my-dc-9", "vmadm get $(sdc-vmname adminui) | grep -c 10.2.2.29", "^0"),
    Symptom("port-dropped@my-dc-4.binder0", "my-dc-8", reaches("10.4.1.11", 53, "binder"), NOTHING, within=2, heals=True),
    Symptom("route-by-hand@my-dc-5.imgapi0", "my-dc-5", "vmadm get $(sdc-vmname imgapi) | grep -c 10.4.3.0/24", "^1"),
    Symptom(
        "routes-typed@my-dc-5", "my-dc-5",
        f"vmadm get $(sdc-vmname cloudapi) | grep -c 10.2.2.29; {reaches('10.2.2.29', 636, 'cloudapi')}", "^0.*open",
    ),
    Symptom("headnode-route-missing@my-dc-8", "my-dc-8", "route -n get 10.2.2.29", "default"),
    Symptom("gateway-wrong@my-dc-3", "my-dc-3", "zlogin $(sdc-vmname ufds) route -n get 10.2.2.29", r"gateway: 10\.3\.1\.254"),
    Symptom(
        "path-drops-large@my-dc-5", "my-dc-5",
        "zlogin $(sdc-vmname ufds) 'ping 10.2.1.11 2; ping -s -n 10.2.1.11 1472 1'", r"(?s)alive.*100% packet loss",
        within=30, heals=True,
    ),
    Symptom(
        "path-loses@my-dc-1", "my-dc-1",
        "for i in 1 2 3 4 5 6 7 8 9 10; do zlogin $(sdc-vmname ufds) ping 10.2.1.11 1; done", r"(?s)(alive.*no answer|no answer.*alive)",
        within=30, heals=True,
    ),
    Symptom(
        "network-overlaps@my-dc-4", "my-dc-4", "sdc-napi --no-headers /networks | grep subnet", r"10\.1\.3\.0/24", heals=True
    ),
    # firewalls
    Symptom("firewall-rule-missing@my-dc-9.moray0", "my-dc-1", reaches("10.9.1.17", 2020, "sapi"), NOTHING, within=2),
    Symptom("firewall-off@my-dc-1.ufds0", "my-dc-1", "vmadm get $(sdc-vmname ufds) | grep firewall_enabled", "false"),
    Symptom("firewall-open@my-dc-10.ufds0", "my-dc-10", reaches("10.10.2.29", 636, "cloudapi"), "open", within=2),
    # services
    Symptom("service-stopped@my-dc-1.moray0", "my-dc-1", state("moray", "moray"), "disabled"),
    Symptom("sapi-storage@my-dc-4.moray0", "my-dc-4", curl("http://10.4.1.32/ping"), " 500"),
    Symptom("cloudapi-stuck@my-dc-7.cloudapi0", "my-dc-7", curl("https://10.7.1.35/--ping"), " 503"),
    Symptom("adminui-hangs@my-dc-7.adminui0", "my-dc-7", curl("https://10.7.1.36/api/ping", 1), r"\(28\)"),
    Symptom("unhealthy@my-dc-3.napi0", "my-dc-3", "sdc-healthcheck -p | grep ^napi", "napi:running:-:error"),
    Symptom("sdcadm-config@my-dc-7", "my-dc-7", "sdcadm check-health -j", "Unexpected token"),
    Symptom("zookeeper-lost@my-dc-7", "my-dc-7", "dig +tries=1 ufds.my-dc-7.srv.example.com", "status: SERVFAIL"),
    Symptom("ufds-password@my-dc-6.ufds0", "my-dc-6", of_account("admin"), r"Invalid credentials \(49\)", heals=True),
    Symptom("ufds-hangs@my-dc-5.ufds0", "ldap", "10.5.2.29", NOTHING, within=2, heals=True),
    Symptom("service-hangs@my-dc-1.napi0", "my-dc-1", curl("http://10.1.1.14/ping", 1), r"\(28\)", heals=True),
    Symptom("service-slow@my-dc-8.napi0", "my-dc-8", curl("http://10.8.1.14/ping"), r" 200.* after [4-7]", heals=True),
    Symptom("service-slow@my-dc-9.binder0", "my-dc-9", "dig +tries=1 +time=2 sapi.my-dc-9.srv.example.com", "timed out", heals=True),
    Symptom("service-cut@my-dc-5.moray0", "my-dc-5", curl("http://10.5.1.32/ping"), " 500", heals=True),
    Symptom("certificate-expired@my-dc-6.adminui0", "my-dc-6", certificate("10.6.1.36:443"), "will expire", heals=True),
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

NAMES_AND_CLOUDAPI = (
    Symptom(
        "cloudapi-lists-itself@my-dc-1", "my-dc-1",
        in_sdc_zone("sdc-cloudapi --no-headers /my/datacenters") + " | grep -c my-dc-", "^1",
    ),
    Symptom("cloudapi-own-master@my-dc-3", "my-dc-3", config("cloudapi", "cloudapi.cfg"), r'ufds_master": .\s*"url": "ldaps://"'),
    Symptom(
        "cloudapi-maintenance@my-dc-4", "my-dc-4", in_sdc_zone("sdc-cloudapi /my/machines -X POST"),
        "503 Service Unavailable.*We upgrade this datacenter",
    ),
    Symptom(
        "binder-without-resolvers@my-dc-4.binder0", "my-dc-4",
        "dig +tries=1 ufds.my-dc-1.srv.example.com; dig +tries=1 ufds.my-dc-4.srv.example.com",
        "status: REFUSED.*status: NOERROR",
    ),
    Symptom(
        "binder-old-resolvers@my-dc-5.binder0", "my-dc-5",
        "dig +tries=1 ufds.my-dc-6.srv.example.com; dig +tries=1 ufds.my-dc-1.srv.example.com",
        "status: REFUSED.*status: NOERROR",
    ),
    Symptom(
        "resolver-lost@my-dc-1", "my-dc-1",
        "sdc-ldap search '(objectclass=resolver)' ip | grep -c '^ip: 10.6.1.11'; dig +tries=1 ufds.my-dc-6.srv.example.com",
        "^0.*status: REFUSED",
    ),
    Symptom(
        "binder-unlisted@my-dc-2.binder0", "my-dc-3",
        "sdc-ldap search '(objectclass=resolver)' ip | grep -c '^ip: 10.2.1.11'", "^0",
    ),
    Symptom("cloudapi-closed-outside@my-dc-5", "outside", "10.5.2.35", NOTHING, within=2, heals=True),
)  # fmt: skip

INVENTORY = (
    inventory("inventory-address@my-dc-2", "ufds_address: 10.2.2.92"),
    inventory("inventory-candidate@my-dc-3", "my-dc-3: .*state: candidate"),
    inventory("inventory-domain@my-dc-2", "dns_domain: srv.example.org"),
    inventory("inventory-master@my-dc-1", "master: my-dc-1"),
    inventory("inventory-region@my-dc-1", "region: MY-DC"),
)

SETTINGS = (
    Symptom("cloudapi-lists-no-json@my-dc-6", "my-dc-6", state("cloudapi", "cloudapi:cloudapi-8081"), "maintenance"),
    Symptom("identity-of-another@my-dc-5", "my-dc-5", config("binder", "config.json"), '"datacenterName": "my-dc-1"'),
    Symptom("flag-in-capitals@my-dc-6", "my-dc-6", state("ufds", "ufds-master:ufds-1390"), "maintenance"),
    Symptom("sapi-port@my-dc-4", "my-dc-4", state("sapi", "sapi"), "maintenance"),
    Symptom(
        "instance-override@my-dc-3.sapi0", "my-dc-3", config("sapi", "sapi-master.config.json"), r"moray\.my-dc-1\."
    ),
    Symptom("replicator-not-restarted@my-dc-5", "my-dc-5", LOG, "connection attempt failed"),
    Symptom(
        "dns-domain-restarted@my-dc-1",
        "my-dc-1",
        "sapiadm get 930896af-bf8c-48d4-885c-6573a94b1853 2>&1",
        r"ENOTFOUND sapi\.my-dc-1\.",
    ),
)
"""The last of their table: SAPI of my-dc-4 is down from now on."""

POSEIDON = (Symptom("second-poseidon@my-dc-3", "my-dc-3", state("ufds", "ufds-replicator"), "maintenance"),)
REPLICATION = (
    Symptom("account-added@my-dc-1", "my-dc-1", of_account("gina"), "gina@example.com"),
    Symptom("account-removed@my-dc-1", "my-dc-1", f"{of_account('bruno')} | grep -c bruno", "^0"),
    Symptom("accounts-skipped@my-dc-1", "my-dc-1", f"{of_account('guest*')} | grep -c guest", "^0"),
    Symptom("account-changed@my-dc-1", "my-dc-1", of_account("carla"), "carla-was-moved@example.com"),
    Symptom(
        "account-password@my-dc-3",
        "my-dc-3",
        "sdc-ldap search -E '!1.3.6.1.4.1.38678.1' login=carla userpassword",
        "userpassword: s3cret-of-nobody",
        heals=True,
    ),
    Symptom(
        "parent-missing@my-dc-4", "my-dc-4", f"{LOG} | grep -c 'Could not add entry.*below'", "^([2-9]|[1-9][0-9])"
    ),
    Symptom("replication-password@my-dc-5", "my-dc-5", LOG, r"client \[0\]: invalid credentials; aborting"),
    Symptom(
        "datacenter-unregistered@my-dc-6", "my-dc-1", "dig +tries=1 ufds.my-dc-6.srv.example.com", "status: REFUSED"
    ),
)
DIRECTORY = (
    Symptom("checkpoint-beyond@my-dc-3", "my-dc-3", f"{CHECKPOINT}", "changenumber: 5000"),
    Symptom("replicator-stopped@my-dc-9", "my-dc-9", state("ufds", "ufds-replicator"), "disabled"),
    Symptom("account-collides@my-dc-10", "my-dc-10", state("ufds", "ufds-replicator"), "maintenance"),
    Symptom("checkpoint-twice@my-dc-8", "my-dc-8", f"{CHECKPOINT} | grep -c ^changenumber", "^2"),
    Symptom("operators-missing@my-dc-8", "my-dc-8", f"{OPERATORS} | grep -c ^uniquemember", "^0"),
    Symptom("datacenter-given-up@my-dc-2", "my-dc-9", "sdc-ldap search ip=10.99.1.11 datacenter", "my-dc-gone", heals=True),
    Symptom("resolver-of-nobody@my-dc-7", "my-dc-7", "sdc-ldap search ip=10.7.1.251 dn | grep -c ^dn", "^1"),
    Symptom("sdc-key-missing@my-dc-7", "my-dc-2", f"{KEYS} | grep -c 'my-dc-7 sdc key'", "^0"),
    Symptom("probes-missing@my-dc-7", "my-dc-7", "sdc-ldap search objectclass=amonprobe dn | grep -c ^dn", "^0"),
    Symptom("schema-newer@my-dc-2", "my-dc-7", f"{LOG} | tail -n 3", "schema version is greater", heals=True),
)  # fmt: skip
SLOW = (
    Symptom(
        "replicator-slow@my-dc-1", "my-dc-2 my-dc-1", "sdc-ldap search login=fabio company",
        "Company 299.*----(?!.*Company 299)", heals=True,
    ),
)  # fmt: skip
MEMBERS = (
    Symptom("poseidon-no-operator@my-dc-2", "my-dc-2", f"{OPERATORS} | grep -c ^uniquemember", "^[01]"),
    Symptom("admin-no-operator@my-dc-2", "my-dc-2", f"{OPERATORS} | grep -c 930896af", "^0"),
    Symptom("admin-disabled@my-dc-2", "my-dc-3", "sdc-listdatacenters", "NotAuthorized"),
)
GAP = (
    Symptom(
        "changelog-gap@my-dc-2", "my-dc-2 my-dc-1",
        f"sdc-ldap search login=dario company; {LOG} 2>/dev/null | tail -n 1",
        "company: After the gap.*----(?!.*After the gap).*has caught up",
    ),
)  # fmt: skip

APPLICATION = "sdc-sapi --no-headers '/applications?name=manta'"
RENDERED = "cat /zones/*/root/opt/smartdc/muskie/etc/config.json"
MANTA = (
    Symptom("second-manta-application@my-dc-3", "my-dc-2", f"{APPLICATION} | grep -c '\"name\": \"manta\"'", "^2"),
    Symptom("networks-of-another-poseidon@my-dc-3", "my-dc-3", "sdc-napi --no-headers /networks", "bbbbbbbb-0000-4000"),
    Symptom("hash-ring-unsaved@my-dc-2", "my-dc-2", f"{APPLICATION} | grep -c HASH_RING_IMAGE", "^0"),
    Symptom(
        "hash-ring-image-lost@my-dc-2", "my-dc-2",
        "curl -s 'http://imgapi.my-dc-2.srv.example.com/images?name=manta-hash-ring'", r"^\[\]", heals=True,
    ),
    Symptom("manta-in-two@my-dc-3", "operator", "cat $AZ_INVENTORY", r"manta: \[((?!my-dc-3).)*\]", heals=True),
    Symptom("datacenter-undeclared@my-dc-3", "operator", "cat $AZ_INVENTORY", "my-dc-1((?!my-dc-3).)*$", heals=True),
    Symptom("muskie-stuck@my-dc-3.webapi0", "my-dc-3", curl("http://10.3.1.52/ping"), " 503"),
)  # fmt: skip
ACCOUNTS = (
    Symptom("poseidon-disabled@my-dc-2", "my-dc-3", "sdc-ldap search login=poseidon disabled", "disabled: true"),
    Symptom("poseidon-without-key@my-dc-2", "my-dc-2", "sdc-useradm keys poseidon | grep -c poseidon_id_rsa", "^0"),
    Symptom("manta-shard-twice@my-dc-2", "my-dc-2", f"{APPLICATION} | grep -c '\"last\": true'", "^2"),
    Symptom(
        "electric-moray-own-shards@my-dc-1.electric-moray0", "my-dc-2",
        "sdc-sapi --no-headers /instances", "3.moray.my-dc.srv.example.com",
    ),
)  # fmt: skip
STORED_AT = (Symptom("manta-storage-of-nobody@my-dc-2", "my-dc-3", RENDERED, '"srvDomain": "2.moray'),)
MUSKIE = (Symptom("muskie-one-dc-instance@my-dc-1.webapi0", "my-dc-1", RENDERED, '"multiDC": false'),)
STARTED = (
    Symptom(
        "muskie-not-restarted@my-dc-3.webapi0", "my-dc-3",
        "written=$(ls -E /zones/*/root/opt/smartdc/muskie/etc/config.json | tr -s ' ' | cut -d ' ' -f 7); "
        "began=$(svcprop -z $(vmadm lookup tags.manta_role=webapi) -p restarter/start_method_timestamp muskie:muskie-8081); "
        "[[ $(printf '%(%T)T' ${began%.*}).${began#*.} < $written ]] && echo before", "^before",
    ),
)  # fmt: skip
ONE_DC = (Symptom("muskie-one-dc@my-dc-2", "my-dc-3", RENDERED, '"multiDC": false'),)
SHARDS = (Symptom("manta-shards-unset@my-dc-2", "my-dc-1", curl("http://10.1.1.52/ping"), " 503"),)

ELSEWHERE = (
    Symptom(
        "sapi-master-elsewhere@my-dc-1", "my-dc-2",
        config("sapi", "sapi-master.config.json"), '"master_host": "moray.my-dc-1.srv.example.com"',
    ),
)  # fmt: skip

CONFIG = "bash /lib/sdc/config.sh -json"
M2S = "/opt/smartdc/bin/sdc-ufds-m2s"
RECONCILE = "/zones/$(sdc-vmname ufds)/root/opt/smartdc/ufds/bin/ufds-reconcile-data"
COUPLING = (
    Symptom("half-coupled@my-dc-3", "my-dc-3", config("ufds", "config.json"), '"ufds_is_master": false'),
    Symptom("candidate-accounts@my-dc-3", "my-dc-3", of_account("hans"), "hans@example.com"),
    Symptom("candidate-group@my-dc-6", "my-dc-6", "sdc-ldap search cn=auditors dn", "cn=auditors, ou=groups"),
    Symptom("candidate-collides@my-dc-5", "my-dc-5", "sdc-ldap search email=bruno@example.com login", "login: bruno2"),
    Symptom("m2s-takes-no-address@my-dc-3", "my-dc-3", f"grep -c 'set -- \"$NET\"' {M2S}", "^1", heals=True),
    Symptom("reconcile-old@my-dc-6", "my-dc-6", f"grep -c ufds_remote_ldap_root_pw {RECONCILE}", "^0", heals=True),
    Symptom("m2s-old@my-dc-4", "my-dc-4", f"grep -c ufds_remote_ldap_root_pw {M2S}", "^0", heals=True),
    Symptom("admin-only-ufds@my-dc-5.ufds0", "my-dc-5", "vmadm get $(sdc-vmname ufds) | grep -c external", "^0"),
    Symptom("config-agent-off@my-dc-6.ufds0", "my-dc-6", state("ufds", "config-agent"), "disabled"),
    Symptom("usbkey-gone@my-dc-7", "my-dc-7", "sdc-usbkey mount", "no pcfs devices found", heals=True),
    Symptom("image-old@my-dc-8.sapi0", "my-dc-8", "sdcadm insts -j sapi", "release-20240118"),
    Symptom("sapi-proto@my-dc-9.sapi0", "my-dc-9", "sdc-sapi --no-headers /mode", "proto"),
    Symptom("admin-uuid@my-dc-10", "my-dc-10", SDC, "dddddddd-0000-4000"),
    Symptom(
        "m2s-stopped@my-dc-8",
        "my-dc-8",
        "ls /var/tmp/backup.ldif; sdc-ldap search cn=operators dn | grep -c ^dn",
        r"^/var/tmp/backup.ldif\s+0",
    ),
    Symptom("nowhere-to-save@my-dc-6", "my-dc-6", "ls -ld /var/tmp", "^-", heals=True),
    Symptom("no-room-to-save@my-dc-3", "my-dc-3", "df -k /var/tmp", r"\s[04]\s+\d+%\s", heals=True),
    Symptom(
        "admin-has-sub-users@my-dc-4",
        "my-dc-4",
        "sdc-ldap search objectclass=sdcaccountuser login",
        "login: eve",
        heals=True,
    ),
    Symptom("candidate-sub-users@my-dc-6", "my-dc-6", "sdc-ldap search objectclass=sdcaccountuser login", "login: jim"),
    Symptom("candidate-former-address@my-dc-7", "my-dc-7", of_account("karl"), "bruno.old@example.com"),
    Symptom("candidate-poseidon@my-dc-8", "my-dc-8", of_account("poseidon"), "manta@example.net"),
    Symptom("usbkey-copy-old@my-dc-4", "my-dc-4", "grep region_name= /mnt/usbkey/config", r"^region_name=old\s"),
    Symptom("admin-has-a-key@my-dc-5", "my-dc-5", KEYS, "name: ops laptop"),
    Symptom("usbkey-admin@my-dc-4", "my-dc-4", "grep ufds_admin_uuid= /usbkey/config", "=dddddddd-0000-4000"),
    Symptom(
        "service-is-master@my-dc-5", "my-dc-5", "sdc-sapi --no-headers /services?name=ufds", '"ufds_is_master": "true"'
    ),
    Symptom("binders-two@my-dc-6", "my-dc-6", SDC, '"binder_admin_ips": "[0-9.]+,[0-9.]+"', heals=True),
    Symptom("registered-before@my-dc-7", "my-dc-2", "sdc-ldap search ip=10.99.1.11 datacenter", "datacenter: my-dc-7"),
    Symptom("own-manta@my-dc-6", "my-dc-6", "sdc-sapi --no-headers /applications?name=manta", '"name": "manta"'),
    Symptom("saved-before@my-dc-7", "my-dc-7", "ls /var/tmp/restore.ldif", "^/var/tmp/restore.ldif"),
    Symptom("sdc-twice@my-dc-9", "my-dc-9", f"{SDC} | json -a uuid | grep -c -", "^2"),
    Symptom("checkpoint-left@my-dc-7", "my-dc-7", CHECKPOINT, "changenumber: 9999"),
    Symptom("usbkey-old@my-dc-1", "my-dc-1", CONFIG, '"ufds_is_master": "true"'),
    Symptom("left-behind@my-dc-1", "my-dc-1", "ls /tmp/fixufds", "^/tmp/fixufds"),
)
PASSWORD = (Symptom("password-fragile@my-dc-2", "my-dc-2", CONFIG, "of-ufds root", heals=True),)
EVALUATED = (
    Symptom("usbkey-quote@my-dc-3", "my-dc-3", CONFIG, '"region_name": ""'),
    Symptom("usbkey-no-json@my-dc-4", "my-dc-4", "sdcadm check-health -j", "unexpected /usbkey/config content"),
    Symptom("usbkey-crlf@my-dc-5", "my-dc-5", "sdc-napi /ping", "input is not JSON"),
)
"""The last of their table, because sdc-vmname fails in these datacenters from now on."""

COMPUTE_NODES = (
    Symptom("net-agent-off@my-dc-2", "my-dc-2", "svcs -H -o state net-agent", "^disabled"),
    Symptom("firewaller-dead@my-dc-1", "my-dc-1", "svcs -H -o state firewaller", "^maintenance"),
    Symptom("server-agent-off@my-dc-1.cn1", "my-dc-1", "ssh 10.1.1.3 'svcs -H -o state net-agent'", "^disabled"),
    Symptom("server-closed@my-dc-2.cn1", "my-dc-2", "ssh 10.2.1.3 true", "Host key verification failed", heals=True),
    Symptom(
        "other-zone-ill@my-dc-1.manta0", "my-dc-1", "sdcadm check-health -j manta", "State: maintenance", heals=True
    ),
)

TABLES: dict[str, tuple[tuple[Symptom, ...], ...]] = {
    "one": (HEADNODES, CUTS, FREEZES, SERVICES),
    "two": (POSEIDON, REPLICATION, DIRECTORY, SLOW, MEMBERS, GAP, ELSEWHERE),
    "several": (NAMES_AND_CLOUDAPI, *INVENTORY, SETTINGS),
    "candidates": (
        COUPLING,
        PASSWORD,
        inventory("inventory-replica@my-dc-7", r"  my-dc-7: ((?!candidate)[^\n])*\n"),
        EVALUATED,
    ),
    "manta": (MANTA, ACCOUNTS, STORED_AT, MUSKIE, STARTED, ONE_DC, SHARDS),
    "servers": (COMPUTE_NODES,),
}
