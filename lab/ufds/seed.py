"""What the UFDS of a lab hold when it starts: what sdcadm, headnode setup and sdc-ufds-m2s leave behind.

A coupled lab starts caught up: replicas hold what the queries copy, and their checkpoint is the master's latest + 1. Candidates hold what
an independent datacenter has after setup. Times, salts and keys are fixed, so the same plan gives the same directories. With
`plan.accounts`, the master and the replicas have that many more accounts.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator

from lab.plan import names, sdckey, sshkeys
from lab.plan.datacenters import Datacenter, Plan
from lab.plan.names import ADMIN_UUID, made_uuid
from lab.ufds import keys, passwords
from lab.ufds.directory import Directory
from lab.ufds.operations import Query
from lab.ufds.store import Attributes

Entry = tuple[str, dict[str, list[str]]]

USERS = "ou=users, o=smartdc"
TIME = 1795398557771
SALT = "d0c59ad9c5fa13ef6dc3156c36d1b3f3f9fd5e00"
POSEIDON_UUID = names.POSEIDON_UUID
POSEIDON_KEY = "poseidon_id_rsa"
"""The name that manta-init gives the key (sdc-manta:lib/common.js)."""
NAMES = ("alice", "bruno", "carla", "dario", "elena", "fabio")
PASSWORD = "lab-accounts-1"
VERSION = "20"


def queries(region: str) -> tuple[str, ...]:
    """The queries of a replicator in `region` (sdc-ufds:sapi_manifests/ufds-replicator/template)."""
    return (
        "/o=smartdc??sub?(objectclass=version)",
        f"/{USERS}??sub?(&(!(objectclass=amonprobe))(!(objectclass=amonprobegroup))(!(objectclass=dclocalconfig))"
        "(!(objectclass=vmusage)))",
        "/o=smartdc??sub?(objectclass=emailblacklist)",
        "/ou=groups, o=smartdc??sub?(objectclass=groupofuniquenames)",
        "/o=smartdc??sub?(objectclass=keyapiprivkey)",
        "/o=smartdc??sub?(objectclass=region)",
        f"/region={region}, o=smartdc??sub?(|(objectclass=datacenter)(objectclass=network)(objectclass=resolver))",
    )


def person(account: str, login: str, email: str, password: str = PASSWORD, /, **more: str) -> Entry:
    """An account as the server stores it, with a hashed password."""
    name = f"uuid={account}, {USERS}"
    attributes = {
        "objectclass": "sdcperson", "login": login, "uuid": account, "email": email, "cn": login.capitalize(),
        "approved_for_provisioning": "false", "created_at": str(TIME), "updated_at": str(TIME),
        "pwdchangedtime": str(TIME), "pwdendtime": str(253406684598557760), "_salt": SALT,
        "userpassword": passwords.salted(password, SALT), "_owner": account, **more,
    }  # fmt: skip
    return name, {kind: [value] for kind, value in attributes.items()}


def key_of(account: str, name: str, openssh: str) -> Entry:
    pkcs, fingerprint = keys.derived(openssh)
    attributes = {"objectclass": "sdckey", "name": name, "fingerprint": fingerprint, "openssh": openssh, "pkcs": pkcs,
                  "_owner": account}  # fmt: skip
    return f"fingerprint={fingerprint}, uuid={account}, {USERS}", {k: [v] for k, v in attributes.items()}


def sdc_public_key(datacenter: Datacenter) -> str:
    """The key with which a datacenter's sdc zone signs. It is also in its SAPI's `sdc` metadata, SDC_PUBLIC_KEY."""
    return sdckey.of(datacenter).public


def _entry(name: str, /, **attributes: str | list[str]) -> Entry:
    return name, {kind: value if isinstance(value, list) else [value] for kind, value in attributes.items()}


def _frame(datacenter: Datacenter) -> Iterator[Entry]:
    """The entries that every UFDS has of its own."""
    yield _entry("o=smartdc", objectclass="organization", o="smartdc")
    for unit in ("users", "groups", "config", "fwrules", "keyapiprivkeys"):
        yield _entry(f"ou={unit}, o=smartdc", objectclass="organizationalunit", ou=unit)
    yield _entry(
        passwords.POLICY, objectclass="pwdpolicy", pwdattribute="userpassword", pwdinhistory="4", pwdminlength="7",
        pwdcheckquality="function quality(p, done) { return done(/[A-Za-z]/.test(p) && /[0-9]/.test(p) ? null : "
        "'insufficientPasswordQuality'); }",
        pwdlockoutduration="1800", pwdmaxage="253404889200000", pwdmaxfailure="6",
    )  # fmt: skip
    yield _local_datacenter(datacenter)
    yield _entry(
        f"cn=replicator, datacenter={datacenter.name}, o=smartdc", objectclass="sdcreplicator", cn="replicator"
    )


def _local_datacenter(datacenter: Datacenter) -> Entry:
    return _entry(f"datacenter={datacenter.name}, o=smartdc", **_datacenter(datacenter))


def _datacenter(datacenter: Datacenter) -> dict[str, str | list[str]]:
    return {"objectclass": "datacenter", "o": "smartdc", "region": datacenter.region, "datacenter": datacenter.name,
            "company": "Acme", "address": "Somewhere"}  # fmt: skip


def _region(region: str, datacenters: list[Datacenter]) -> Iterator[Entry]:
    """A region's datacenters, networks and resolvers. binder reads the resolvers, and nobody reads the networks."""
    top = f"region={region}, o=smartdc"
    yield _entry(top, objectclass="region", o="smartdc", region=region)
    for each in datacenters:
        where = f"datacenter={each.name}, {top}"
        yield _entry(where, **_datacenter(each))
        common = {"o": "smartdc", "region": region, "datacenter": each.name, "network": "admin"}
        yield _entry(f"network=admin, {where}", objectclass="network", **common, netmask="255.255.255.0",
                     networkaddr=each.admin_subnet.partition("/")[0])  # fmt: skip
        for zone in each.zones:
            if zone.role == "binder":
                ip = zone.admin_ip
                yield _entry(f"ip={ip}, network=admin, {where}", objectclass="resolver", **common, ip=ip)


def _own_key(datacenter: Datacenter) -> Entry:
    """The entry that ufds-reconcile-data adds only to the local UFDS (sdc-ufds:data/bootstrap.ldif.in)."""
    return key_of(ADMIN_UUID, "id_rsa", sshkeys.of_headnode(datacenter.number))


def _admin(datacenters: list[Datacenter], operators: list[str]) -> Iterator[Entry]:
    """admin, the sdc keys of these datacenters, and the groups."""
    yield person(ADMIN_UUID, "admin", "root@localhost", givenname="Admin", sn="User", registered_developer="true")
    for datacenter in datacenters:
        yield key_of(ADMIN_UUID, f"{datacenter.name} sdc key", sdc_public_key(datacenter))
    members = [f"uuid={each}, {USERS}" for each in (ADMIN_UUID, *operators)]
    yield _entry("cn=operators, ou=groups, o=smartdc", objectclass="groupofuniquenames", uniquemember=members)
    yield _entry("cn=readers, ou=groups, o=smartdc", objectclass="groupofuniquenames")


def _poseidon() -> Iterator[Entry]:
    yield person(POSEIDON_UUID, "poseidon", "poseidon@example.com", cn="Manta")
    yield key_of(POSEIDON_UUID, POSEIDON_KEY, sshkeys.made_up("poseidon", "poseidon"))


def _accounts(count: int) -> Iterator[Entry]:
    """A few customers with keys and a sub-user; then `count` accounts of little content."""
    for number, name in enumerate(NAMES, start=1):
        account = f"10000000-0000-4000-8000-{number:012d}"
        yield person(account, name, f"{name}@example.com", givenname=name.capitalize(), sn="Test", country="CH")
        yield key_of(account, "laptop", sshkeys.made_up(name, f"{name}@example.com"))
    owner, sub = "10000000-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000001"
    name, entry = person(sub, f"{owner}/subber", "sub@example.com", alias="subber", account=owner, _owner=owner)
    entry["objectclass"] = ["sdcperson", "sdcaccountuser"]
    yield f"uuid={sub}, uuid={owner}, {USERS}", entry
    for number in range(1, count + 1):
        account = str(uuid.UUID(int=0x7000000000004000800000000000 << 16 | number))
        yield person(account, f"account{number:06d}", f"account{number:06d}@example.com")


def _probes(datacenter: Datacenter) -> Iterator[Entry]:
    """amon's probes belong to admin and to one datacenter. The replicator does not copy them."""
    group = made_uuid(datacenter.name, "amonprobegroup")
    probe = made_uuid(datacenter.name, "amonprobe")
    below = f"uuid={ADMIN_UUID}, {USERS}"
    yield _entry(f"amonprobegroup={group}, {below}", objectclass="amonprobegroup", uuid=group, name="local probes",
                 user=ADMIN_UUID, contact="email", _owner=ADMIN_UUID)  # fmt: skip
    yield _entry(f"amonprobe={probe}, {below}", objectclass="amonprobe", uuid=probe, name="log errors",
                 type="bunyan-log-scan", agent=datacenter.server_uuid, user=ADMIN_UUID, group=group,
                 contact="email", _owner=ADMIN_UUID)  # fmt: skip


def _version() -> Entry:
    return _entry("cn=version, o=smartdc", objectclass="version", cn="version", o="smartdc", version=VERSION)


def _filled(directory: Directory, entries: Iterator[Entry]) -> None:
    for name, attributes in entries:
        _put(directory, name, attributes)


def _put(directory: Directory, name: str, attributes: Attributes) -> None:
    if name in directory.store:
        return
    directory.put_silently(name, {kind: list(values) for kind, values in attributes.items()})
    directory.log.append("add", name, TIME, directory.read(name))


def own_directory(datacenter: Datacenter) -> Directory:
    """A UFDS that was never coupled, for a candidate."""
    directory = Directory(is_master=True, datacenter=datacenter.name)
    for part in (_frame(datacenter), iter([_version()]), _region(datacenter.region, [datacenter]),
                 _admin([datacenter], []), iter([_own_key(datacenter)]), _probes(datacenter)):  # fmt: skip
        _filled(directory, part)
    return directory


def master_directory(the_plan: Plan) -> Directory:
    """The master's UFDS, with everything that the coupling shares."""
    master = the_plan.master
    coupled = [each for each in the_plan.datacenters if each.state != "candidate"]
    directory = Directory(is_master=True, datacenter=master.name)
    _filled(directory, _frame(master))
    _filled(directory, iter([_version()]))
    for region in dict.fromkeys([master.region, *(each.region for each in coupled)]):
        _filled(directory, _region(region, [each for each in coupled if each.region == region]))
    with_poseidon = len(coupled) > 1  # otherwise nobody has run manta-init yet
    _filled(directory, _admin(coupled, [POSEIDON_UUID] if with_poseidon else []))
    _filled(directory, iter([_own_key(master)]))
    _filled(directory, _probes(master))
    if with_poseidon:
        _filled(directory, _poseidon())
    _filled(directory, _accounts(the_plan.accounts))
    return directory


class _Copies:
    """Copies of the master's entries as replication leaves them. They are made once, and all replicas share them."""

    def __init__(self, master: Directory) -> None:
        self.master = master
        self._made: dict[str, Attributes] = {}

    def of(self, name: str, attributes: Attributes) -> Attributes:
        if name not in self._made:
            marked = {**attributes, "_replicated": ["true"]}
            if "_salt" in attributes:
                marked["_imported"] = ["true"]
            self._made[name] = marked
        return self._made[name]


def _replica_directory(replica: Datacenter, url: str, copies: _Copies) -> Directory:
    directory = Directory(is_master=False, datacenter=replica.name)
    _filled(directory, _frame(replica))
    texts = queries(replica.region)
    wanted = [(query, f", {query.base}") for query in map(Query.parse, texts)]
    for name, row in copies.master.store.rows.items():
        if any(name.endswith(suffix) and query.wanted.matches(row.attributes) for query, suffix in wanted):
            copy = copies.of(name, row.attributes)
            directory.store.put(name, copy)
            directory.log.append("add", name, TIME, copy)
    _filled(directory, iter([_own_key(replica)]))
    _filled(directory, _probes(replica))
    uid = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    checkpoint = _entry(
        f"uid={uid}, cn=replicator, datacenter={replica.name}, o=smartdc", objectclass="sdcreplcheckpoint", uid=uid,
        url=url, changenumber=str(copies.master.log.latest + 1), query=list(texts),
    )  # fmt: skip
    _filled(directory, iter([checkpoint]))
    return directory


def directories(the_plan: Plan) -> dict[str, Directory]:
    """A UFDS for each datacenter of a plan."""
    master = master_directory(the_plan)
    copies = _Copies(master)
    url = f"ldaps://{the_plan.master_ufds_address}"
    made: dict[str, Directory] = {}
    for datacenter in the_plan.datacenters:
        if datacenter.state == "master":
            made[datacenter.name] = master
        elif datacenter.state == "candidate":
            made[datacenter.name] = own_directory(datacenter)
        else:
            made[datacenter.name] = _replica_directory(datacenter, url, copies)
    return made


def as_ldif(directory: Directory) -> str:
    """Every entry with its hidden attributes, for people to read."""
    lines = ["version: 1"]
    for name, row in directory.store.rows.items():
        lines += ["", f"dn: {name}"]
        for kind, values in row.attributes.items():
            for value in values:
                plain = value.isascii() and value.isprintable() and value[:1] not in (" ", ":", "<")
                encoded = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
                lines.append(f"{kind}: {value}" if plain else f"{kind}:: {encoded}")
    return "\n".join(lines) + "\n"
