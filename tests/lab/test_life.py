"""How a lab begins and ends: as any user, with one sentence if the kernel forbids it, and without a trace."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = [sys.executable, "-m", "lab"]
NOBODY = 65534
# Enough for one lab of three datacenters (36), but not for the remains of one and another.
ENOUGH_NETWORKS = 60


def has_namespaces() -> bool:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="no namespaces on this machine")


def wait_for(condition: Callable[[], bool], within: float = 60) -> bool:
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def descendants(first: int) -> list[int]:
    """The process and all below it, the eldest first."""
    children: dict[int, list[int]] = {}
    for each in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(each.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(each.parent.name))
    found = [first]
    for pid in found:
        found += sorted(children.get(pid, []))
    return found


def namespaces(pids: list[int]) -> set[str]:
    """The network, mount, process and user namespaces of these processes, in the kernel's names."""
    found = set()
    for pid in pids:
        for kind in ("net", "mnt", "pid", "user"):
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))  # noqa: PTH115  it is not a path
            except OSError:
                continue
    return found


def all_pids() -> list[int]:
    return [int(each.name) for each in pathlib.Path("/proc").iterdir() if each.name.isdigit()]


def mounts() -> list[str]:
    """The host's mounts that could be a lab's."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "/run/lab" in line or "/netns/" in line]


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Iterator[dict[str, str]]:
    """An environment in which a lab could leave files, with its own home and its own directory for temporary files."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    yield os.environ | {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert not list(tmp_path.glob("*/*"))


@needs_namespaces
@pytest.mark.parametrize("which", ["the front", "unshare", "the first process inside", "the daemon"])
def test_nothing_survives_the_first_process(which: str, place: dict[str, str]) -> None:
    home = namespaces([os.getpid()])
    before = mounts()
    process = subprocess.Popen(
        [*LAB, "--", "sh", "-c", "echo up; sleep 1000"], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=place
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    everyone = descendants(process.pid)
    own = namespaces(everyone) - home
    assert len(everyone) >= 5
    assert len(own) >= 4  # three that unshare made, and the operator's; a user's namespace may come on top
    existing = all_pids()
    victim = ["the front", "unshare", "the first process inside", "the daemon"].index(which)
    os.kill(everyone[victim], signal.SIGKILL)
    # All of them hold the pipe, which ends when the last one has gone.
    began = time.monotonic()
    assert process.stdout.read() == ""
    assert time.monotonic() - began < 60
    process.wait(60)
    assert wait_for(lambda: not [pid for pid in everyone[1:] if pathlib.Path(f"/proc/{pid}").exists()])
    assert not namespaces(existing) & own  # younger ones may belong to another lab: the kernel uses the names again
    assert mounts() == before
    assert not pathlib.Path("/run/lab").exists()


@needs_namespaces
@pytest.mark.proof
def test_the_kernel_gets_every_network_back(place: dict[str, str]) -> None:
    """If there is room only for one lab's networks, a second lab can start after the first was killed, and a third."""
    script = f"""
import os, signal, subprocess, sys, time
open("/proc/sys/user/max_net_namespaces", "w").write("{ENOUGH_NETWORKS}")
lab = [sys.executable, "-m", "lab", "--", "sh", "-c", "ls /run/netns | wc -l; sleep 1000"]
for turn in range(3):
    for attempt in range(50):  # the kernel takes networks apart in its own time
        process = subprocess.Popen(lab, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = process.stdout.readline()
        if said:
            break
        process.wait()
        assert turn, process.stderr.read()
        time.sleep(0.2)
    print(said.strip(), flush=True)
    process.kill()
    process.stdout.read()
    process.wait()
"""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", script],
        cwd=ROOT, env=place, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = [int(each) for each in done.stdout.split()]
    assert len(numbers) == 3
    assert all(ENOUGH_NETWORKS / 2 < number < ENOUGH_NETWORKS for number in numbers), "the limit proves nothing"


def readable_by_all(path: pathlib.Path) -> pathlib.Path | None:
    """The first directory on the way that others may not enter."""
    for each in [*reversed(path.parents), path]:
        if not each.stat().st_mode & 0o001:
            return each
    return None


@needs_namespaces
@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here runs as an ordinary user already")
def test_an_ordinary_user_has_a_lab_too() -> None:
    if shutil.which("setpriv") is None or readable_by_all(ROOT) is not None:
        pytest.skip("nobody else may read the project's files")
    prefix = pathlib.Path(sys.base_prefix)
    closed = readable_by_all(prefix)
    way = ""
    if closed is not None:
        # Python itself is in somebody's home; in a mount namespace of our own, the way to it is open.
        way = (
            f"keep=$(mktemp -d); mount --rbind {prefix} $keep; mount -t tmpfs -o mode=755 tmpfs {closed}; "
            f"mkdir -p {prefix}; mount --rbind $keep {prefix}; umount -l $keep; rmdir $keep; "
        )
    command = (
        f"set -e; {way} export HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1; "
        f"exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups {sys.executable} -c "
        "'import os, sys; print(os.getuid(), flush=True); "
        'os.execv(sys.executable, [sys.executable, "-m", "lab", "--", "sh", "-c", "ls /run/netns | wc -l"])\''
    )
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", command],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr or "No space left" in done.stderr:
        pytest.skip("this kernel gives namespaces to root only")
    assert done.returncode == 0, done.stderr
    uid, networks = done.stdout.split()
    assert int(uid) == NOBODY
    assert int(networks) > ENOUGH_NETWORKS / 2


@needs_namespaces
def test_a_kernel_without_namespaces_is_told_in_one_sentence() -> None:
    inner = ["bash", "-c", 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"', "sh", *LAB, "--", "true"]
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *inner], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"lab: this kernel does not let us make namespaces, .*\n", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--datacenters", "1"], "2 to 20 datacenters"),
        (["--datacenters", "21"], "2 to 20 datacenters"),
        (["--regions", "4"], "1 to 3 regions"),
        (["--instances", "ufds=2"], "there is one ufds"),
        (["--instances", "binder=4"], "1 to 3 instances"),
        (["--instances", "toaster=1"], "no service 'toaster'"),
        (["--accounts", "-1"], "-1"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(options: list[str], said: str) -> None:
    done = subprocess.run([*LAB, *options, "--", "true"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
