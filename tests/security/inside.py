"""Runs inside a lab: one watched run of the suite, and the lab's state before and after it."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.login import in_login

ROOT = Path(__file__).resolve().parents[2]
DATACENTERS = ("my-dc-1", "my-dc-2", "my-dc-3")
STATE = """
for path in /applications /services /instances; do sdc-sapi "$path"; done | grep -v '^Date:'
sdc-napi /networks | grep -v '^Date:'
sdc-ldap search -b cn=latestchangenumber -s base 'objectclass=*'
"""
CHANGED = (
    "find / \\( -name .lab -o -path /proc -o -path /dev -o -path /usr \\) -prune -o -type f -newermt @{since} -print"
)


CANARY = "Xk7canary"
PLANTED = '"pw": "@", "port": "@", "notes": {"deep": ["@", {"name": "@"}]}, "@": {"region": "@"}, "url": "https://u:@;h/?t=@",'
EDITED = f"""
cd /zones/$(sdc-vmname cloudapi)/root/opt/smartdc/cloudapi/etc && {{ echo '{{' '{PLANTED}'; tail -n +2 cloudapi.cfg; }} > /tmp/e
cp /tmp/e cloudapi.cfg; rm /tmp/e; cd /zones/$(sdc-vmname binder)/root/opt/smartdc/binder/etc
echo 'the password is @, and token=@' >> config.json
""".replace("@", CANARY).replace(";h", "@h")
"""Typed into the files of two zones: JSON, and text that is not JSON."""


def typed(datacenter: str, command: str) -> str:
    """What a command prints on a head node."""
    done = subprocess.run(
        ["ssh", datacenter, in_login(command)], check=False, capture_output=True, text=True, timeout=120
    )
    return done.stdout


def everywhere(command: str) -> dict[str, str]:
    with concurrent.futures.ThreadPoolExecutor() as threads:
        return dict(zip(DATACENTERS, threads.map(lambda name: typed(name, command), DATACENTERS), strict=True))


def sample(seen: set[str], stop: threading.Event) -> None:
    """Note the arguments of every process, over and over."""
    while not stop.is_set():
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.add((process / "cmdline").read_bytes().decode("utf-8", "replace"))
            except OSError:
                pass


def main(out: Path) -> int:
    subprocess.run([sys.executable, "-m", "lab", "settle"], cwd=ROOT, check=True)
    typed(DATACENTERS[2], EDITED)
    before, since = everywhere(STATE), typed(DATACENTERS[0], "date +%s.%N").strip()
    arguments: set[str] = set()
    stop = threading.Event()
    sampler = threading.Thread(target=sample, args=(arguments, stop))
    sampler.start()
    (out / "tmp").mkdir()
    (out / "root").mkdir()
    command = [
        sys.executable, "-m", "pytest", "-p", "tests.security.watch", f"--rootdir={out / 'root'}", "checks", "-v",
        f"--inventory={os.environ['AZ_INVENTORY']}", f"--alluredir={out / 'allure'}", f"--junitxml={out / 'own.xml'}",
        f"--log-file={out / 'log.txt'}", "--log-file-level=DEBUG", "--tb=long", "-rA", "--showlocals",
    ]  # fmt: skip
    environment = {**os.environ, "TMPDIR": str(out / "tmp"), "AZ_WATCHED": str(out / "watched.json")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True)
    stop.set()
    sampler.join()
    (out / "stdout").write_bytes(done.stdout)
    (out / "stderr").write_bytes(done.stderr)
    key = Path.home() / ".config/triton-az-checks/fingerprint.key"
    private = [path.read_text() for path in (Path.home() / ".ssh").glob("id_*") if path.suffix != ".pub"]
    told = {
        "exit": done.returncode,
        "before": before,
        "after": everywhere(STATE),
        "changed": everywhere(CHANGED.format(since=since)),
        "arguments": sorted(arguments),
        "key": key.read_text().strip(),
        "key_mode": key.stat().st_mode & 0o777,
        "private": private,
    }
    (out / "told.json").write_text(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
