"""sdc-usbkey, and what it asks before it mounts: bootparams, diskinfo, fstyp.

Formats: sdc-headnode:tools/lib/usbkey.js, bootpool.js and oscmds.js. /mnt/usbkey is a directory of the tree and always there. mount and
unmount only change what status says.
"""

from __future__ import annotations

import json
from typing import Any

from lab.commands.call import NOT_IMITATED, Call, UsageError, command

MOUNTPOINT = "/mnt/usbkey"
KEY = "c1t0d0"
DISKS = (
    ("SCSI", "c2t0d0", "LAB", "DISK", "480103981056", "no", "yes"),
    ("USB", KEY, "LAB", "Key", "8011120640", "yes", "no"),
)


@command("sdc-usbkey")
async def usbkey(call: Call) -> int:
    site = call.site
    match call.arguments:
        case ["mount"]:
            if not site.usbkey_plugged:
                raise UsageError("sdc-usbkey: error: no pcfs devices found", 1)
            site.usbkey_mounted = True
            call.out(f"{MOUNTPOINT}\n")
            return 0
        case ["unmount"]:
            site.usbkey_mounted = False
            return 0
        case ["status"]:
            call.out("mounted\n" if site.usbkey_mounted else "unmounted\n")
            return 0
        case ["status", "-j"]:
            call.out(json.dumps(_status(site.usbkey_mounted), separators=(",", ":")) + "\n")
            return 0
    raise UsageError("sdc-usbkey: the lab imitates mount, unmount, status and status -j", 127)


def _status(mounted: bool) -> dict[str, Any]:
    options = {"foldcase": True, "noatime": True, "hidden": True, "clamptime": True, "rw": True}
    return {
        "mountpoint": MOUNTPOINT if mounted else None,
        "device": f"/dev/dsk/{KEY}s2" if mounted else None,
        "version": 2 if mounted else None,
        "options": options if mounted else None,
        "steps": dict.fromkeys(("mounted", "options_ok", "marker_file"), mounted),
        "ok": mounted,
        "message": "mounted" if mounted else "not mounted",
    }


@command("bootparams")
async def bootparams(call: Call) -> int:
    call.out("console=text\nheadnode=true\nhostname=headnode\n")
    return 0


@command("diskinfo")
async def diskinfo(call: Call) -> int:
    if call.arguments != ["-Hp"]:
        raise UsageError("diskinfo: the lab imitates -Hp", 127)
    for disk in DISKS:
        if disk[1] != KEY or call.site.usbkey_plugged:
            call.out("\t".join(disk) + "\n")
    return 0


@command("fstyp")
async def fstyp(call: Call) -> int:
    """The key's slice 2 holds the file system (version 2 of the key's format)."""
    match call.arguments:
        case [device] if device == f"/dev/dsk/{KEY}s2" and call.site.usbkey_plugged:
            call.out("pcfs\n")
            return 0
        case [_]:
            call.err("unknown_fstyp (cannot open device)\n")
            return 1
    raise UsageError("fstyp: the lab takes one device", NOT_IMITATED)
