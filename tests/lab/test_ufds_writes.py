"""Adds, changes, deletions, comparisons and binds that were not recorded: what sdc-ufds does by its source."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from lab.ufds import conformance, filters, passwords, rules
from lab.ufds.directory import Directory
from lab.ufds.errors import LdapError
from lab.ufds.service import Service

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "ufds"
USERS = "ou=users, o=smartdc"
ALICE = f"uuid=10000000-0000-4000-8000-000000000001, {USERS}"
DARIO = f"uuid=10000000-0000-4000-8000-000000000004, {USERS}"
POSEIDON = f"uuid=aaaaaaaa-0000-4000-8000-000000000001, {USERS}"
SUBBER = f"uuid=bbbbbbbb-0000-4000-8000-000000000001, {ALICE}"
ROLE, POLICY = (f"{kind}-uuid={letter}-0000-4000-8000-000000000001, {ALICE}"
                for kind, letter in (("role", "dddddddd"), ("policy", "cccccccc")))  # fmt: skip
NEW = "90000000-0000-4000-8000-000000000001"
ACCOUNT = ALICE[5:41]
PLACE = "datacenter=my-dc-1, region=my-region, o=smartdc"
Entry = dict[str, list[str]]
NEWEST = filters.from_text("(changenumber>=1)")


def directory(name: str = "master") -> Directory:
    return conformance.recorded_directory(RECORDINGS, name)


def asked(where: Directory, operation: str, *what: Any, **options: Any) -> tuple[int, str]:
    try:
        getattr(Service(where), operation)("cn=root", *what, **options)
    except LdapError as error:
        return error.code, error.message
    return 0, ""


def entry(objectclass: str, **values: str | list[str]) -> Entry:
    given = {name.replace("__", "-"): v if isinstance(v, list) else [v] for name, v in values.items()}
    return {"objectclass": objectclass.split(), **given}


def person(**more: str | list[str]) -> Entry:
    base: dict[str, Any] = {"login": "new001", "uuid": NEW, "email": "new001@example.com", "userpassword": "newpass001"}
    return entry("sdcPerson", **(base | more))


def role(**more: str | list[str]) -> Entry:
    return entry("sdcaccountrole", **({"name": "second", "account": ACCOUNT, "uuid": NEW} | more))


NEW_DN, NEW_ROLE, NEW_POLICY = f"uuid={NEW}, {USERS}", f"role-uuid={NEW}, {ALICE}", f"policy-uuid={NEW}, {ALICE}"
LONG = "x" * 256
ADDED: list[tuple[str, Entry, int, str]] = [
    (NEW_DN, person(login="ab"), 19, "login: ab is invalid"),
    (NEW_DN, person(login="local"), 19, "login: local is invalid"),
    (NEW_DN, person(login="x" * 33), 19, f"login: {'x' * 33} is invalid"),
    (NEW_DN, person(login="1abc", uuid="1"), 19,
     f"login: 1abc is invalid\nuuid: 1 is invalid\ndn: {NEW_DN} is invalid"),
    (NEW_DN, person(login=f"{ACCOUNT}/abcd"), 19, "Login is invalid"),
    (NEW_DN, person(login="fa.io"), 19, "Login is already taken"),  # a dot is any character: fabio
    (NEW_DN, person(login=["aaaa", "bbbb"]), 65, "login can only have 1 values"),
    (NEW_DN, person(userpassword="short"), 19, "passwordTooShort"),
    (NEW_DN, person(userpassword="longenough"), 19, "insufficientPasswordQuality"),
    (NEW_DN, person(email="carla@example.com"), 19,
     '"email" is a unique attribute; value "carla@example.com" already exists'),
    (NEW_DN, person(email=["carla@example.com", "x@example.com"]), 0, ""),  # two values are one in the index
    (NEW_DN, person(email="x@badXexample.com"), 19, "Email address is blacklisted."),  # its dots are any character
    (NEW_DN, person(disabled="perhaps"), 1, "Moray failure: index(disabled) is of type boolean"),
    (f"uuid={NEW},{USERS}", person(), 0, ""),
    (f"cn=x, {USERS}", entry("nosuch"), 17, "nosuch not a known objectclass"),
    (f"cn=x, {USERS}", entry("vmusage"), 17, "vmusage not a known objectclass"),
    (f"cn=x, {USERS}", {"cn": ["x"]}, 65, "no objectclass"),
    (f"uuid={NEW}, {ALICE}", person() | {"objectclass": ["sdcPerson", "sdcAccountUser"]}, 65, "account is required"),
    (f"uuid={NEW}, {ALICE}", person(login="subber"), 19, "Login is already taken"),
    (f"uuid={NEW}, {ALICE}", person(login="poseidon"), 0, ""),
    (NEW_ROLE, role(), 0, ""),
    (NEW_ROLE, role(name="lister"), 19, "Name is not unique"),
    (NEW_ROLE, role(uuid="x"), 19, f"uuid: x is invalid\ndn: {NEW_ROLE} is invalid"),
    (NEW_ROLE, role(account=NEW), 19, f"dn: {NEW_ROLE} is invalid"),
    (NEW_ROLE, role(account="x"), 19, f"account: x is invalid\ndn: {NEW_ROLE} is invalid"),
    (NEW_ROLE, role(memberpolicy=NEW_POLICY), 32, NEW_POLICY),
    (NEW_ROLE, role(uniquememberdefault=SUBBER), 19, f"{SUBBER} is not valid"),
    (NEW_POLICY, entry("sdcaccountpolicy", name="p", account=ACCOUNT, uuid=NEW), 65, "rule is required"),
    (NEW_POLICY, entry("sdcaccountpolicy", name="p", account=ACCOUNT, uuid=NEW, rule="CAN do and be"), 0, ""),
    (f"resource-uuid={NEW}, {ALICE}", entry("sdcaccountresource", name="r", account=ACCOUNT, uuid="x"), 19,
     f"uuid: x is invalid\ndn: resource-uuid={NEW}, {ALICE} is invalid"),
    (f"amonprobe={NEW}, {ALICE}", entry("amonprobe", uuid=NEW, type="x", agent="x", machine="y"), 19,
     "probe agent: 'x' is invalid (must be a UUID)\nprobe machine: 'y' is invalid (must be a UUID)"),
    (f"amonprobegroup={NEW}, {ALICE}", entry("amonprobegroup", uuid=NEW), 0, ""),
    (f"dclocalconfig=my-dc-2, {DARIO}", entry("dclocalconfig", dclocalconfig="my-dc-2"), 19,
     "dclocalconfig name must be: my-dc-1 for this instance\n"
     f"dn: dclocalconfig=my-dc-2, {DARIO} is invalid, dclocalconfig must be dclocalconfig=my-dc-1"),
    ("region=r, o=smartdc", entry("region", o="smartdc"), 65, "region is required"),
    ("region=r, o=smartdc", entry("region", o=LONG, region=LONG), 19,
     f"o: {LONG} is invalid\nregion name: {LONG} is invalid"),
    (f"network=x, {PLACE}", entry("network", o="smartdc", region="my-region", datacenter="my-dc-1", network="x",
                                  networkaddr="10.0.0", netmask="255.255.255.256"), 19,
     "networkaddr: 10.0.0 is invalid\nnetmask: 255.255.255.256 is invalid"),
    (f"ip=010.0.0.1, network=admin, {PLACE}", entry("resolver", o="smartdc", region="my-region", datacenter="my-dc-1",
                                                    network="admin", ip="010.0.0.1"), 0, ""),
    (f"uuid={NEW}, ou=fwrules, o=smartdc", entry("fwrule", uuid=NEW, protocol="x", action="y", enabled="z",
                                                 fromip=["10.0.0.1", "167772161"], tosubnet="167772160/33", ports=["all", "5-4", "x"]), 19,
     'IP number "10.0.0.1" is invalid\nsubnet "167772160/33" is invalid (must be in CIDR format)\n'
     'action "y" is invalid (must be one of: allow,block)\nenabled value "z" is invalid (must be one of: true,false)\n'
     'protocol "x" is invalid (must be one of: tcp,udp,icmp)\n'
     'beginning of port range (5) should come before the end of the range (4)\nport "x" is invalid'),
    ("cn=other, o=smartdc", entry("version", o="smartdc", version="new"), 19, "version: new is invalid"),
    ("cn=other, o=smartdc", entry("version", o="smartdc"), 65, "version is required"),
    ("cn=g, ou=groups, o=smartdc", entry("groupofuniquenames", uniquemember=[ALICE, ALICE]), 0, ""),
    ("cn=g, ou=group, o=smartdc", entry("groupofuniquenames"), 32, "ou=group, o=smartdc"),
    (f"fingerprint=x, {ALICE}", entry("sdckey", name="k"), 65,
     "openssh is required\nfingerprint is required\npkcs is required"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "code", "message"), ADDED, ids=range(len(ADDED)))
def test_add(name: str, given: Entry, code: int, message: str) -> None:
    where = directory()
    before = where.log.latest
    assert asked(where, "add", name, given) == (code, message)
    assert where.log.latest - before == (code == 0)


Changes = list[tuple[str, str, list[str]]]
CHANGED: list[tuple[str, Changes, int, str]] = [
    (ALICE, [("delete", "email", [])], 65, "email is required"),
    (ALICE, [("delete", "objectclass", [])], 1, "Cannot read property 'indexOf' of undefined"),
    (ALICE, [("delete", "objectClass", ["sdcPerson"])], 0, ""),  # only lower case is stored
    (ALICE, [("add", "objectClass", ["NoSuch"])], 17, "nosuch not a known objectclass"),
    (ALICE, [("replace", "login", ["no"])], 19, "login: no is invalid"),
    (ALICE, [("replace", "login", ["ALICE"])], 0, ""),
    (ALICE, [("replace", "_owner", ["x"])], 69, "Attribute '_owner' cannot be modified"),
    (ALICE, [("replace", "_imported", ["x"]), ("replace", "_owner", ["x"])], 69,
     "Attribute '_owner' cannot be modified\nAttribute '_imported' cannot be modified"),
    (ALICE, [("replace", "uuid", [ACCOUNT])], 19, "uuid cannot be modified"),
    (ALICE, [("replace", "userpassword", ["x1"])], 19, "passwordTooShort"),
    (ALICE, [("replace", "userpassword", ["alicepass101"])], 19, "passwordInHistory"),
    (ALICE, [("add", "attested", ["true"])], 21, "Modifying attestation data for an sdckey is not allowed"),
    (ROLE, [("replace", "userpassword", ["newpass001"])], 16, "salt"),
    (ROLE, [("add", "memberpolicy", [NEW_POLICY])], 32, NEW_POLICY),
    (ROLE, [("replace", "uniquemember", [SUBBER, SUBBER])], 19, f"{SUBBER} is not unique"),
    (ROLE, [("replace", "uuid", ["dddddddd-0000-4000-8000-000000000001"])], 19, "uuid cannot be modified"),
    ("region=my-region, o=smartdc", [("delete", "region", [])], 65, "region is required"),
    ("cn=version, o=smartdc", [("replace", "version", ["21"])], 0, ""),
    (f"dclocalconfig=my-dc-1, {ALICE}", [("replace", "dclocalconfig", ["my-dc-2"])], 19,
     "dclocalconfig name must be: my-dc-1 for this instance\ndclocalconfig cannot be modified"),
    ("cn=version, o=nope", [("replace", "version", ["21"])], 80, "Server method not implemented"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "code", "message"), CHANGED, ids=range(len(CHANGED)))
def test_modify(name: str, changes: Changes, code: int, message: str) -> None:
    assert asked(directory(), "modify", name, changes) == (code, message)


def test_a_new_password_leaves_a_history_and_old_ones_stay_forbidden() -> None:
    where = directory()
    for number in range(4):
        assert asked(where, "modify", ALICE, [("replace", "userpassword", [f"another{number}"])]) == (0, "")
        assert len(where.read(ALICE)["pwdhistory"]) == number + 1
    for used in ("alicepass101", "another2", "another3"):
        assert asked(where, "modify", ALICE, [("replace", "userPassword", [used])]) == (19, "passwordInHistory")
    changes = json.loads(list(where.log.search("cn=changelog", 2, NEWEST, None))[-1].attributes()["changes"][0])
    assert [(each["operation"], each["modification"]["type"]) for each in changes] == [
        ("replace", "userpassword"), ("replace", "pwdhistory"), ("replace", "pwdchangedtime"),
        ("replace", "pwdendtime"), ("replace", "updated_at")]  # fmt: skip
    assert asked(where, "modify", ALICE, [("replace", "userpassword", ["another4"])]) == (0, "")
    assert len(where.read(ALICE)["pwdhistory"]) == 4
    assert asked(where, "modify", ALICE, [("replace", "userpassword", ["alicepass101"])]) == (0, "")


def test_a_sub_user_of_another_login_has_another_alias() -> None:
    where = directory()
    assert asked(where, "modify", SUBBER, [("replace", "login", ["renamed"])]) == (0, "")
    found = where.read(SUBBER)
    assert (found["login"], found["alias"]) == ([f"{ACCOUNT}/renamed"], ["renamed"])
    name = f"uuid={NEW}, {DARIO}"
    assert asked(where, "add", name, person(login=f"{ACCOUNT}/other", alias="mine")) == (0, "")
    assert where.read(name)["login"] == [f"{ACCOUNT}/other"]  # a named account stays
    assert where.read(name)["alias"] == ["mine", f"{ACCOUNT}/other"]
    assert where.read(name)["objectclass"] == ["sdcperson", "sdcaccountuser"]


def test_values_are_not_doubled_and_keys_are_completed() -> None:
    where = directory()
    openssh = where.read(f"fingerprint=95:1b:30:d4:93:75:84:b0:62:b8:f3:b5:18:9a:b5:7d, {POSEIDON}")["openssh"]
    key = entry("sdckey", name="k", openssh=openssh, pkcs="a lie", attested="true", ykserial="5")
    name = f"fingerprint=95:1b:30:d4:93:75:84:b0:62:b8:f3:b5:18:9a:b5:7d, {DARIO}"
    assert asked(where, "add", name, key) == (0, "")
    assert where.read(name).keys() == {"objectclass", "name", "openssh", "pkcs", "fingerprint", "_owner", "_parent"}
    assert where.read(name)["pkcs"][0].startswith("-----BEGIN PUBLIC KEY")
    assert asked(where, "add", name, key | {"attestation": ["x"]}) == (21, "Attestation support is disabled")
    group = "cn=g, ou=groups, o=smartdc"
    assert asked(where, "add", group, entry("groupofuniquenames", uniquemember=[ALICE, ALICE, DARIO])) == (0, "")
    assert where.read(group)["uniquemember"] == [ALICE, DARIO]


def test_deleting_validates_too() -> None:
    where = directory()
    wrong = f"dclocalconfig=my-dc-2, {DARIO}"
    where.put_silently(wrong, entry("dclocalconfig", dclocalconfig="my-dc-2"))
    assert asked(where, "delete", wrong)[0] == 19
    assert asked(where, "delete", wrong, force=True) == (0, "")
    assert asked(where, "delete", ROLE) == (0, "")
    assert where.read(POLICY)["memberrole"] == []


COMPARED = [
    (ALICE, "login", "alice", 6, ""),
    (ALICE, "LOGIN", "alice", 6, ""),
    (ALICE, "login", "ALICE", 5, ""),
    (ALICE, "nosuch", "x", 16, "nosuch"),
    (SUBBER, "login", "subber", 6, ""),
    (ALICE, "userpassword", "alicepass101", 6, ""),
    (ALICE, "userpassword", "wrong", 5, "invalidPassword"),
    (ROLE, "userpassword", "wrong", 16, "salt"),
    (NEW_DN, "login", "x", 32, NEW_DN),
]


@pytest.mark.parametrize(("name", "attribute", "value", "code", "message"), COMPARED, ids=range(len(COMPARED)))
def test_compare(name: str, attribute: str, value: str, code: int, message: str) -> None:
    where = directory()
    before = where.log.latest
    assert asked(where, "compare", name, attribute, value) == (code, message)
    assert where.log.latest - before == (message == "invalidPassword")


def test_six_wrong_passwords_lock_comparisons_but_not_binds() -> None:
    where = directory()
    for _ in range(6):
        assert asked(where, "compare", ALICE, "userpassword", "wrong") == (5, "invalidPassword")
    assert asked(where, "compare", ALICE, "userpassword", "alicepass101") == (5, "accountLocked")
    service = Service(where)
    assert service.bind(ALICE, "alicepass101") == ALICE
    assert not {"pwdfailuretime", "pwdaccountlockedtime"} & where.read(ALICE).keys()
    with pytest.raises(LdapError) as found:
        service.bind(ROLE, "x")
    assert (found.value.code, found.value.message) == (16, "salt")
    with pytest.raises(LdapError) as found:
        service.bind("", "x")
    assert (found.value.code, found.value.matched) == (80, "")
    assert service.bind("", "") == ""


def test_an_account_may_lock_its_sub_users_sooner() -> None:
    where = directory()
    where.put_silently(f"cn=pwdpolicy, {ALICE}", entry("pwdpolicy", pwdattribute="userpassword", pwdmaxfailure="1"))
    assert asked(where, "compare", SUBBER, "userpassword", "wrong") == (5, "invalidPassword")
    assert asked(where, "compare", SUBBER, "userpassword", "wrong") == (5, "accountLocked")


def test_an_expired_password_is_wrong_everywhere() -> None:
    where = directory()
    where.store.put(ALICE, {**where.read(ALICE), "pwdendtime": ["5"]})
    assert asked(where, "compare", ALICE, "userpassword", "alicepass101") == (5, "passwordExpired")
    with pytest.raises(LdapError, match="passwordExpired"):
        Service(where).bind(ALICE, "alicepass101")


def test_a_replica_takes_a_password_of_a_replicated_account_as_it_is() -> None:
    where = directory("replica")
    hashed = passwords.salted("whatever1", "salt")
    assert asked(where, "modify", ALICE, [("replace", "userpassword", [hashed])]) == (0, "")
    assert where.read(ALICE)["userpassword"] == [hashed]
    assert asked(where, "modify", ALICE, [("replace", "uuid", [ACCOUNT])]) == (0, "")  # validated elsewhere


RULES = {
    "CAN getmachine": True, "can a and b": True, "CAN a, b and c": True, "CAN a, b, and c x": True,
    "Fred can read foo when sourceip::ip = 0.0.0.0": True, 'Fred and "and" can read foo': True, "* can r*e*ad *foo": True,
    "getmachine": False, "CAN": False, "CAN a b c": False, "CAN a, b": False, "CAN a and": False, "CAN a WHEN": False,
    "a b CAN c": False, "": False,
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_rules_of_policies(rule: str) -> None:
    assert (rules.error(rule) is None) == RULES[rule]
