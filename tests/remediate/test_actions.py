"""Each kind of action: what it types, how it reads, what its answer means, and what takes it back.

answers.json (made by answering.py) holds what a healthy lab's head node my-dc-3 answered to the reading commands.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import structs

from remediate.actions import Action, digest, does
from remediate.actions.files import FilesGone
from remediate.actions.fwapi import FirewallSwitch, MadeRule
from remediate.actions.globalzone import GlobalRoute
from remediate.actions.key import AddKey
from remediate.actions.ldap import LdapAdd, LdapDelete, LdapModify, Resend
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.reading import ABSENT, NoValueError, Precondition
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import NEXT, STARTED, STATE, Smf
from remediate.actions.usbkey import FILES, UsbkeyConfig
from remediate.actions.vm import VmFirewall, VmRoutes, VmState
from remediate.actions.wait import Rendered, RenderedAnew
from remediate.steps import BY_HAND, DESTROYS, OPENS, SAFE, UNSUPPORTED, Step, acting
from remediate.typed import NotOfTheFormError

U, V, W = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "123")
ANSWERS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("answers.json").read_bytes())
BINDER = "svc:/manta/application/binder:default"
REGION = "region=my-dc, o=smartdc"
MEMBER = f"uuid={U}, ou=users, o=smartdc"
KEY = "0e:1a:80:c9:07:b0:91:11:1b:82:b8:f7:fe:e2:73:22"
PLANNED, WANTED, OTHER = Precondition.PLANNED, Precondition.WANTED, Precondition.OTHER
SAMPLES: tuple[Action, ...] = (
    SapiMetadata(
        U, {"region_name": "my-dc", "CLOUDAPI_READONLY": False}, ("gone",), {"gone": "x", "region_name": "old"}
    ),
    NapiRoutes(U, {"10.2.1.0/24": "10.3.1.1"}, {"10.9.1.0/24": "10.3.1.1"}),
    NapiOwners(U, (V,), (W,)),
    MadeRule(U, "FROM any TO all vms ALLOW icmp TYPE all", V, "said"),
    FirewallSwitch(U, False),
    VmRoutes(U, {"10.2.2.29/32": "10.3.1.1"}, {"10.9.1.0/24": "10.3.1.1"}),
    VmFirewall(U, True),
    VmState(U),
    Smf(U, "enable", (BINDER,)),
    Rendered(U, "/opt/smartdc/binder/etc/config.json", "a.b", "c", 5.0),
    RenderedAnew(U, "/opt/smartdc/binder/etc/config.json", 5.0),
    UsbkeyConfig({"region_name": "my-dc"}, (), {"region_name": "old"}),
    LdapAdd(REGION, {"region": ("my-dc",), "objectclass": ("region",)}),
    LdapDelete(REGION, {"region": ("my-dc",)}),
    LdapModify("cn=operators, ou=groups, o=smartdc", "add", "uniquemember", (MEMBER,)),
    LdapModify(f"uid=a, {REGION}", "replace", "version", ("7",), ("5",)),
    Resend(REGION, "base"),
    Resend(REGION, "base", "objectclass", ("cn=operators, ou=groups, o=smartdc",)),
    AddKey("admin", "n", "ssh-rsa AAAAB3NzaC1yc2E=", "15:07:b5:d4:f7:dc:4a:58:14:51:38:62:c7:40:b7:55"),
    GlobalRoute("10.2.1.0/24", "10.3.2.1"),
    FilesGone(("/tmp/fixufds", "/var/tmp/sapi.out")),
)
NO_WAY_BACK = (FilesGone, Rendered, RenderedAnew, Resend)


def ids(action: Action) -> str:
    return type(action).__name__


def test_there_is_a_sample_of_each_kind() -> None:
    assert {type(sample) for sample in SAMPLES} == set(get_args(Action))


@pytest.mark.parametrize("action", SAMPLES, ids=ids)
def test_the_three_states(action: Action) -> None:
    """Where both values can be told: as planned it is run, as wanted it is skipped and counts as done."""
    if isinstance(action, RenderedAnew | Resend | Smf):
        return  # no value of theirs is wanted as such: tested below
    assert action.standing(action.after) == WANTED
    assert action.done(action.planned, action.after)
    assert action.standing(action.planned) == PLANNED
    assert not action.done(action.planned, action.planned)


@pytest.mark.parametrize("action", [each for each in SAMPLES if not isinstance(each, NO_WAY_BACK)], ids=ids)
def test_an_inverse_brings_back_what_was_read_and_has_an_inverse_itself(action: Action) -> None:
    back = does(action).inverse(action.planned)
    assert back is not None
    assert back.planned == action.after
    assert back.after == action.planned
    assert back.inverse(back.planned).after == action.after
    assert back.command() != action.command()


@pytest.mark.parametrize(
    "action",
    [
        LdapModify(f"uid=a, {REGION}", "replace", "changenumber", ("7",), ("5",)),
        NapiRoutes(U, {"10.2.1.0/24": "10.3.1.1"}, had=("my-dc-3.imgapi0",)),
    ],
    ids=ids,
)
def test_what_somebody_goes_on_from_is_not_taken_back(action: Action) -> None:
    """A replicator has gone on from a checkpoint, and net-agent would take routes out of zones that had them by hand."""
    assert does(action).inverse(action.planned) is None


def test_sapi_is_asked_at_its_address_where_nobody_answers_its_name() -> None:
    action = SapiMetadata(U, {"dns_domain": "a"}, ("b",), {"dns_domain": "c", "b": 1}, "10.1.1.32", "services")
    assert action.read() == f"curl -sS http://10.1.1.32/services/{U}"
    assert action.command().count(f"-d @- http://10.1.1.32/services/{U}") == 2
    assert "sapiadm" not in action.command()
    assert action.needs == ("sapi-answers",)
    assert structs.replace(action, address="").needs == ("sapi-answers", "binder-answers-own-names")
    back = action.inverse(action.planned)
    assert back is not None
    assert (back.address, back.among, back.wanted) == ("10.1.1.32", "services", action.before)


def test_an_address_that_is_none_is_not_asked() -> None:
    with pytest.raises(NotOfTheFormError):
        SapiMetadata(U, {"dns_domain": "a"}, address="10.1.1.32/$(id)").read()


@pytest.mark.parametrize("action", [each for each in SAMPLES if not isinstance(each, (*NO_WAY_BACK, Smf))], ids=ids)
def test_what_was_there_already_is_not_taken_back(action: Action) -> None:
    back = does(action).inverse(action.after)
    assert back is None or back.after == action.after


@pytest.mark.parametrize("action", SAMPLES, ids=ids)
def test_it_is_the_same_after_it_was_kept(action: Action) -> None:
    step = acting("my-dc-1.global", action, risk=OPENS, why="why")
    again = msgspec.json.decode(msgspec.json.encode(step), type=Step)
    assert again == step
    assert [digest(each) for each in again.actions] == [digest(action)]


@pytest.mark.parametrize("action", SAMPLES, ids=ids)
def test_what_a_file_adds_to_it_is_refused(action: Action) -> None:
    """A plan that was edited by hand does what it shows, or nothing."""
    written = msgspec.to_builtins(action)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(written | {"also": "this"}, type=Action)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="immutable"):
        setattr(action, structs.fields(action)[0].name, "another")


@pytest.mark.parametrize("action", SAMPLES, ids=ids)
def test_its_values_can_be_kept_and_only_a_wait_waits(action: Action) -> None:
    json.dumps([action.planned, action.after])
    assert does(action).waits is isinstance(action, Rendered)


def test_two_actions_have_two_digests() -> None:
    assert len({digest(action) for action in SAMPLES}) == len(SAMPLES)


READERS = (
    r"sapiadm get \S+|sdc-(napi|fwapi) --no-headers /\S+|vmadm lookup -j -o \S+ uuid=\S+|svcprop (-z \S+ )?-f( -p \S+)+ .*|"
    r"json \S+ < /zones/\S+|sdc-ldap search -b \S+|sdc-ldap search -b '[^']*' -s base '\(objectclass=\*\)'( \S+)?|"
    r"sdc-ldap search -b cn=latestchangenumber -s base '\(objectclass=\*\)' count|sdc-useradm keys \S+|netstat -rnv -f inet|"
    r"ls -1d( \S+)+ 2> /dev/null; true|TZ=UTC ls -E /zones/\S+"
)


@pytest.mark.parametrize("action", SAMPLES, ids=ids)
def test_reading_changes_nothing(action: Action) -> None:
    """Only the two files of the configuration need more: the key is mounted, and unmounted again."""
    if isinstance(action, UsbkeyConfig):
        assert set(re.findall(r"[a-z-]+", action.read())) & {"sed", "rm", "mv", "tee", "cp", "printf"} == set()
        assert re.findall(r">\s*(\S+)", action.read()) == ["/dev/null"]
        return
    assert re.fullmatch(READERS, action.read()), action.read()


def seen(name: str, action: Action) -> Any:
    answer = ANSWERS[name]
    return action.seen(answer["exit"], answer["out"] or answer["err"])


def of(name: str) -> Any:
    """The uuid that an answer is about."""
    return ANSWERS[name]["action"]["uuid" if "uuid" in ANSWERS[name]["action"] else "network"]


@pytest.mark.parametrize(
    ("name", "action", "value", "standing"),
    [
        ("sapi", SapiMetadata(of("sapi"), {"no_such": "1"}), {}, PLANNED),
        ("sapi", SapiMetadata(of("sapi"), {}, ("no_such",)), {}, WANTED),
        (
            "napi",
            NapiRoutes(of("napi"), {"10.2.1.0/24": "10.3.1.1", "10.9.1.0/24": "10.3.1.1"}),
            {"10.2.1.0/24": "10.3.1.1", "10.9.1.0/24": None},
            PLANNED,
        ),
        ("napi", NapiRoutes(of("napi"), {"10.2.1.0/24": "10.3.1.1"}), {"10.2.1.0/24": "10.3.1.1"}, WANTED),
        ("napi", NapiRoutes(of("napi"), {"10.2.1.0/24": "10.3.1.9"}), {"10.2.1.0/24": "10.3.1.1"}, OTHER),
        ("napi", NapiOwners(of("napi"), (), (U,)), {U: False}, WANTED),
        ("rule-nobody", MadeRule(of("rule-nobody"), "r", U, "d"), ABSENT, PLANNED),
        (
            "rule",
            MadeRule(of("rule"), "r", U, "d"),
            {"enabled": True, "rule": "FROM any TO all vms ALLOW icmp TYPE all"},
            OTHER,
        ),
        ("switch", FirewallSwitch(of("switch"), False), True, PLANNED),
        ("switch", FirewallSwitch(of("switch"), True), True, WANTED),
        ("rule-nobody", FirewallSwitch(of("rule-nobody"), True), "no such rule", OTHER),
        ("vm-routes", VmRoutes(of("vm-routes"), {"10.2.2.29/32": "10.3.1.1"}), {"10.2.2.29/32": "10.3.1.1"}, WANTED),
        ("vm-routes", VmRoutes(of("vm-routes"), {"10.2.2.29/32": "10.3.1.9"}), {"10.2.2.29/32": "10.3.1.1"}, OTHER),
        ("vm-routes", VmRoutes(of("vm-routes"), {"10.9.0.0/24": "10.3.1.9"}), {"10.9.0.0/24": None}, PLANNED),
        ("vm-firewall", VmFirewall(of("vm-firewall"), True), True, WANTED),
        ("rendered", Rendered(U, "/opt/smartdc/binder/etc/config.json", "a", "my-dc", 5), "my-dc", WANTED),
        ("rendered", Rendered(U, "/opt/smartdc/binder/etc/config.json", "a", "other", 5), "my-dc", PLANNED),
        (
            "usbkey",
            UsbkeyConfig({"region_name": "my-dc", "ufds_is_master": "false"}),
            {name: {"region_name": "my-dc", "ufds_is_master": "false"} for name in FILES},
            WANTED,
        ),
        ("entry", LdapAdd(REGION, {"region": ("my-dc",)}), {"region": ["my-dc"]}, WANTED),
        ("entry", LdapAdd(REGION, {"region": ("other",)}), {"region": ["my-dc"]}, OTHER),
        ("entry-nobody", LdapAdd(REGION, {"region": ("my-dc",)}), ABSENT, PLANNED),
        ("entry-nobody", LdapDelete(REGION, {"region": ("my-dc",)}), ABSENT, WANTED),
        (
            "group",
            LdapModify("cn=operators, ou=groups, o=smartdc", "add", "uniquemember", (MEMBER,)),
            {MEMBER: False},
            PLANNED,
        ),
        ("latest", Resend(REGION, "base"), 46, PLANNED),
        ("key", AddKey("admin", "n", "ssh-rsa AAAA", KEY), True, WANTED),
        ("route", GlobalRoute("10.77.0.0/24", "10.3.2.1"), ABSENT, PLANNED),
    ],
)
def test_what_an_answer_means(name: str, action: Action, value: Any, standing: Precondition) -> None:
    assert seen(name, action) == value
    assert action.standing(value) == standing


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("sapi-nobody", SapiMetadata(of("sapi-nobody"), {"x": "1"})),
        ("sapi", SapiMetadata(U, {"x": "1"})),
        ("napi-nobody", NapiRoutes(of("napi-nobody"), {"10.2.1.0/24": "10.3.1.1"})),
        ("napi", NapiOwners(U, (V,))),
        ("vm-nobody", VmFirewall(of("vm-nobody"), True)),
        ("smf-nobody", Smf(U, "restart", ("svc:/nobody:default",))),
        ("rendered-nothing", Rendered(U, "/opt/smartdc/binder/etc/nothing.json", "a", "b", 5)),
        ("entry-nobody", LdapModify(REGION, "add", "uniquemember", (MEMBER,))),
        ("entry-nobody", Resend(REGION, "base")),
    ],
)
def test_another_ones_answer_or_an_error_is_no_value(name: str, action: Action) -> None:
    with pytest.raises(NoValueError):
        seen(name, action)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (Resend(REGION, "base"), "dn: cn=latestchangenumber\ncount: 5\ncount: 6\n"),
        (UsbkeyConfig({"a": "b"}), f"az-checks-file {FILES[0]}\na=b\n"),
    ],
)
def test_half_an_answer_or_two_of_them_are_none(action: Action, text: str) -> None:
    with pytest.raises(NoValueError):
        action.seen(0, text)


def test_what_is_replaced_is_read_as_it_is() -> None:
    action = LdapModify(f"uid=a, {REGION}", "replace", "version", ("7",), ("5",))
    assert action.seen(0, f"dn: uid=a, {REGION}\nversion: 5\n") == ["5"]


@pytest.mark.parametrize("action", SAMPLES, ids=ids)
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "\x1b[2J", "ssh: no such host", "[{}]", '{"uuid": 1}', "dn: a\ndn: b\n"]
)
@pytest.mark.parametrize("code", [0, 1, 255])
def test_a_hostile_answer_raises_nothing_else(action: Action, text: str, code: int) -> None:
    try:
        value = action.seen(code, text)
    except NoValueError:
        return
    assert action.standing(value) in Precondition
    json.dumps(value)


@pytest.mark.parametrize(
    ("state", "standing"), [("stopped", PLANNED), ("running", WANTED), ("failed", OTHER), ("stopping", OTHER)]
)
def test_the_states_of_a_zone(state: str, standing: Precondition) -> None:
    action = VmState(U)
    value = action.seen(0, json.dumps([{"uuid": U, "state": state}]))
    assert action.standing(value) == standing
    assert (action.inverse(value) is not None) == (standing == PLANNED), "one that ran is not stopped"


def test_what_is_gone_already_need_not_go() -> None:
    action = FilesGone(("/tmp/fixufds", "/var/tmp/sapi.out"))
    assert action.standing(action.seen(0, "/tmp/fixufds\n")) == PLANNED
    assert action.standing(action.seen(0, "")) == WANTED


def test_true_is_not_the_text_true_and_a_port_is_not_a_number() -> None:
    action = SapiMetadata(U, {"MUSKIE_MULTI_DC": True}, (), {"MUSKIE_MULTI_DC": False})
    told = json.dumps({"uuid": U, "metadata": {"MUSKIE_MULTI_DC": "true"}})
    assert action.standing(action.seen(0, told)) == OTHER


def test_a_secret_is_neither_shown_nor_brought_back() -> None:
    action = SapiMetadata(U, {}, ("ufds_remote_ldap_root_pw",))
    value = action.seen(0, json.dumps({"uuid": U, "metadata": {"ufds_remote_ldap_root_pw": "open sesame"}}))
    assert "sesame" not in json.dumps(value)
    assert action.inverse(value) is None


def service(**states: tuple[str, str]) -> Any:
    lines = []
    for name, (state, started) in states.items():
        for about, text in ((STATE, f"astring {state}"), (NEXT, "astring none"), (STARTED, f"time {started}")):
            lines.append(f"svc:/a/{name}:default/:properties/{about} {text}")
    return Smf(U, "restart", ("svc:/a/*",)).seen(0, "\n".join(lines))


def test_a_restart_is_seen_by_when_each_was_started() -> None:
    restart = Smf(U, "restart", ("svc:/a/*",))
    then = service(one=("online", "1.0"), two=("online", "1.0"))
    assert restart.standing(then) == PLANNED
    assert not restart.done(then, then)
    assert not restart.done(then, service(one=("online", "2.0"), two=("online", "1.0")))
    assert not restart.done(then, service(one=("online", "2.0"))), "one is gone"
    assert not restart.done(then, service(one=("online", "2.0"), two=("maintenance", "2.0")))
    assert restart.done(then, service(one=("online", "2.0"), two=("online", "2.0")))


@pytest.mark.parametrize(
    ("verb", "state", "standing"),
    [
        ("restart", "disabled", OTHER),
        ("restart", "maintenance", OTHER),
        ("enable", "disabled", PLANNED),
        ("enable", "online", WANTED),
        ("enable", "maintenance", OTHER),
        ("clear", "maintenance", PLANNED),
        ("clear", "online", WANTED),
        ("clear", "disabled", OTHER),
        ("disable", "online", PLANNED),
        ("disable", "disabled", WANTED),
    ],
)
def test_the_states_of_a_service(verb: Any, state: str, standing: Precondition) -> None:
    assert Smf(U, verb, ("svc:/a/*",)).standing(service(one=(state, "1.0"))) == standing


def test_only_what_was_disabled_is_disabled_again() -> None:
    then = service(one=("disabled", "1.0"), two=("online", "1.0"))
    back = Smf(U, "enable", ("svc:/a/*",)).inverse(then)
    assert back == Smf(U, "disable", ("svc:/a/one:default",))


def test_a_part_of_the_routes_may_be_there_and_only_the_rest_is_taken_back() -> None:
    action = NapiRoutes(U, {"10.1.0.0/24": "10.3.1.1", "10.2.0.0/24": "10.3.1.1"})
    now = {"10.1.0.0/24": "10.3.1.1", "10.2.0.0/24": None}
    assert action.standing(now) == PLANNED
    assert action.inverse(now) == NapiRoutes(U, {}, {"10.2.0.0/24": "10.3.1.1"})


def test_two_files_that_differ_have_no_inverse() -> None:
    action = UsbkeyConfig({"region_name": "my-dc"}, (), {"region_name": "old"})
    now = {FILES[0]: {"region_name": "old"}, FILES[1]: {"region_name": "my-dc"}}
    assert action.standing(now) == PLANNED
    assert action.inverse(now) is None
    assert action.standing({FILES[0]: {"region_name": "old"}, FILES[1]: {"region_name": "theirs"}}) == OTHER


@pytest.mark.parametrize("risk", sorted(BY_HAND))
def test_what_only_a_human_takes_cannot_be_said_to_be_the_suites(risk: Any) -> None:
    assert {DESTROYS, OPENS, UNSUPPORTED} == BY_HAND
    assert not acting("my-dc-1.global", SAMPLES[0], risk=risk, why="why").applied_by_suite
    with pytest.raises(ValueError, match="never applied"):
        Step("my-dc-1.global", "true", risk, "why")


def test_a_file_is_written_anew_when_its_time_is_another() -> None:
    """Not before config-agent was restarted, and not if the file cannot be seen."""
    action = RenderedAnew(U, "/opt/smartdc/binder/etc/config.json", 5.0)
    then = action.seen(0, "-rw-r--r-- 1 root root 9 2026-11-26 10:00:00.000000000 +0000  /x\n")
    now = action.seen(0, "-rw-r--r-- 1 root root 9 2026-11-26 10:00:09.000000000 +0000 /x\n")
    assert action.standing(then) == PLANNED
    assert (action.done(then, then), action.done(then, now)) == (False, True)
    since = structs.replace(action, written=datetime(2026, 11, 26, 9, 59, 58, 123456, tzinfo=UTC).timestamp())
    assert since.done(then, then), "config-agent had written it in its own time, and has nothing left to write"
    assert "!= *'2026-11-26 09:59:58.'*" in since.command()
    with pytest.raises(NoValueError):
        action.seen(2, "/x: No such file or directory")
    clear = acting("my-dc-1.global", action, Smf(U, "clear", (BINDER,)), risk=SAFE, why="why")
    assert clear.run.endswith(f" &&\nsvcadm -z {U} clear {BINDER}"), "nothing is cleared if it was not written"


def test_a_route_by_another_gateway_is_taken_back_as_it_was() -> None:
    """The inverse of a change of gateway names both: NAPI refuses a destination that leads elsewhere by then."""
    there = NapiRoutes(
        "964964b2-a205-50e0-aba4-9366ba889220", {"10.2.2.29/32": "10.3.1.1"}, {"10.2.2.29/32": "10.3.1.254"}
    )
    back = there.inverse(there.planned)
    assert back is not None
    assert (back.planned, back.after) == (there.after, there.planned)
    assert there.inverse(there.after) is None
    assert there.command().endswith("""'-"10.2.2.29/32":"10.3.1.254"' '+"10.2.2.29/32":"10.3.1.1"'""")
