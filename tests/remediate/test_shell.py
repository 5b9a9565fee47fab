"""The commands do what they say when bash runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from remediate import shell

UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
FILE = "/opt/smartdc/binder/etc/config.json"


def bash(script: str) -> str:
    return subprocess.run(["bash"], input=script, text=True, check=True, capture_output=True).stdout


def test_usbkey_set_replaces_adds_and_keeps_the_rest(tmp_path: Path) -> None:
    for name in ("usbkey", "mnt"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text("# head\nregion_name=GT\nregion_name_x=1\nufds_ldap_root_pw=$'a b\\n\n")
    script = shell.usbkey_set({"region_name": "my-dc", "dns_domain": "a.b"})
    script = script.replace("/mnt/usbkey/", f"{tmp_path}/mnt/").replace(" /usbkey/", f" {tmp_path}/usbkey/")
    bash("sdc-usbkey() { :; }\n" + script)
    wanted = "# head\nregion_name_x=1\nufds_ldap_root_pw=$'a b\\n\ndns_domain=a.b\nregion_name=my-dc\n"
    assert [(tmp_path / name / "config").read_text() for name in ("usbkey", "mnt")] == [wanted, wanted]


@pytest.mark.parametrize(
    ("stubs", "changed"),
    [
        ("sdc-usbkey() { [[ $1 != mount ]]; }", []),
        ('sdc-usbkey() { :; }; sed() { [[ $2 != */mnt/* ]] && command sed "$@"; }', []),
        ('sdc-usbkey() { :; }; mv() { [[ $2 != */mnt/* ]] && command mv "$@"; }', []),
        ("sdc-usbkey() { :; }; printf() { echo half; return 1; }", []),
        ('sdc-usbkey() { :; }; mv() { [[ $2 == */mnt/* ]] && command mv "$@"; }', ["mnt"]),
    ],
    ids=["no key", "unreadable", "key not renamed", "half written", "disk full"],
)
def test_usbkey_set_leaves_a_file_alone_that_it_cannot_write_whole(
    tmp_path: Path, stubs: str, changed: list[str]
) -> None:
    before = "first=1\nregion_name=GT\n"
    for name in ("usbkey", "mnt"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text(before)
    script = shell.usbkey_set({"region_name": "my-dc"})
    script = script.replace("/mnt/usbkey/", f"{tmp_path}/mnt/").replace(" /usbkey/", f" {tmp_path}/usbkey/")
    assert subprocess.run(["bash"], input=f"{stubs}\n{script}\n", text=True, check=False).returncode == 1
    texts = {name: (tmp_path / name / "config").read_text() for name in ("mnt", "usbkey")}
    assert [name for name, text in texts.items() if text != before] == changed
    assert [path.name for path in tmp_path.glob("*/*")] == ["config", "config"]


def test_waiting_for_a_file_has_an_end() -> None:
    waits = shell.rendered(UUID, FILE, "a.b", "it's", 4)
    said = bash("json() { :; }; sleep() { echo pause; }\n" + waits.replace(f"/zones/{UUID}/root{FILE}", "/dev/null"))
    assert said == "pause\n" * 2
    met = bash(
        'json() { echo "it\'s"; }; sleep() { echo pause; }\n' + waits.replace(f"/zones/{UUID}/root{FILE}", "/dev/null")
    )
    assert met == ""


def test_quote_survives_bash() -> None:
    for value in ("plain", "it's", "$HOME `x`", "\x1b[2J\\ '\n", "\u202eü", ""):
        assert bash(f"printf %s {shell.quote(value)}") == value
        assert shell.quote(value).isprintable()


def test_restore_sets_what_was_and_deletes_what_was_not() -> None:
    undo = shell.sapi_restore(UUID, {"a": 1, "c": 3}, ("a", "b"))
    assert undo == (
        'echo \'{"metadata":{"a":1}}\' | sapiadm update ' + UUID + "; "
        'echo \'{"action":"delete","metadata":{"b":""}}\' | sapiadm update ' + UUID
    )


def test_smf_log() -> None:
    log = "/var/svc/log/smartdc-application-ufds-replicator:default.log"
    assert shell.smf_log("svc:/smartdc/application/ufds-replicator:default") == log
