"""The forms of values in commands: what Triton makes fits, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evidence.comparison import DIFFERENT, Comparison, EntryDifference
from evidence.subjects.triton import ADMIN_UUID
from remediate import typed
from remediate.registry import advice_for
from tests.remediate import synthetic as s

UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
MD5 = "9f:00:af:00:11:22:33:44:55:66:77:88:99:aa:bb:cc"
GOOD: list[tuple[Callable[[object], str], str]] = [
    (typed.uuid, UUID),
    (typed.attribute, "approved_for_provisioning"),
    (typed.attribute, "objectclass"),
    (typed.dn, f"uuid={UUID}, ou=users, o=smartdc"),
    (typed.dn, f"fingerprint={MD5}, uuid={UUID}, ou=users, o=smartdc"),
    (typed.dn, "ip=10.3.1.11, network=admin, datacenter=my-dc-3, region=my-dc, o=smartdc"),
    (typed.dn, "cn=operators, ou=groups, o=smartdc"),
    (typed.checkpoint_dn, "uid=0123456789abcdef, cn=replicator, datacenter=my-dc-3, o=smartdc"),
    (typed.dns_name, "moray.my-dc-2.srv.example.com"),
    (typed.name, "my-dc-3"),
    (typed.fmri, "svc:/manta/application/muskie:muskie-8081"),
    (typed.fmri, "svc:/smartdc/application/moray:*"),
    (typed.fmri, "svc:/smartdc/application/zookeeper"),
    (typed.setting, "MASTER_MORAY_IP"),
    (typed.file_key, "remotes.0.url"),
    (typed.path, "/opt/smartdc/sapi/etc/sapi-master.config.json"),
    (typed.leftover, "/tmp/config.1234"),
    (typed.leftover, f"/zones/{UUID}/root/tmp/.bootstrap_remote.ldif.in.1"),
    (typed.leftover, "/var/tmp/restore.ldif"),
    (typed.host, "root@10.3.2.2"),
    (typed.host, "headnode-2"),
    (typed.host, "ssh://root@[::1]:2201"),
    (typed.fingerprint, MD5),
    (typed.public_key, "ssh-rsa AAAAB3Nza+/= root@headnode (my-dc-3)"),
    (typed.url, "https://cloudapi.my-dc-3.srv.example.com"),
    (typed.address, "10.2.2.29"),
    (typed.prefix, "10.2.2.29/32"),
    (typed.prefix, "10.2.1.0/24"),
    (typed.prefix, "10.2.2.29"),
    (typed.reached_at, "10.2.2.29"),
    (typed.reached_at, "moray.my-dc-2.srv.example.com"),
]
FORMS = list(dict.fromkeys(form for form, _ in GOOD))


@pytest.mark.parametrize(("form", "value"), GOOD)
def test_what_triton_makes_fits(form: Callable[[object], str], value: str) -> None:
    assert form(value) == value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-rf",
        "--help",
        "$(id)",
        "`id`",
        "a b'",
        "a;b",
        "a\n",
        "\u202ea",
        "\u0661",
        "../b",
        "a/../b",
        None,
        7,
        ["a"],
    ],
)
def test_what_is_not_of_the_form_raises(form: Callable[[object], str], value: object) -> None:
    with pytest.raises(typed.NotOfTheFormError):
        form(value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tail", ["\n", "$(id)", "'", '"', "\\", ";", "`", "|", "&", "<", "\x00", "\x1b"])
def test_nor_does_what_goes_on_after_it(form: Callable[[object], str], tail: str) -> None:
    for value in (value for each, value in GOOD if each is form):
        with pytest.raises(typed.NotOfTheFormError):
            form(value + (tail if form is not typed.public_key else "\n" + tail))


@pytest.mark.parametrize(
    "dn",
    [
        "o=smartdc",
        "uuid=a,ou=users,o=smartdc",
        "uuid=a+cn=b, ou=users, o=smartdc",
        r"uuid=\61, ou=users, o=smartdc",
        "uuid=a",
    ],
)
def test_a_dn_that_could_be_read_in_two_ways_is_none(dn: str) -> None:
    with pytest.raises(typed.NotOfTheFormError):
        typed.dn(dn)


def test_what_root_reads_at_boot_has_a_form_for_each_key() -> None:
    assert typed.usbkey("ufds_remote_ip", "") == ""
    for key, value in (("region_name", "$(id)"), ("ufds_is_master", "yes"), ("PATH", "/tmp"), ("dns_domain", "")):
        with pytest.raises(typed.NotOfTheFormError):
            typed.usbkey(key, value)


def test_the_note_says_whose_value_it_is_and_shows_it_escaped() -> None:
    world = s.changed_metadata(s.healthy(), "my-dc-1", region_name="x\x1b[2J\u202e")
    with pytest.raises(typed.NotOfTheFormError) as raised:
        typed.name("x\x1b[2J\u202e")
    assert typed.refusal(raised.value, world) == (
        r"No command is given here: 'x\x1b[2J\u202e' is no name of a datacenter or region (from my-dc-1). "
        "Find out who put it there, and why, before you type a command with it."
    )


@pytest.mark.parametrize("name", ["userpassword", "userPassword", "_salt", "_owner"])
def test_what_ufds_keeps_to_itself_is_not_replaced_by_nothing(name: str) -> None:
    """If a replica hands out a password, the directories differ in it. The master would find none, and delete its own."""
    dn = f"uuid={ADMIN_UUID}, ou=users, o=smartdc"
    seen = Comparison(9, 0, 0, 1, (EntryDifference(dn, DIFFERENT, (name, "email")),))
    world = s.changed_zone(s.healthy(), "my-dc-3", "ufds0", comparison=s.fact(seen))
    advice = advice_for(s.cause("directory-entries-agree", "my-dc-3"), world)
    assert [name in step.run for step in advice.steps] == [False]
    assert "email" in advice.steps[0].run
    assert name in advice.notes[0]
