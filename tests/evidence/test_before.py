"""What a candidate's head node says before sdc-ufds-m2s: the key's copy of the configuration, and where it saves."""

from __future__ import annotations

import pytest

from evidence.collect import before
from evidence.collect.parse import UnreadableError
from evidence.headnode import LACKING, MORE, OTHERWISE, UNFIT, CopyDifference, Room, UsbkeyCopy
from evidence.redact import Vault

HERE = "# made at setup\nregion_name=r1\ndns_domain='example.com'\nufds_ldap_root_pw=s3cret-of-now\nufds_is_master=true\nempty=\n"
AT = "/mnt/usbkey/config"


def copy(text: str, here: str = HERE) -> UsbkeyCopy:
    return before.usbkey_copy(here, f"{AT}\n{text}", Vault(b"k" * 32))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", ()),
        ("# made", "# written", ()),
        ("'example.com'", '"example.com"', ()),
        ("ufds_is_master=true", "ufds_is_master=false\nufds_remote_ip=10.9.9.9", ()),
        ("empty=\n", "", ()),
        ("region_name=r1", "region_name=old", (CopyDifference("region_name", OTHERWISE, "r1", "old"),)),
        ("region_name=r1", "region_name=old\nregion_name=r1", ()),
        ("dns_domain='example.com'\n", "", (CopyDifference("dns_domain", LACKING, "example.com"),)),
        ("empty=", "ntp_hosts=a.example.com", (CopyDifference("ntp_hosts", MORE),)),
        ("s3cret-of-now", "s3cret-of-old", (CopyDifference("ufds_ldap_root_pw", OTHERWISE),)),
        ("region_name=r1", "region_name='r1", (CopyDifference("region_name", UNFIT, "r1", "'r1"),)),
        ("empty=", "what is this", (CopyDifference("", UNFIT),)),
    ],
)
def test_where_the_copy_differs(old: str, new: str, found: tuple[CopyDifference, ...]) -> None:
    assert copy(HERE.replace(old, new, 1) if old else HERE) == UsbkeyCopy(AT, found)


def test_both_may_have_the_same_bad_line() -> None:
    bad = HERE.replace("=r1", "=r1\r")
    assert copy(bad, bad).differs == ()


def test_an_empty_copy_lacks_all_that_says_something() -> None:
    assert [each.key for each in copy("").differs] == ["dns_domain", "region_name", "ufds_ldap_root_pw"]


def test_no_secret_is_kept() -> None:
    found = copy(HERE.replace("s3cret-of-now", "s3cret-of-old").replace("r1", "s3cret-of-now"))
    assert "s3cret" not in repr(found)


def test_without_a_copy_nothing_is_compared() -> None:
    assert before.usbkey_copy(HERE, "", Vault(b"k" * 32)) == UsbkeyCopy()
    with pytest.raises(UnreadableError):
        before.usbkey_copy(HERE, "something else\nx=1\n", Vault(b"k" * 32))


SMARTOS = (
    "Filesystem   kbytes    used   avail capacity  Mounted on\nzones/var   471859200 1203456 470655744     1%    /var\n"
)
WRAPPED = (
    "Filesystem 1K-blocks Used Available Use% Mounted on\na-very-long-name-of-a-pool/and-more\n  100 90 10 90% /var\n"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SMARTOS, Room((), 470655744)),
        (WRAPPED, Room((), 10)),
        (f"no /var/tmp\n{SMARTOS}", Room(("/var/tmp",), 470655744)),
        ("no /var/tmp\nno /var/tmp/backup.ldif\n", Room(("/var/tmp", "/var/tmp/backup.ldif"))),
        ("", Room()),
        ("x 100%\n", Room()),
        (f"a {'9' * 30} 1%\n", Room()),
    ],
)
def test_room(text: str, found: Room) -> None:
    assert before.room(text) == found
