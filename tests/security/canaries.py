"""Runs inside a lab: a word that nobody may show is put wherever a secret can stand, and what comes out is kept in a folder.

Each place has its own word, so what leaks says where it stood.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.security.inside import DATACENTERS, typed

ROOT = Path(__file__).resolve().parents[2]
WORD = "Xk7canary"
SETTINGS = f"""
for kind in applications services instances; do
    for uuid in $(sdc-sapi --no-headers /$kind | json -a uuid); do
        echo '{{"metadata": {{"canary_pw": "{WORD}-'$kind'", "CANARY": {{"deep": ["{WORD}-'$kind'"]}},
            "CANARY_URL": "https://u:{WORD}-'$kind'@host/?token={WORD}-'$kind'"}}}}' | sapiadm update $uuid
    done
done
"""
FILES = f"""
for file in $(ls -d /zones/*/root/opt/smartdc/*/etc/*.json /zones/*/root/opt/smartdc/*/etc/*.cfg); do
    {{ echo '{{' '"canary": "{WORD}-file", "pw": "{WORD}-file", "auth": {{"pin": "{WORD}-file"}}, "url": "https://u:{WORD}-file@h/",'
        tail -n +2 $file; }} > /tmp/e && cat /tmp/e > $file
done; rm -f /tmp/e
"""
LOGS = f"""
for log in $(ls -d /zones/*/root/var/svc/log/*.log); do
    echo '{{"level":50,"msg":"bind failed","bindCredentials":"{WORD}-log","err":{{"message":"connect ECONNREFUSED {WORD}-log"}}}}' >> $log
    echo 'Error: invalid password {WORD}-log at https://u:{WORD}-log@10.2.2.29' >> $log
done
"""
USBKEY = f"""
sdc-usbkey mount >/dev/null; for file in /usbkey/config /mnt/usbkey/config; do
    printf '%s\\n' 'canary_pw={WORD}-usbkey' 'canary={WORD}-usbkey' 'canary_url=https://u:{WORD}-usbkey@h/' >> $file
done; sdc-usbkey unmount >/dev/null
"""
DIRECTORY = f"""
for dn in $(sdc-ldap search -b 'ou=users, o=smartdc' objectclass=sdcperson dn | sed -n 's/^dn: \\(uuid=[^,]*\\),.*/\\1/p'); do
    printf '%s\\n' "dn: $dn, ou=users, o=smartdc" 'changetype: modify' 'replace: phone' 'phone: {WORD}-entry' '-' \\
        'replace: address' 'address: {WORD}-entry' '-' 'replace: userpassword' 'userpassword: {WORD}-entry-1' | sdc-ldap modify
done
"""
PLANTED = {"settings": SETTINGS, "files": FILES, "logs": LOGS, "usbkey": USBKEY}
THERE = {
    "settings": "for kind in applications services instances; do sdc-sapi --no-headers /$kind; done",
    "files": "cat /zones/*/root/opt/smartdc/*/etc/*.json /zones/*/root/opt/smartdc/*/etc/*.cfg",
    "logs": "cat /zones/*/root/var/svc/log/*.log",
    "usbkey": "cat /usbkey/config",
    "directory": "sdc-ldap search -z 100000 -b 'ou=users, o=smartdc' phone=*",
    "changes": "sdc-ldap search -z 100000 -b cn=changelog targetdn=*",
}
"""What prints each place, so that a run is not quiet only because nothing stands there."""
ANSWERS = ("between-other-protocol@my-dc-1.napi0", "between-other-protocol@my-dc-2.adminui0")
"""What answers there says a word of its own, too (lab/machine/between.py)."""


def lab(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "lab", *words], cwd=ROOT, check=True)


def kept(out: Path, name: str, *words: str) -> int:
    """What a command says, in a file."""
    told = os.environ | {"CANARY_TOKEN": f"{WORD}-environment", "AWS_SECRET_ACCESS_KEY": f"{WORD}-environment"}
    told |= {"PYTHONPATH": str(ROOT), "AZ_RUNS": str(out / "runs")}
    done = subprocess.run(words, cwd=out, env=told, capture_output=True, check=False)
    (out / f"{name}.out").write_bytes(done.stdout)
    (out / f"{name}.err").write_bytes(done.stderr)
    return done.returncode


def main(out: Path) -> int:
    for datacenter in DATACENTERS:
        for line in PLANTED.values():
            typed(datacenter, line)
    typed(DATACENTERS[0], DIRECTORY)
    typed(DATACENTERS[1], DIRECTORY)
    lab("settle")
    for fault in ANSWERS:
        lab("fault", fault)
    pytest = [sys.executable, "-m", "pytest", f"--rootdir={out}", str(ROOT / "checks"), "-c", str(ROOT / "pytest.ini")]
    loud = ["-vv", "--tb=long", "--showlocals", "-rA", f"--alluredir={out / 'allure'}", f"--log-file={out / 'log.txt'}"]
    code = kept(
        out, "run", *pytest, f"--inventory={os.environ['AZ_INVENTORY']}", *loud, "--log-file-level=DEBUG", f"--junitxml={out / 'own.xml'}",
    )  # fmt: skip
    az = str(ROOT / "az-checks")
    for name, words in {
        "plan": ("plan",), "plan-json": ("plan", "--json"), "explain": ("explain",), "explain-1": ("explain", "1"),
        "explain-2": ("explain", "2"), "list": ("report", "list"), "show": ("report", "show"), "compliance": ("report", "compliance"),
        "site": ("report", "site", str(out / "site")),
    }.items():  # fmt: skip
        kept(out, name, az, *words)
    there = {place: typed(DATACENTERS[0], ask).count(WORD) for place, ask in THERE.items()}
    (out / "told.json").write_text(json.dumps({"exit": code, "there": there}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
