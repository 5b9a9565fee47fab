"""The commands do what they say when bash runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from evidence.subjects.triton import BINDER, CONFIG_AGENT
from remediate import shell
from remediate.actions.smf import Smf
from remediate.actions.wait import Rendered
from remediate.steps import RESTARTS, acting

UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
FILE = "/opt/smartdc/binder/etc/config.json"


def bash(script: str) -> str:
    return subprocess.run(["bash"], input=script, text=True, check=True, capture_output=True).stdout


def typed(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash"], input=script, text=True, check=False, capture_output=True)


def test_usbkey_set_replaces_adds_and_keeps_the_rest(tmp_path: Path) -> None:
    for name in ("usbkey", "mnt"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text("# head\nregion_name=GT\nregion_name_x=1\nufds_ldap_root_pw=$'a b\\n\n")
    script = shell.usbkey_set({"region_name": "my-dc", "dns_domain": "a.b"})
    script = script.replace("/mnt/usbkey/", f"{tmp_path}/mnt/").replace(" /usbkey/", f" {tmp_path}/usbkey/")
    bash("sdc-usbkey() { :; }\n" + script)
    wanted = "# head\nregion_name_x=1\nufds_ldap_root_pw=$'a b\\n\ndns_domain=a.b\nregion_name=my-dc\n"
    assert [(tmp_path / name / "config").read_text() for name in ("usbkey", "mnt")] == [wanted, wanted]


def both(tmp_path: Path, tool: str = "sdc-usbkey() { :; }") -> tuple[Path, Path]:
    """Types the step where the two files lie below tmp_path, as far as they are there."""
    script = shell.usbkey_set({"region_name": "my-dc"})
    script = script.replace("/mnt/usbkey/", f"{tmp_path}/mnt/").replace(" /usbkey/", f" {tmp_path}/usbkey/")
    subprocess.run(["bash"], input=f"{tool}\n{script}", text=True, check=False, capture_output=True)
    return tmp_path / "usbkey/config", tmp_path / "mnt/config"


def made(tmp_path: Path, *names: str) -> None:
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text("a=b\nregion_name=GT\n")


def test_usbkey_set_leaves_a_copy_beside_each_file(tmp_path: Path) -> None:
    made(tmp_path, "usbkey", "mnt")
    for file in both(tmp_path):
        assert file.read_text() == "a=b\nregion_name=my-dc\n"
        (copy,) = file.parent.glob("config.2*Z")
        assert copy.read_text() == "a=b\nregion_name=GT\n"
        assert copy.stat().st_mode & 0o077 == 0


def test_usbkey_set_writes_nothing_where_one_file_is_missing(tmp_path: Path) -> None:
    made(tmp_path, "usbkey")
    first, _ = both(tmp_path)
    assert first.read_text() == "a=b\nregion_name=GT\n"


def test_usbkey_set_writes_nothing_where_the_key_is_not_mounted(tmp_path: Path) -> None:
    made(tmp_path, "usbkey", "mnt")
    files = both(tmp_path, "sdc-usbkey() { [[ $1 == unmount ]]; }")
    assert [file.read_text() for file in files] == ["a=b\nregion_name=GT\n"] * 2
    assert [sorted(path.name for path in file.parent.iterdir()) for file in files] == [["config"]] * 2


def test_usbkey_set_writes_nothing_where_no_copy_can_be_made(tmp_path: Path) -> None:
    made(tmp_path, "usbkey", "mnt")
    files = both(tmp_path, "sdc-usbkey() { :; }; cmp() { false; }")
    assert [file.read_text() for file in files] == ["a=b\nregion_name=GT\n"] * 2


def test_waiting_for_a_file_has_an_end() -> None:
    waits = shell.rendered(UUID, FILE, "a.b", "it's", 4).replace(f"/zones/{UUID}/root{FILE}", "/dev/null")
    late = typed("json() { :; }; sleep() { echo pause; }\n" + waits)
    assert late.stdout == "pause\n" * 2
    assert (late.returncode, "not rendered" in late.stderr) == (1, True)
    met = typed('json() { echo "it\'s"; }; sleep() { echo pause; }\n' + waits)
    assert (met.stdout, met.stderr, met.returncode) == ("", "", 0)


def test_after_a_wait_that_is_over_nothing_is_restarted() -> None:
    wait = Rendered(UUID, FILE, "a.b", "new", 2.0)
    agent, binder = (Smf(UUID, "restart", (fmri,)) for fmri in (CONFIG_AGENT, BINDER))
    script = acting("my-dc-1.global", agent, wait, wait, binder, risk=RESTARTS, why="why").run
    script = script.replace(f"/zones/{UUID}/root{FILE}", "/dev/null")
    tools = 'svcadm() { echo "$4"; }; sleep() { :; }\n'
    late, met = typed("json() { echo old; }; " + tools + script), typed("json() { echo new; }; " + tools + script)
    assert (late.stdout.split(), late.returncode) == ([CONFIG_AGENT], 1)
    assert (met.stdout.split(), met.returncode) == ([CONFIG_AGENT, BINDER], 0)


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
