"""A healthy lab has no finding, whatever its size and shape. Several instances are judged one by one, and regions separately."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.proof

ROOT = pathlib.Path(__file__).resolve().parents[2]
VARIANTS = (
    "--datacenters 2",
    "--datacenters 2 --regions 2",
    "--datacenters 2 --uncoupled",
    "--datacenters 3 --uncoupled",
    "--datacenters 4 --regions 2",
    "--datacenters 4 --regions 2 --uncoupled",
    "--datacenters 5 --regions 2 --instances binder=2,cloudapi=2",
    "--datacenters 5 --instances binder=2,cloudapi=2",
    "--datacenters 3 --instances binder=3,cloudapi=3,adminui=2,moray=2,sapi=2,napi=2",
    "--datacenters 3 --instances binder=2,cloudapi=2 --uncoupled",
    "--datacenters 3 --candidate my-dc-3",
    "--datacenters 5 --manta",
    "--datacenters 3 --servers 2 --manta",
    "--datacenters 3 --servers 3 --instances binder=3,cloudapi=3,moray=3,sapi=2,napi=2",
    "--datacenters 3 --instances binder=2,sapi=2,moray=2 --manta",
    "--datacenters 7",
    "--datacenters 7 --regions 2",
    "--accounts 3000",
)


@pytest.mark.parametrize("options", VARIANTS)
def test_nothing_is_found(options: str) -> None:
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "lab", *options.split(), "--", *suite]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 2 and "namespaces" in done.stderr:
        pytest.skip("no namespaces on this machine")
    assert done.returncode == 0, done.stdout + done.stderr
