"""The operator's home: what ssh needs, and the inventory."""

from __future__ import annotations

import shutil

import asyncssh

from lab.machine import roots
from lab.state.lab import Lab

ROOT = roots.RUN / "operator"
INVENTORY = ROOT / "region.yaml"
SSH = ROOT / "home/.ssh"
SSH_OPTIONS = f"""Host *
    IdentityFile {SSH}/id_ed25519
    UserKnownHostsFile {SSH}/known_hosts
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    User root
"""


def make_key() -> str:
    """Make the operator's key pair; returns its public half."""
    SSH.mkdir(parents=True, mode=0o700)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(SSH / "id_ed25519"))
    (SSH / "id_ed25519").chmod(0o600)
    return key.export_public_key().decode()


def write_known_hosts(lab: Lab) -> None:
    lines = [
        f"{name},{site.headnode.zone.external_ip} {lab.ssh[name].key.export_public_key().decode()}"
        for name, site in lab.sites.items()
    ]
    (SSH / "known_hosts").write_text("".join(lines), encoding="utf-8")


def make(lab: Lab) -> None:
    """Make what ssh needs, the inventory, and an ssh that looks there and not in /root."""
    programs = ROOT / "bin"
    programs.mkdir()
    names = "".join(f"Host {name}\n    HostName {site.headnode.zone.external_ip}\n" for name, site in lab.sites.items())
    (SSH / "config").write_text(names + SSH_OPTIONS, encoding="utf-8")
    for name in ("ssh", "scp", "sftp"):
        real = shutil.which(name)
        if real:
            (programs / name).write_text(f'#!/bin/sh\nexec {real} -F {SSH}/config "$@"\n', encoding="utf-8")
            (programs / name).chmod(0o755)
    write_inventory(inventory(lab))
    roots.name_outside(
        (f"cloudapi.{site.datacenter.suffix}", machine.zone.external_ip)
        for site in lab.sites.values()
        for machine in site.of_role("cloudapi")
    )


def inventory(lab: Lab) -> str:
    """region.yaml of the healthy lab (its format: docs of the inventory)."""
    lines = [f"master: {lab.plan.master.name}", "datacenters:"]
    for name, site in lab.sites.items():
        datacenter = site.datacenter
        entry = f"headnode: root@{site.headnode.zone.external_ip}, region: {datacenter.region}"
        if datacenter.state == "candidate":
            entry += ", state: candidate"
        if datacenter.state == "master":
            entry += f", ufds_address: {lab.plan.master_ufds_address}"
        lines.append(f"  {name}: {{{entry}}}")
    lines.append(f"expect: {{manta: {str(lab.plan.manta).lower()}, patience: 20s}}")
    return "\n".join(lines) + "\n"


def write_inventory(text: str) -> None:
    INVENTORY.write_text(text, encoding="utf-8")


def read_inventory() -> str:
    return INVENTORY.read_text(encoding="utf-8")
