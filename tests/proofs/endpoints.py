"""Runs inside a lab: master and replica are named only by endpoints, some of them at the end of a tunnel of the operator."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from remediate.ldif import touched
from tests.proofs.inside import causes, lab, run_suite, type_into, type_steps

WAIT = 20.0
INVENTORY = """\
master: my-dc-2
datacenters:
  my-dc-1: {{headnode: root@10.1.2.2, region: my-dc}}
  my-dc-2:
    region: my-dc
    ufds_address: 10.2.2.29
    endpoints:
      ufds: ldaps://10.2.2.29
      cloudapi: https://10.2.2.35
      sapi: http://127.0.0.1:{sapi}
      binder: dns://127.0.0.1:{binder}
  my-dc-3: {{region: my-dc, endpoints: {{ufds: "ldaps://10.3.2.29", cloudapi: "https://10.3.2.35"}}}}
expect: {{patience: 20s}}
"""
JUDGED = {
    "binder-answers-own-names[my-dc-2.binder0]",
    "cloudapi-answers[my-dc-2.cloudapi0]",
    "cloudapi-answers[my-dc-3.cloudapi0]",
    "region-name-agrees[my-dc-2]",
    "sapi-answers[my-dc-2.sapi0]",
    "ufds-answers[my-dc-2.ufds0]",
    "ufds-answers[my-dc-3.ufds0]",
    "one-poseidon[coupling]",
}
"""The checks that must be judged, and pass, with what endpoints show."""


@contextlib.contextmanager
def tunnel(local: int, target: str) -> Iterator[None]:
    """ssh -L, as an operator opens it."""
    command = ["ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{local}:{target}", "my-dc-2"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as ssh:
        try:
            end = time.monotonic() + WAIT
            while ssh.poll() is None and time.monotonic() < end:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", local), 1):
                    break
                time.sleep(0.05)
            yield
        finally:
            ssh.terminate()


def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def password() -> str:
    command = ["ssh", "my-dc-3", "bash /lib/sdc/config.sh -json"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return str(json.loads(told)["ufds_ldap_root_pw"])


def _moved_from_afar() -> None:
    """A replicator without SSH: before a gap, and stopped. What LDAP shows is enough for a command, typed by somebody there."""
    lab("fault", "changelog-gap")
    lab("settle")
    _steps_help(["replicator-moves[my-dc-1]", "replicator-moves[my-dc-3]"])
    lab("fault", "replicator-stopped@my-dc-3")
    type_into("my-dc-2", touched("cn=operators, ou=groups, o=smartdc", "base"))
    _steps_help(["replicator-moves[my-dc-3]"])


def _steps_help(expected: list[str]) -> None:
    sick = run_suite()
    if causes(sick) != expected:
        raise SystemExit(f"expected {expected}, found {causes(sick)}\n{sick['output']}")
    type_steps(sick)
    lab("settle")
    well = run_suite()
    if causes(well):
        raise SystemExit(f"not healed: {causes(well)}\n{well['output']}")


def main() -> int:
    sapi, binder = port(), port()
    os.environ["AZ_UFDS_ROOT_PASSWORD_MY_DC_3"] = password()
    with (
        tempfile.TemporaryDirectory() as folder,
        tunnel(sapi, "10.2.1.32:80"),
        tunnel(binder, "10.2.1.11:53"),
    ):
        named = Path(folder, "region.yaml")
        named.write_text(INVENTORY.format(sapi=sapi, binder=binder))
        os.environ["AZ_INVENTORY"] = str(named)
        well = run_suite()
        passed = {f"{row['check']}[{row['subject']}]" for row in well["results"] if row["outcome"] == "passed"}
        if well["exit"] != 0 or not passed >= JUDGED:
            raise SystemExit(f"not judged: {sorted(JUDGED - passed)}; causes {causes(well)}\n{well['output']}")
        if not [remark for remark in well["remarks"] if remark.startswith("my-dc-3 is named by endpoints")]:
            raise SystemExit(f"the share is not told: {well['remarks']}")
        _moved_from_afar()
        lab("fault", "second-poseidon@my-dc-3")
        lab("settle")
        sick = run_suite()
        if causes(sick) != ["one-poseidon[coupling]"] or sick["exit"] != 1:
            raise SystemExit(f"expected one-poseidon, found {causes(sick)}\n{sick['output']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
