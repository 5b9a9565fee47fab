"""A lab whose head nodes have this machine's own sshd: commands run in the same place as with the lab's own server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.machine import openssh
from lab.machine.roots import SSH_PATH
from tests.lab.operator import Operator, living

if cannot := openssh.refused():
    pytest.skip(cannot, allow_module_level=True)


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--datacenters", "2", "--openssh") as shell:
        yield shell


def reaches(operator: Operator, datacenter: str = "my-dc-1", line: str = "zonename") -> tuple[int, str]:
    return operator.types(f"ssh -o BatchMode=yes -o ConnectTimeout=5 {datacenter} {line!r}")


def test_a_command_runs_in_the_head_node(operator: Operator) -> None:
    line = "echo $PATH $HOME; zonename; /usr/sbin/vmadm lookup tags.smartdc_role=ufds | wc -l; exit 7"
    assert reaches(operator, line=line) == (7, f"{SSH_PATH} /root\nglobal\n1\n")


def test_a_login_has_the_tools(operator: Operator) -> None:
    assert operator.on("my-dc-2", "zlogin $(sdc-vmname cloudapi) zonename; sdc-vmname cloudapi")[1].count("-") == 8


def test_a_forwarded_connection_is_made_there(operator: Operator) -> None:
    """By the head node's name servers, which are its binders."""
    asked = "printf 'GET /ping HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n'"
    code, said = operator.types(f"{asked} | ssh -W sapi.my-dc-1.srv.example.com:80 my-dc-1 | head -1")
    assert (code, said.strip()) == (0, "HTTP/1.1 200 OK")


def test_zones_that_come_later_are_there(operator: Operator) -> None:
    """sshd has its own mounts, but whoever logs in has the lab's."""
    assert operator.on("my-dc-1", "cat /zones/$(sdc-vmname ufds)/root/etc/nodename")[0] == 0


@pytest.mark.parametrize("fault", ["headnode-denies", "headnode-key", "headnode-refuses"])
def test_a_fault_shuts_the_operator_out(operator: Operator, fault: str) -> None:
    operator.lab("fault", f"{fault}@my-dc-1")
    assert reaches(operator)[0] == 255
    assert reaches(operator, "my-dc-2") == (0, "global\n")
    operator.lab("heal", f"{fault}@my-dc-1")
    assert reaches(operator) == (0, "global\n")


def test_forwarding_is_forbidden(operator: Operator) -> None:
    operator.lab("fault", "headnode-forbids-forwarding@my-dc-1")
    assert "administratively prohibited" in operator.types("ssh -W 127.0.0.1:22 my-dc-1")[1]
    assert reaches(operator) == (0, "global\n")
    operator.lab("heal", "headnode-forbids-forwarding@my-dc-1")
    assert operator.types("ssh -W 10.1.2.2:22 my-dc-1 < /dev/null | head -c 7")[1] == "SSH-2.0"


def test_a_slow_head_node_is_slow(operator: Operator) -> None:
    operator.lab("fault", "headnode-slow@my-dc-1")
    assert operator.types("began=$SECONDS; ssh my-dc-1 true; ((SECONDS - began >= 1))")[0] == 0
    operator.lab("heal", "headnode-slow@my-dc-1")


def test_what_sshd_does_not_do_is_said(operator: Operator) -> None:
    code, said = operator.types("python -m lab fault headnode-cuts@my-dc-1")
    assert (code, said) == (3, "lab: only the lab's own SSH server breaks a connection, not --openssh\n")
