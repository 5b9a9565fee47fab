"""Faults of a candidate: what sdc-ufds-m2s would delete or overwrite without a copy anywhere."""

from __future__ import annotations

from lab.faults.changes import USERS
from lab.faults.registry import Target, Undo, fault
from lab.machine import roots
from lab.plan import sshkeys
from lab.plan.names import ADMIN_UUID
from lab.state.lab import Lab

ADMIN = f"uuid={ADMIN_UUID}, {USERS}"


@fault("nowhere-to-save", "datacenter", "my-dc-3", ("candidate",))
async def nowhere_to_save(lab: Lab, target: Target) -> Undo:  # noqa: ARG001
    """/var/tmp of a candidate's head node is a file: somebody's script wrote to the name. sdc-ufds-m2s could save nothing."""
    place, aside = target.machine.root / "var/tmp", target.machine.root / "var/.tmp"
    place.rename(aside)
    place.touch()

    async def undo() -> None:
        place.unlink()
        aside.rename(place)

    return undo


@fault("no-room-to-save", "datacenter", "my-dc-3", ("candidate",))
async def no_room_to_save(lab: Lab, target: Target) -> Undo:  # noqa: ARG001
    """/var/tmp of a candidate's head node is full: crash dumps of years. sdc-ufds-m2s would save the first lines, and delete all."""
    place = str(target.machine.root / "var/tmp")
    roots.mount("tmpfs", place, "tmpfs", 0, "size=4k,mode=1777")

    async def undo() -> None:
        roots.mount("none", place, None, roots.MS_REMOUNT, "size=64m,mode=1777")

    return undo


@fault("usbkey-copy-old", "datacenter", "my-dc-3", ("candidate",))
async def usbkey_copy_old(lab: Lab, target: Target) -> None:  # noqa: ARG001
    """The USB key's copy of a candidate's configuration is years old: only /usbkey/config was kept current.

    sdc-ufds-m2s copies the key's over the other at its end: another region, and no DNS domain.
    """
    path = target.machine.root / "mnt/usbkey/config"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("dns_domain=")]
    path.write_text(
        "\n".join("region_name=old" if line.startswith("region_name=") else line for line in lines) + "\n", "utf-8"
    )


@fault("admin-has-a-key", "datacenter", "my-dc-3", ("candidate",))
async def admin_has_a_key(lab: Lab, target: Target) -> None:
    """A candidate's admin has a key that only this datacenter knows: an operator's laptop. sdc-ufds-m2s deletes it."""
    openssh = sshkeys.made_up("ops", "ops-laptop")
    fingerprint = sshkeys.fingerprint(openssh)
    key = {"objectclass": ["sdckey"], "name": ["ops laptop"], "fingerprint": [fingerprint], "openssh": [openssh]}
    await lab.ufds.add(target.site.datacenter.name, f"fingerprint={fingerprint}, {ADMIN}", key)
