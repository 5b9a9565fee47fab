"""What a head node alone can tell: its clock, its USB key, the images of its zones.  Frozen, as all of evidence."""

from __future__ import annotations

from msgspec import Struct


class Clock(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a head node's clock is ahead of the suite's machine, in seconds: not less than, and not more than."""

    least: float
    most: float


class UsbKey(Struct, frozen=True, forbid_unknown_fields=True):
    """What sdc-usbkey needs to mount: `status` is its message, `ok` whether the key is mounted as it should be.

    `bootpool` is the pool that the head node was booted from, if any; `devices` counts file systems of the key's type.
    """

    status: str
    ok: bool
    bootpool: str = ""
    devices: int = 0


class Instance(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of `sdcadm insts -j`; `version` is empty where IMGAPI does not know the image."""

    service: str
    alias: str = ""
    version: str = ""
    image: str = ""
