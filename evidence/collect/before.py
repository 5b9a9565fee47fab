"""What sdc-ufds-m2s works with on a candidate's head node: the USB key's copy of the configuration, and where it saves what it deletes.

At its end it copies the key's file, less one line, over /usbkey/config.  Before that it deletes whether or not it could save.  Source:
sdc-headnode:tools/bin/sdc-ufds-m2s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evidence.collect import parse, services
from evidence.collect.configuration import Setting, lines_of
from evidence.headnode import LACKING, MORE, OTHERWISE, UNFIT, CopyDifference, CouplingTools, Room, UsbkeyCopy
from evidence.redact import Vault, cut

SET_ANEW = ("ufds_is_master", "ufds_remote_ip")
"""sdc-ufds-m2s writes these itself, so it does not matter what the copy says."""
MOST = 200
_LARGEST = 1 << 50


def usbkey_copy(file: str, printed: str, vault: Vault) -> UsbkeyCopy:
    """`file` is /usbkey/config; `printed` the path of the copy on a line, and then the copy, or nothing where there is none."""
    path, _, text = printed.partition("\n")
    if not path:
        return UsbkeyCopy()
    if not path.startswith("/"):
        raise parse.UnreadableError("the path of the copy is none")
    here, there = _settings(file), _settings(text)
    for each in (*here.values(), *there.values()):
        vault.learn_all({each.key: each.value.text})
    return UsbkeyCopy(cut(path), tuple(_differences(here, there, vault))[:MOST])


def coupling_tools(text: str) -> CouplingTools:
    """Two numbers of lines: those of sdc-ufds-m2s that cannot read an address, and those of ufds-reconcile-data that name the password."""
    numbers = text.split()
    if len(numbers) != 2 or not all(re.fullmatch(r"[0-9]{1,6}", number) for number in numbers):
        raise parse.UnreadableError("grep did not print a number for each of the two files")
    return CouplingTools(takes_addresses=int(numbers[0]) == 0, reconcile_has_password=int(numbers[1]) > 0)


def _settings(text: str) -> dict[str, Setting]:
    """The last line of each key; under no key a line that is no setting."""
    return {line.key: line for line in lines_of(text)}


def _differences(here: dict[str, Setting], there: dict[str, Setting], vault: Vault) -> Iterator[CopyDifference]:
    for key in sorted((here.keys() | there.keys()).difference(SET_ANEW)):
        ours, copy = here.get(key), there.get(key)
        kind = _kind(ours, copy)
        if kind:
            values = [vault.scrub(each.value.text) if each and _shown(key) else "" for each in (ours, copy)]
            yield CopyDifference(cut(key), kind, *values)


def _kind(ours: Setting | None, copy: Setting | None) -> str:
    if copy is None:
        return LACKING if ours is not None and ours.says else ""
    if copy.kinds and (ours is None or ours.kinds != copy.kinds):
        return UNFIT
    if ours is None:
        return MORE if copy.says else ""
    return OTHERWISE if ours.value.text != copy.value.text else ""


def _shown(key: str) -> bool:
    return key in services.SETTINGS


def room(text: str) -> Room:
    """What cannot be written (`no PATH` on a line each), and what `df -k` says of /var/tmp."""
    lines = text.splitlines()[: parse.MOST]
    closed = tuple(cut(line.removeprefix("no ")) for line in lines if line.startswith("no /"))
    return Room(closed, _free(lines))


def _free(lines: list[str]) -> int | None:
    """The number in front of the share that is used: a long name of a file system may stand on a line of its own."""
    for line in reversed(lines):
        words = line.split()
        for share in (at for at, word in enumerate(words) if at and word.endswith("%") and word[:-1].isdigit()):
            if words[share - 1].isdecimal() and int(words[share - 1]) < _LARGEST:
                return int(words[share - 1])
    return None
