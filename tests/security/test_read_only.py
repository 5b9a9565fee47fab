"""Design, rules 1 and 4: what one run in a living lab sends, writes and shows; and what is in the source."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evidence.collect import zone
from evidence.collect.permitted import LDAP, PORTS, VERBS
from evidence.inventory.model import CANDIDATE
from evidence.subjects.questions import OF_DATACENTER
from lab.plan.names import ROOT_PASSWORD
from tests.brought import asked
from tests.security.allowed import ROOT, SHORT_LIST
from tests.security.inside import CANARY


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of one watched run in a lab with a fault. It is made once, even if several workers want it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "watched"
    with (folder.parent / "watched.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            inside = [sys.executable, "-m", "tests.security.inside", str(folder)]
            command = [sys.executable, "-m", "lab", "--fault=region-name@my-dc-1", "--", *inside]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "told.json").exists()
    return folder


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "told.json").read_bytes())
    return found


def seen(folder: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((folder / "watched.json").read_bytes())
    return found


def test_the_watched_run_was_a_real_one(watched: Path) -> None:
    assert told(watched)["exit"] == 1, (watched / "stdout").read_text()
    (run,) = (watched / "root/reports/runs").glob("2*")
    files = {"evidence.json", "findings.json", "junit.xml", "metrics.prom", "report.html", "summary.json"}
    assert {path.name for path in run.iterdir()} == files
    causes = json.loads((run / "findings.json").read_bytes())["causes"]
    assert {(cause["check"], cause["subject"]) for cause in causes} == {
        ("region-name-agrees", "my-dc-1"),
        ("rendered-files-are-usable", "my-dc-3.binder0"),
        ("rendered-config-is-current", "my-dc-3.cloudapi0"),
    }


def test_every_command_is_in_the_short_list(watched: Path) -> None:
    sessions = seen(watched)["sessions"]
    assert len(sessions) > 30
    for command, subsystem in sessions:
        assert subsystem is None
        assert any(re.fullmatch(pattern, asked(command)) for pattern in SHORT_LIST), command


def test_only_gets_and_read_only_searches(watched: Path) -> None:
    noted = seen(watched)
    assert {method for method, _ in noted["requests"]} == VERBS
    assert set(noted["ldap_connections"]) == {True}
    assert set(noted["ldap_sent"]) == LDAP
    assert {port for _, port in noted["forwarded"]} <= PORTS


def test_only_head_nodes_and_public_urls_of_cloudapi_are_connected_to(watched: Path) -> None:
    noted = seen(watched)
    head_nodes = {(f"10.{number}.2.2", 22) for number in (1, 2, 3)}
    public = {(f"10.{number}.2.35", 443) for number in (1, 2, 3)}
    assert {tuple(to) for to in noted["connected"] if to[0] != "127.0.0.1"} == head_nodes | public


def test_nothing_is_started_but_ssh_to_read_its_own_configuration(watched: Path) -> None:
    """`ssh -G` contacts nobody. Its arguments and environment hold nothing of ours, and nobody can be asked for a password."""
    started = [json.loads(words) for words in seen(watched)["started"]]
    assert len({tuple(each["arguments"]) for each in started}) == 3, started
    for words in started:
        assert words["arguments"][:3] == ["ssh", "-T", "-G"]
        assert words["arguments"][-2] == "--"
        assert not [name for name in words["environment"] if name.startswith("AZ_")]
        assert words["environment"]["SSH_ASKPASS_REQUIRE"] == "never"


def test_a_run_leaves_the_lab_as_it_was(watched: Path) -> None:
    """SAPI, NAPI and the changelogs say the same. Of all files, at most the cache of config.sh is written (facts)."""
    found = told(watched)
    assert "count:" in found["before"]["my-dc-1"]
    assert "MASTER_MORAY_IP" in found["before"]["my-dc-1"]
    assert "subnet" in found["before"]["my-dc-1"]
    assert found["before"] == found["after"]
    assert found["changed"].keys() == {"my-dc-1", "my-dc-2", "my-dc-3"}
    assert {file for text in found["changed"].values() for file in text.split()} <= {"/tmp/.config.json"}


def test_files_are_written_into_the_folder_of_the_run_only(watched: Path) -> None:
    """And into what the operator asked for: Allure's folder, --junitxml, --log-file. The key goes to its own place."""
    asked = tuple(str(watched / name) for name in ("root/reports/runs/", "allure/", "own.xml", "log.txt", "tmp"))
    asked = (*asked, os.devnull)  # which `ssh -G` has instead of a terminal
    for path in filter(None, seen(watched)["written"]):
        assert path.startswith(asked) or "/triton-az-checks/fingerprint.key" in path, path
    assert list((watched / "tmp").iterdir()) == []


def test_no_secret_gets_out(watched: Path) -> None:
    """Not into the run's folder, Allure's, logs at level DEBUG with tracebacks, stdout, or any process's arguments."""
    found = told(watched)
    bodies = ["".join(key.splitlines()[1:3]) for key in found["private"]]
    assert bodies, "the operator of the lab has a private key"
    secrets = [ROOT_PASSWORD, json.dumps(ROOT_PASSWORD)[1:-1], "PRIVATE KEY", found["key"], CANARY, *bodies]
    assert all(len(secret) >= 8 for secret in secrets)
    read = 0
    for path in watched.rglob("*"):
        if path.is_file() and path.name != "told.json":
            text, read = path.read_text(errors="replace"), read + 1
            for secret in secrets:
                assert secret not in text, f"{path} holds {secret}"
    assert read > 100
    assert len(found["arguments"]) > 20
    for arguments in found["arguments"]:
        assert not any(secret in arguments for secret in secrets), arguments


def test_the_fingerprint_key_is_for_its_owner_alone(watched: Path) -> None:
    assert told(watched)["key_mode"] == 0o600
    (run,) = (watched / "root/reports/runs").glob("2*")
    assert run.stat().st_mode & 0o007 == 0
    evidence = json.loads((run / "evidence.json").read_bytes())
    sdc = evidence["datacenters"]["my-dc-1"]["applications"]["value"]["sdc"]["metadata"]
    assert re.fullmatch("[0-9a-f]{16}", sdc["fingerprints"]["ufds_ldap_root_pw"])


# The source: rule 1


def sources(folder: str) -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_collecting_has_one_door_for_each_protocol() -> None:
    """Commands: HeadNode.run. HTTP: web.get's session.get. LDAP: Conversation's search. No shell, no SFTP.

    Processes of this machine: `ssh -G`, which reads its configuration, and the processes that make the way to a head node.
    """
    forbidden = {
        "post", "put", "patch", "delete", "request", "modify", "modify_dn", "add_operation", "start_sftp_client",
        "run_command", "system", "popen", "Popen", "create_subprocess_shell",
    }  # fmt: skip
    doors: dict[str, list[str]] = {
        "create_process": [], "create_subprocess_exec": [], "Session": [], "Connection": [], "bind": [], "search": [],
    }  # fmt: skip
    for path, tree in sources("evidence"):
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"subprocess", "os.system", "paramiko"} & set(names), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in forbidden, f"{path}:{node.lineno}"
                owner = node.func.value
                if node.func.attr in doors and not (isinstance(owner, ast.Name) and owner.id.isupper()):
                    doors[node.func.attr].append(path.name)
    assert doors["create_process"] == ["ssh.py"]
    assert doors["create_subprocess_exec"] == ["hops.py", "openssh.py"]
    assert doors["Session"] == ["web.py"]
    assert doors["Connection"] == ["conversation.py"]
    assert "read_only=True" in (ROOT / "evidence/collect/conversation.py").read_text()


def test_what_candidates_are_asked_only_reads() -> None:
    """Each program in these commands, and the subcommand of programs that can also write."""
    allowed = (
        "sdc-usbkey status -j",
        "bootparams",
        "grep",
        "diskinfo -Hp",
        "cut -f2",
        "test -",
        "echo no $at",
        "echo $at/config",
        "cat $at/config",
        "sed -n s/^triton_bootpool=//p",
        "df -k /var/tmp",
        "sdc-sapi '/applications?name=manta'",
        "fstyp",
        "sdcadm insts -j",
        "true",
    )
    for command in (row.how for row in OF_DATACENTER.values() if CANDIDATE in row.when):
        assert set(re.findall(r">\s*(\S+)", command)) <= {"/dev/null;"}
        for part in re.split(r";|\||&&|\$\(|\)|\bdo\b", command):
            words = part.strip().removesuffix(")")
            if words and not words.startswith(("for disk in", "for at in", "done", "break", "continue", "/boot")):
                assert words.startswith(allowed), words


ALLOWED = ("/dev/null", "&1", "&2", "&3", "&4", "&-", "/dev/tcp/$1/$2", "/dev/udp/$1/$2")
"""Where the zone script's output may go; &- is nowhere."""


def test_the_script_for_zones_only_reads() -> None:
    """It redirects only to /dev/null, itself and sockets, and calls nothing that changes anything."""
    script = re.sub(r"(?m)^\s*#.*$", "", zone.SCRIPT)
    for where in re.findall(r"[0-9]*<?>>?\s*(\S+)", script.replace("3<>", ">")):
        assert where.strip('";)') in ALLOWED, where
    assert script.count(">&3") == script.count('printf "$QUERY"') == 3, "all that is sent is DNS queries"
    assert re.findall(r"(?m)^QUERY=.*5probe\\7invalid.*$", script) != [], "for probe.invalid"
    assert re.findall(r"openssl.*", script) == ['openssl s_client -connect "$1:$2" > /dev/null 2>&1 < /dev/null']
    assert set(re.findall(r"\"\$ping\".*?>", script)) == {'"$ping" "$1" 2 >', '"$ping" -s -n "$1" "$2" 1 2>'}
    changing = {
        "rm", "mv", "cp", "ln", "tee", "touch", "mkdir", "rmdir", "chmod", "chown", "sed", "dd", "vi", "svcadm", "svccfg",
        "vmadm", "zoneadm", "ifconfig", "ipadm", "reboot", "curl", "sapiadm", "mdata", "mkfifo", "mktemp", "eval", "source",
        "python", "node", "perl", "awk", "add", "delete", "change", "flush", "pkill", "install",
    }  # fmt: skip
    assert set(re.findall(r"[a-z]+", script)) & changing == set()
