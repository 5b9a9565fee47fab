"""Every fact, one row each: whose it is, what is asked, how, when, and from where it can be seen. Data only.

A key is the name of the model's field. What the operator reads about a fact (asked, how) comes from here, whether it has an answer or
not, and whether or not it was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from evidence.inventory.model import CANDIDATE, REPLICA
from evidence.subjects.triton import ADMIN_UUID, CONFIGURED, INTERNAL_APIS

MANTA: Final = "where Manta is expected"
MANTAS_MASTER: Final = "the master, where Manta is expected"
WITH_CANDIDATES: Final = "a master that is to be replicated to candidates"
FIREWALLED: Final = "a zone that others connect to, and whose firewall is on; and UFDS"
DOUBTFUL: Final = "a core zone that does not run"
SPREAD: Final = "a datacenter that has core zones on other servers than its head node"
MASTER_ELSEWHERE: Final = "a replica whose master is asked elsewhere"
REPLICAS_ELSEWHERE: Final = "a master of which replicas are asked elsewhere"
"""When a fact is asked, in addition to the state of the datacenter (candidate, replica)."""

NOT_ENTERED: Final = "not entered"
"""How the reason begins if the head node's ssh does not get to the server of a zone."""

HEAD_NODE: Final = "the head node"
ITS_OWN_SERVICE: Final = "the zone's own service"
ANY_ENDPOINT: Final = "any endpoint"
"""From where a fact can be seen, in addition to the role of an endpoint that answers it."""

_FIELDS = "uuid,alias,state,nics,routes,tags,firewall_enabled"
MANTA_VMADM: Final = f"vmadm lookup -j -o {_FIELDS},owner_uuid 'tags.manta_role=~^[a-z]'"
"""Goes with the command for the core zones, where it is not known who owns Manta: only whether there are such VMs."""


def manta_vmadm(owner: str) -> str:
    """Manta's zones. poseidon owns them, and has another uuid in every region; anybody may tag a VM of his so."""
    return f"{MANTA_VMADM} owner_uuid={owner}" if owner else MANTA_VMADM


PINGS: Final[dict[str, tuple[str, int, str]]] = {
    "adminui": ("https", 443, "/api/ping"),
    "cloudapi": ("https", 443, "/--ping"),
    "sapi": ("http", 80, "/ping"),
    "webapi": ("http", 80, "/ping"),
    **dict.fromkeys(INTERNAL_APIS, ("http", 80, "/ping")),
}
"""The health URL of each role, at the zone's admin address.  Source: facts, "Health commands", "cloudapi, adminui, muskie"."""


@dataclass(frozen=True)
class Question:
    """One fact.  `how` is the command for it: on a head node what is run, elsewhere what would be typed.

    `typed` is that command with what is known of the zone put in.  `roles`: of which zones (none: of all).  `when`: one
    of these must hold (none: always).  `seen_from`: what shows it where there is no SSH.
    """

    asked: str
    how: str
    typed: str = ""
    roles: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    seen_from: str = HEAD_NODE


OF_DATACENTER: Final[Mapping[str, Question]] = MappingProxyType({
    "ssh": Question("SSH to the head node", "ssh"),
    "sysinfo": Question("sysinfo of the head node", "sysinfo"),
    "usbkey": Question("the head node's configuration", "bash /lib/sdc/config.sh -json"),
    "zones": Question(
        "the core zones", f"vmadm lookup -j -o {_FIELDS} owner_uuid={ADMIN_UUID}", seen_from=ANY_ENDPOINT
    ),
    "everywhere": Question("the zones of all servers", f"sdc-vmapi '/vms?state=active&owner_uuid={ADMIN_UUID}'"),
    "applications": Question("SAPI's application sdc", "sdc-sapi '/applications?name=sdc'", seen_from="sapi"),
    "services": Question(
        "the services of SAPI's application sdc", "sdc-sapi '/services?application_uuid=SDC'", seen_from="sapi"
    ),
    "networks": Question("NAPI's networks", "sdc-napi /networks"),
    "check_health": Question("sdcadm check-health", "sdcadm check-health -j"),
    "healthcheck": Question("sdc-healthcheck", "sdc-healthcheck -p"),
    "global_services": Question("the services of its global zone", "svcs -aH -o state,stime,fmri"),
    "servers": Question("its servers", "sdc-cnapi '/servers?extras=sysinfo'", when=(SPREAD,)),
    "troubles": Question("whether it can be used to the end", "ssh -v"),
    "outside": Question(
        "cloudapi's public URL, asked from here", "curl -k https://…/--ping", seen_from="sapi"
    ),  # SAPI tells the URL
    "clock": Question("its clock", "date -u +%s"),
    "leftovers": Question("what sdc-ufds-m2s leaves behind", "ls -1d FILES"),
    "manta_applications": Question(
        "applications called manta", "sdc-sapi '/applications?name=manta'", when=(MANTA, CANDIDATE), seen_from="sapi"
    ),
    "manta_services": Question(
        "the services of applications called manta", "sdc-sapi '/services?application_uuid=MANTA'", when=(MANTA,), seen_from="sapi"
    ),
    "ring_images": Question("images of hash rings", "sdc-imgapi '/images?name=manta-hash-ring'", when=(MANTA,)),
    "usbkey_mount": Question(
        "whether its USB key can be mounted",
        "sdc-usbkey status -j; bootparams | grep '^triton_bootpool='; for disk in $(diskinfo -Hp | cut -f2); do "
        "fstyp /dev/dsk/${disk}p1; fstyp /dev/dsk/${disk}s2; done 2>/dev/null; true",
        when=(CANDIDATE,),
    ),
    "m2s_asks_password": Question(
        "whether its sdc-ufds-m2s asks for the master's password",
        "grep -c ufds_remote_ldap_root_pw /opt/smartdc/bin/sdc-ufds-m2s",
        when=(CANDIDATE,),
    ),
    "coupling_tools": Question(
        "which versions of sdc-ufds-m2s and ufds-reconcile-data it has",
        "grep -c 'set -- \"$NET\"' /opt/smartdc/bin/sdc-ufds-m2s; "
        "grep -c ufds_remote_ldap_root_pw /zones/*/root/opt/smartdc/ufds/bin/ufds-reconcile-data; true",
        when=(CANDIDATE,),
    ),
    "m2s_room": Question(
        "whether sdc-ufds-m2s can save what it deletes",
        "for at in /tmp /var/tmp; do test -d $at && test -w $at || echo no $at; done; "
        "for at in /tmp/fixufds /var/tmp/backup.ldif /var/tmp/restore.ldif /var/tmp/cleanup.ufds /var/tmp/sapi.out; do "
        "test -e $at || test -h $at || continue; test -f $at && test -w $at || echo no $at; done; df -k /var/tmp",
        when=(CANDIDATE,),
    ),
    "usbkey_copy": Question(
        "the USB key's own copy of the configuration",
        "for at in /mnt/usbkey /$(bootparams | sed -n s/^triton_bootpool=//p)/boot; do "
        "test -f $at/config && echo $at/config && cat $at/config && break; done; true",
        when=(CANDIDATE,),
    ),
    "instances": Question(
        "the images of sapi and ufds", "sdcadm insts -j sapi ufds", when=(CANDIDATE, WITH_CANDIDATES)
    ),
})  # fmt: skip

_LDAP = "ldapsearch -x -H ldaps://{address} -D cn=root -W"
_ALL = f"{_LDAP} -z 2147483647"
_PEOPLE = f"{_ALL} -b 'ou=users, o=smartdc' objectclass=sdcperson uuid login email"
_DIG = "dig +tcp @{address}"

OF_ZONE: Final[Mapping[str, Question]] = MappingProxyType({
    "services": Question("its SMF services", "svcs -aH -o state,stime,fmri (by zlogin)"),
    "files": Question("its rendered files", "cat (by zlogin)", "cat {paths} (by zlogin)"),
    "kernel": Question("the routes of its kernel", "netstat -rnv -f inet (by zlogin)"),
    "settings": Question(
        "what SAPI sets in it", "sdc-sapi /configs", "sdc-sapi /configs/{uuid}",
        roles=CONFIGURED,
    ),
    "ping": Question(
        "its health URL", "curl", "curl -k {scheme}://{address}{path}",
        roles=tuple(PINGS), seen_from=ITS_OWN_SERVICE,
    ),
    "bind": Question("the root bind", "ldapsearch", _LDAP, roles=("ufds",), seen_from=ITS_OWN_SERVICE),
    "poseidons": Question(
        "accounts with login poseidon", "ldapsearch", f"{_LDAP} -b 'ou=users, o=smartdc' login=poseidon uuid login disabled",
        roles=("ufds",), seen_from=ITS_OWN_SERVICE,
    ),
    "poseidon_keys": Question(
        "poseidon's keys", "ldapsearch", f"{_ALL} -b 'uuid=…, ou=users, o=smartdc' objectclass=sdckey fingerprint name",
        roles=("ufds",), when=(MANTAS_MASTER,), seen_from=ITS_OWN_SERVICE,
    ),
    "names": Question(
        "what binder answers", "dig", f"{_DIG} ufds.{{datacenter}}.DOMAIN (also moray, sapi)",
        roles=("binder",), seen_from=ITS_OWN_SERVICE,
    ),
    "directory": Question(
        "what it holds", "ldapsearch", f"{_ALL} -b 'o=smartdc'", roles=("ufds",), seen_from=ITS_OWN_SERVICE,
    ),
    "progress": Question(
        "its replication", "ldapsearch", f"{_LDAP} -b cn=replicator,… (twice)",
        roles=("ufds",), when=(REPLICA,), seen_from=ITS_OWN_SERVICE,
    ),
    "comparison": Question(
        "its directory compared with the master's", "ldapsearch", f"{_ALL} -b 'o=smartdc' '*' (here and at the master)",
        roles=("ufds",), when=(REPLICA,),
    ),
    "gaps": Question(
        "its changelog", "ldapsearch", f"{_LDAP} -b cn=changelog changenumber",
        roles=("ufds",), when=(WITH_CANDIDATES,), seen_from=ITS_OWN_SERVICE,
    ),
    "asks_master": Question(
        "whether it reaches the master's moray", "curl", "curl -m {seconds:g} 'http://{address}{path}'",
        roles=("sapi",), seen_from=ITS_OWN_SERVICE,
    ),
    "listing": Question(
        "a signed ListDatacenters", "sdc-listdatacenters (in the sdc zone)",
        "sdc-listdatacenters -a admin -u https://{address} -k SDC_KEY_ID (in the sdc zone)", roles=("cloudapi",),
    ),
    "elsewhere": Question(
        "what binder answers for other datacenters", "dig",
        f"{_DIG} moray.DATACENTER.DOMAIN (also ufds; SRV _moray._tcp.moray)", roles=("binder",), seen_from=ITS_OWN_SERVICE,
    ),
    "accounts": Question(
        "its accounts", "ldapsearch", _PEOPLE, roles=("ufds",), when=(CANDIDATE,), seen_from=ITS_OWN_SERVICE,
    ),
    "belongings": Question(
        "what is below its admin", "ldapsearch", f"{_ALL} -b 'uuid={ADMIN_UUID}, ou=users, o=smartdc'",
        roles=("ufds",), when=(CANDIDATE, REPLICA), seen_from=ITS_OWN_SERVICE,
    ),
    "collisions": Question(
        "its accounts that the master has too", "ldapsearch", f"{_PEOPLE} (here, and for these at the master)",
        roles=("ufds",), when=(CANDIDATE,), seen_from=ITS_OWN_SERVICE,
    ),
    "rules": Question("its firewall rules", "sdc-fwapi", "sdc-fwapi {path}", when=(FIREWALLED,)),
    "instance": Question(
        "whether SAPI knows it", "sdc-sapi", "sdc-sapi '/instances?service_uuid=SERVICE'", when=(DOUBTFUL,),
    ),
    "position": Question(
        "its checkpoint", "ldapsearch", f"{_LDAP} -b cn=replicator,… changenumber (twice)",
        roles=("ufds",), when=(MASTER_ELSEWHERE,), seen_from=ITS_OWN_SERVICE,
    ),
    "recent": Question(
        "its latest changes", "ldapsearch", f"{_LDAP} -b cn=changelog changenumber targetdn changetype changetime",
        roles=("ufds",), when=(REPLICAS_ELSEWHERE,), seen_from=ITS_OWN_SERVICE,
    ),
})  # fmt: skip


def applies(question: Question, circumstances: frozenset[str]) -> bool:
    """Whether the question is asked under these circumstances."""
    return not question.when or not circumstances.isdisjoint(question.when)
