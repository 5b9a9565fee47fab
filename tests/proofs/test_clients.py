"""The clients of customers, as npm has them, at the lab's cloudapi. They sign in forms of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.operator import Operator, living

pytestmark = pytest.mark.proof

CLIENTS = ("triton@7.17.0", "smartdc@9.0.1")
HERE, THERE = "my-dc-1", "my-dc-2"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which npm puts them, outside of the checkout."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no npm on this machine, so the clients cannot be had")
    folder = tmp_path_factory.mktemp("clients")
    command = [
        npm,
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
        str(folder),
        *CLIENTS,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=folder)
    if done.returncode:
        pytest.skip(f"npm cannot get the clients: {' '.join(done.stderr.split())[:200]}")
    return folder / "node_modules"


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--datacenters", "2") as shell:
        yield shell


@pytest.fixture(scope="module")
def customer(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The settings before a client's command: admin's key, which the sdc zone has, in a separate home."""
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir(mode=0o700)
    for name in ("id_rsa", "id_rsa.pub"):
        code, key = operator.on(HERE, f"cat /zones/$(sdc-vmname sdc)/root/root/.ssh/sdc.{name}")
        assert code == 0, key
        (home / ".ssh" / name).write_text(key.strip() + "\n")
        (home / ".ssh" / name).chmod(0o600)
    key_id = subprocess.run(
        ["ssh-keygen", "-E", "md5", "-lf", str(home / ".ssh/id_rsa.pub")], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    key_id = key_id.removeprefix("MD5:")
    return (
        f"env -u SSH_AUTH_SOCK HOME={home} SDC_ACCOUNT=admin SDC_KEY_ID={key_id} TRITON_ACCOUNT=admin "
        f"TRITON_KEY_ID={key_id} TRITON_TLS_INSECURE=1 SDC_TESTING=1 NODE_NO_WARNINGS=1 "
    )


def url(datacenter: str) -> str:
    return f"https://cloudapi.{datacenter}.srv.example.com"


@pytest.mark.parametrize("datacenter", [HERE, THERE])
def test_triton(operator: Operator, clients: Path, customer: str, datacenter: str) -> None:
    """The seed's `triton ls`, from outside, at a replica and at the master."""
    code, said = operator.types(f"{customer} {clients}/.bin/triton -i -U {url(datacenter)} ls")
    assert (code, said.split()) == (0, ["SHORTID", "NAME", "IMG", "STATE", "FLAGS", "AGE"]), said
    code, said = operator.types(f"{customer} {clients}/.bin/triton -i -U {url(datacenter)} datacenters -j")
    assert code == 0, said
    assert json.loads(said).keys() == {HERE, THERE}


@pytest.mark.parametrize("datacenter", [HERE, THERE])
def test_smartdc(operator: Operator, clients: Path, customer: str, datacenter: str) -> None:
    code, said = operator.types(f"{customer} SDC_URL={url(datacenter)} {clients}/smartdc/bin/sdc-listdatacenters -i")
    assert code == 0, said
    assert json.loads(said).keys() == {HERE, THERE}
