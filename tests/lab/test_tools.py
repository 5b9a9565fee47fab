"""Triton's and Manta's tools in a lab where nobody is coupled: what they do, and what they leave if typed in the wrong place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from lab.plan.names import POSEIDON_UUID
from tests.lab.operator import Operator, living

pytestmark = pytest.mark.proof

POSEIDON = "sdc-ldap search login=poseidon uuid | sed -n 's/^uuid: //p'"
APPLICATIONS = "sdc-sapi '/applications?name=manta{}' | json -Ha owner_uuid"
MANTA = "zlogin $(sdc-vmname manta) /opt/smartdc/bin/{}"
INIT = MANTA.format("manta-init -s lab -e ops@example.com")
# By address, because binder does not know the way to a datacenter that is not coupled.
POINT = (
    'echo \'{"metadata": {"MASTER_MORAY_IP": "10.2.1.17", "MASTER_MORAY_PORT": "2020"}}\' | '
    "sapiadm update $(sdc-sapi /services?name=sapi | json -Ha uuid)"
)


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--uncoupled") as shell:
        yield shell


def typed(operator: Operator, datacenter: str, line: str) -> str:
    code, said = operator.on(datacenter, line)
    assert code == 0, said
    return said


def test_zones_are_entered_by_the_beginning_of_their_name(operator: Operator) -> None:
    assert typed(operator, "my-dc-1", "sdc-login ufds zonename") == typed(operator, "my-dc-1", "sdc-vmname ufds")
    assert typed(operator, "my-dc-1", "sdc-login cloudapi0 'echo a | tr a b'") == "b\n"
    assert operator.on("my-dc-1", "sdc-login m true")[0] == 1  # mahi, manta, moray
    assert "found 4" not in operator.on("my-dc-1", "sdc-vmname m")[1]


def test_what_there_is_and_what_disagrees(operator: Operator) -> None:
    table = typed(operator, "my-dc-1", "sdcadm insts ufds sapi").splitlines()
    assert table[0].split() == ["INSTANCE", "SERVICE", "HOSTNAME", "VERSION", "ALIAS"]
    assert [line.split()[-1] for line in table[1:]] == ["sapi0", "ufds0"]
    assert typed(operator, "my-dc-1", "sdcadm check-config") == "All good!\n"
    update = "sapiadm update $(sdc-sapi /applications?name=sdc | json -Ha uuid) metadata.admin_network={}"
    typed(operator, "my-dc-1", update.format("10.9.9.0"))
    assert "admin_network did not match" in typed(operator, "my-dc-1", "sdcadm check-config")  # and exits 0
    typed(operator, "my-dc-1", update.format("10.1.1.0"))
    assert typed(operator, "my-dc-1", "sdc-cnapi /servers | json -Ha hostname") == "headnode\n"
    assert '"ping": "pong"' in typed(operator, "my-dc-1", "sdc-imgapi /ping")


def test_an_external_nic_moves_the_default_gateway(operator: Operator) -> None:
    nics = "vmadm get $(sdc-vmname binder) | json nics"
    typed(operator, "my-dc-1", "/usbkey/scripts/add_external_nic.sh $(sdc-vmname binder)")
    found = json.loads(typed(operator, "my-dc-1", nics))
    assert [(nic["nic_tag"], nic.get("primary", False)) for nic in found] == [("admin", False), ("external", True)]
    gateway = typed(operator, "my-dc-1", "zlogin $(sdc-vmname binder) route -n get 10.9.9.9")
    assert "gateway: 10.1.2.1" in gateway
    ping = "zlogin $(sdc-vmname binder) /usr/sbin/ping 10.1.2.1"
    assert typed(operator, "my-dc-1", ping) == "10.1.2.1 is alive\n"


def test_a_key_goes_to_the_master(operator: Operator) -> None:
    key = "/zones/$(sdc-vmname sdc)/root/root/.ssh/sdc.id_rsa.pub"
    names = "sdc-ldap search objectclass=sdckey name | grep -c 'name: another key'"
    typed(operator, "my-dc-1", f"cp {key} /tmp/k.pub")
    old = "sdc-ldap search -b 'ou=users, o=smartdc' '(&(objectclass=sdckey)(name=my-dc-1 sdc key))' dn | sed -n 's/^dn: //p'"
    typed(operator, "my-dc-1", f'sdc-ldap delete "$({old})"')
    said = typed(operator, "my-dc-1", "sdc-useradm add-key -n 'another key' admin /tmp/k.pub")
    assert said == 'Key "another key" added to user "admin"\n'
    assert typed(operator, "my-dc-1", names) == "1\n"
    assert operator.on("my-dc-1", "sdc-useradm add-key admin /tmp/k.pub")[0] == 1  # there already
    assert operator.on("my-dc-1", "sdc-useradm add-key nobody /tmp/k.pub")[0] == 1
    assert 'does not end in ".pub"' in operator.on("my-dc-1", "sdc-useradm add-key admin /usbkey/config")[1]


def test_manta_begun_where_nobody_is_coupled_makes_a_second_everything(operator: Operator) -> None:
    """The seed: the poseidon user is made several times, and the hash ring cannot be saved."""
    assert typed(operator, "my-dc-2", POSEIDON) == ""
    assert "logs at" in typed(operator, "my-dc-3", INIT)
    typed(operator, "my-dc-2", INIT)
    typed(operator, "my-dc-2", INIT)  # once more changes nothing
    mine, masters = (typed(operator, each, POSEIDON).strip() for each in ("my-dc-3", "my-dc-2"))
    assert masters == POSEIDON_UUID
    assert mine not in ("", masters)
    shards = MANTA.format("manta-shardadm set -i 1.moray -s 1.moray")
    assert typed(operator, "my-dc-1", shards) == "no manta application configured\n"  # and exits 0
    assert typed(operator, "my-dc-2", shards) == "Updated Manta shards successfully\n"
    typed(operator, "my-dc-3", POINT)
    operator.lab("settle")
    found = typed(operator, "my-dc-3", APPLICATIONS.format("&include_master=true"))
    assert sorted(found.split()) == sorted([mine, masters])
    code, said = operator.on("my-dc-3", "manta-adm create-topology -v 10 -p 2020")
    assert code != 0
    assert "exactly one application should exist" in said
    assert typed(operator, "my-dc-2", "manta-adm create-topology -v 10 -p 2020") == "logs at /var/log/manta-adm.log\n"
    assert operator.on("my-dc-2", "manta-adm create-topology -v 10 -p 2020")[0] == 10  # there is one


def test_a_ring_a_layout_and_its_zones(operator: Operator) -> None:
    typed(operator, "my-dc-2", "manta-adm create-topology -t buckets -v 10 -p 2020")
    assert typed(operator, "my-dc-2", "manta-adm show -js") == "{}\n"
    assert operator.on("my-dc-2", "manta-adm show -j")[0] == 1
    said = typed(
        operator, "my-dc-2", "manta-adm genconfig lab > /tmp/layout.json; manta-adm update -y /tmp/layout.json"
    )
    assert 'service "webapi"' in said
    shown = "manta-adm show -js | cmp - /tmp/layout.json && echo same"
    assert typed(operator, "my-dc-2", shown) == "same\n"
    state = "manta-oneach -s webapi 'svcs -H -o state muskie:muskie-8081'"
    table = typed(operator, "my-dc-2", state).splitlines()
    assert table[0].split() == ["SERVICE", "ZONE", "OUTPUT"]
    assert table[1].split()[::2] == ["webapi", "online"]
    assert "=== Output from" in typed(operator, "my-dc-2", "manta-oneach -s webapi 'echo a; echo b'")
    last = typed(operator, "my-dc-2", "manta-oneach -N -s webapi 'echo a; echo b; echo c >&2'").splitlines()[-1]
    assert last.split()[::2] == ["webapi", "b"]
    assert "not there" in typed(operator, "my-dc-2", "manta-oneach -s webapi 'echo not there >&2; false'")
    assert "unrecognized service" in operator.on("my-dc-2", "manta-oneach -s cloudapi true")[1]
    assert typed(operator, "my-dc-2", "manta-oneach -s webapi 'svcadm restart \"*muskie*\"'") != ""


PATHS = {
    "ssh my-dc-1 'echo $PATH'": "/usr/bin:/bin:/usr/sbin:/sbin\n",
    "echo 'echo $PATH' | ssh -T my-dc-1": "/usr/bin:/usr/sbin:/smartdc/bin:/opt/smartdc/bin:/opt/local/bin:/opt/local/sbin:"
    "/opt/smartdc/agents/bin\n",
    "ssh my-dc-1 'zlogin $(/opt/smartdc/bin/sdc-vmname ufds) echo \\$PATH'": "/usr/sbin:/usr/bin\n",
}


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs OpenSSH's client")
@pytest.mark.parametrize("line", PATHS)
def test_each_way_in_has_the_path_that_smartos_gives_it(operator: Operator, line: str) -> None:
    assert operator.types(f"({line})") == (0, PATHS[line])


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs OpenSSH's client")
def test_tritons_tools_are_not_found_by_a_command_over_ssh(operator: Operator) -> None:
    code, said = operator.types("ssh my-dc-1 sdcadm insts -j")
    assert code == 127
    assert "command not found" in said
