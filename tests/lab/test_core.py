"""The living lab, started once: what an operator types, and that faults cause their symptoms without the suite's help."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.lab.operator import LAB, ROOT, Operator, living


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living() as shell:
        yield shell


def test_head_node_is_as_triton_says(operator: Operator) -> None:
    code, said = operator.on("my-dc-3", "sysinfo")
    assert code == 0
    assert json.loads(said)["Datacenter Name"] == "my-dc-3"
    code, said = operator.on("my-dc-3", "bash /lib/sdc/config.sh -json")
    assert json.loads(said)["ufds_remote_ip"] == "10.2.2.29"
    code, said = operator.on("my-dc-3", "sdcadm check-health -j")
    assert code == 0
    assert all(row["healthy"] for row in json.loads(said))
    code, said = operator.on("my-dc-3", "sdc-healthcheck -p; timeout 1 true")
    assert code == 127
    assert "cloudapi:running:-:online" in said


def test_zones_reach_what_napi_has_routes_for(operator: Operator) -> None:
    probe = 'zlogin -Q $(sdc-vmname {}) "(echo > /dev/tcp/10.2.2.29/636) && echo open"'
    assert operator.on("my-dc-3", probe.format("cloudapi")) == (0, "open\n")
    code, said = operator.on("my-dc-2", probe.replace("10.2.2.29", "10.3.2.29").format("sapi"))
    assert code != 0
    assert "Network is unreachable" in said


def test_what_only_vmadm_knows_disappears(operator: Operator) -> None:
    set_route = 'echo "{\\"set_routes\\": {\\"10.9.9.0/24\\": \\"10.3.1.1\\"}}" | vmadm update $(sdc-vmname sdc)'
    code, said = operator.on("my-dc-3", set_route)
    assert code == 0, said
    operator.lab("settle")
    assert "10.9.9.0" not in operator.on("my-dc-3", "vmadm get $(sdc-vmname sdc)")[1]


def test_metadata_is_rendered_and_restarts_what_the_manifest_says(operator: Operator) -> None:
    update = "sapiadm update $(sdc-sapi /services?name=cloudapi | json -Ha uuid) metadata.DC_MAINT_MESSAGE={}"
    config = "cat /zones/$(sdc-vmname cloudapi)/root/opt/smartdc/cloudapi/etc/cloudapi.cfg"
    started = "svcprop -p restarter/state_timestamp -z $(sdc-vmname cloudapi) cloudapi:cloudapi-8081"
    before = float(operator.on("my-dc-1", started)[1])
    assert operator.on("my-dc-1", update.format("soon=back"))[0] == 0  # what follows the second "=" is lost (hazard 2)
    operator.lab("settle")
    assert json.loads(operator.on("my-dc-1", config)[1])["dc_maint_message"] == "soon"
    assert float(operator.on("my-dc-1", started)[1]) > before


def test_cloudapi_without_its_route_stops_answering_and_heals(operator: Operator) -> None:
    ping = "curl -s -k -m 5 -o /dev/null -w '%{http_code}' https://10.3.1.35/--ping"
    assert operator.on("my-dc-3", ping)[1] == "200"
    operator.lab("fault", "route-missing@my-dc-3.cloudapi0")
    assert operator.on("my-dc-3", ping)[1] == "503"
    assert "HTTP code 503" in operator.on("my-dc-3", "sdcadm check-health cloudapi")[1]
    assert operator.on("my-dc-3", "svcadm restart net-agent")[0] == 0
    operator.lab("settle")
    # cloudapi tries again by itself, and haproxy wants two good checks.
    wait = f'for i in $(echo 1 2 3 4 5 6 7 8 9); do [ "$({ping})" = 200 ] && break; sleep 0.5; done; {ping}'
    assert operator.on("my-dc-3", wait)[1] == "200"


def test_a_second_poseidon_stops_replication_and_its_deletion_heals(operator: Operator) -> None:
    operator.lab("fault", "second-poseidon@my-dc-3")
    state = "svcs -H -o state -z $(sdc-vmname ufds) ufds-replicator"
    assert operator.on("my-dc-3", state)[1].strip() == "maintenance"
    remedy = (
        'sdc-ldap delete "$(sdc-ldap search login=poseidon dn | sed -ne "s/^dn: //p")" && '
        "svcadm -z $(sdc-vmname ufds) clear ufds-replicator"
    )
    code, said = operator.on("my-dc-3", remedy)
    assert code == 0, said
    poseidon = "sdc-ldap search login=poseidon uuid | grep ^uuid"
    wait = f"for i in $(echo 1 2 3 4 5 6 7 8 9); do {poseidon} >/dev/null && break; sleep 0.3; done; {poseidon}"
    assert operator.on("my-dc-3", wait)[1] == operator.on("my-dc-2", poseidon)[1]
    assert operator.on("my-dc-3", state)[1].strip() == "online"


@pytest.mark.parametrize(
    ("name", "said"),
    [("headnode-refuses", "Errno 111"), ("headnode-key", "Host key"), ("headnode-denies", "Permission denied")],
)
def test_head_node_that_cannot_be_entered(operator: Operator, name: str, said: str) -> None:
    operator.lab("fault", f"{name}@my-dc-1")
    code, text = operator.on("my-dc-1", "true")
    assert code != 0
    assert said in text
    operator.lab("heal", f"{name}@my-dc-1")
    assert operator.on("my-dc-1", "true")[0] == 0


def test_bad_fault_is_said_before_anything_starts() -> None:
    done = subprocess.run(
        [*LAB, "--fault", "nonsense", "--", "true"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "nonsense" in done.stderr


def test_nothing_survives_the_first_process() -> None:
    process = subprocess.Popen(
        [*LAB, "--", "sh", "-c", "echo up; sleep 1000"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if process.stdout.readline() != "up\n":
        pytest.skip("no namespaces on this machine")
    process.kill()
    # Everything inside holds the pipe, which ends when the last process has gone.
    began = time.monotonic()
    assert process.stdout.read() == ""
    assert time.monotonic() - began < 60  # not the 1000 s of its command
    process.wait()
    assert not [each for each in pathlib.Path("/proc").iterdir() if each.name.isdigit() and _is_sleep(each)]


def _is_sleep(process: pathlib.Path) -> bool:
    try:
        return (process / "cmdline").read_bytes() == b"sleep\x001000\x00"
    except OSError:
        return False
