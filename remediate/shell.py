"""Commands for a head node's root shell: bash 4.3 and Triton's own tools, no temporary files, every value quoted.

What is printed is pasted by a human, so a command never holds a control character: such a value is written as $'\\x1b'.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from math import ceil
from typing import Any

from evidence.subjects.triton import CONFIG_AGENT
from remediate import typed

PAUSE = 2
"""Seconds between two looks at a file that config-agent is to render."""


def quote(value: str) -> str:
    """A word of the shell.  Characters that a terminal would act upon are written in bash's $'…' form."""
    if value.isprintable():
        return shlex.quote(value)
    plain = {"\\": "\\\\", "'": "\\'", "!": "\\x21"}
    return "$'" + "".join(plain.get(c, c) if c.isprintable() else _bytes(c) for c in value) + "'"


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def in_zone(uuid: str, command: str) -> str:
    """A command in a zone, from the global zone: zlogin hands its words to a shell there (facts, "Zones")."""
    return f"zlogin {typed.uuid(uuid)} {quote(command)}"


def compact(value: object) -> str:
    """JSON on one line, keys sorted, ASCII only."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def sapi_update(uuid: str, metadata: Mapping[str, Any]) -> str:
    """Typed metadata goes in as JSON: `sapiadm … k=v` cuts values at "=" and makes strings of all (facts, hazard 2)."""
    body = {"metadata": {typed.setting(key): value for key, value in metadata.items()}}
    return f"echo {quote(compact(body))} | sapiadm update {typed.uuid(uuid)}"


def sapi_delete(uuid: str, keys: tuple[str, ...]) -> str:
    """Take keys out of the metadata (facts "SAPI": action delete)."""
    body = {"action": "delete", "metadata": dict.fromkeys(map(typed.setting, keys), "")}
    return f"echo {quote(compact(body))} | sapiadm update {typed.uuid(uuid)}"


def sapi_restore(uuid: str, before: Mapping[str, Any], changed: tuple[str, ...]) -> str:
    """What takes an update of the keys `changed` back, given the metadata before."""
    old = {key: before[key] for key in changed if before.get(key) is not None}
    absent = tuple(key for key in changed if key not in old)
    lines = ([sapi_update(uuid, old)] if old else []) + ([sapi_delete(uuid, absent)] if absent else [])
    return "; ".join(lines)


def usbkey_set(values: Mapping[str, str]) -> str:
    """Both copies of the head node's configuration (facts "Head node configuration": Safe edit); no copy in /tmp.

    Each file keeps its mode; a file that cannot be read is left alone.
    """
    drop = ";".join(f"/^{typed.setting(key)}=/d" for key in sorted(values))
    lines = " ".join(quote(f"{key}={shlex.quote(typed.usbkey(key, value))}") for key, value in sorted(values.items()))
    return _both_copies(
        f'new=$(sed {quote(drop)} "$file") && [[ -n $new ]] || exit 1', ['cp -p "$file" "$file.new"'], lines
    )


def usbkey_mended(*scripts: str) -> str:
    """Edits both copies of /usbkey/config by scripts of sed, where they change anything.  A copy stays beside each file."""
    words = " ".join(f"-e {quote(script)}" for script in scripts)
    return _both_copies(
        f'new=$(sed {words} "$file") && [[ -n $new ]] || exit 1\n    [[ $new == "$(cat "$file")" ]] && continue',
        ['cp -p "$file" "$file.$(date -u +%Y%m%d%H%M%S)"', 'cp -p "$file" "$file.new"'],
    )


def _both_copies(read: str, copies: list[str], lines: str = "") -> str:
    """Write `$new` over both copies of the head node's configuration.

    The key's comes first, for it may be full; each is made beside the file, so that one that cannot be written stays whole.
    """
    printed = " ".join(filter(None, ["printf '%s\\n' \"$new\"", lines]))
    made = " &&\n        ".join([*copies, f'{printed} > "$file.new"', 'mv "$file.new" "$file"'])
    return "\n".join(
        [
            "sdc-usbkey mount && {",
            "( for file in /mnt/usbkey/config /usbkey/config; do",
            f"    {read}",
            f"    {made} ||",
            '        { rm -f "$file.new"; exit 1; }',
            "done )",
            "status=$?; sdc-usbkey unmount; (exit $status); }",
        ]
    )


def zone_service(verb: str, uuid: str, *fmris: str) -> str:
    """svcadm on services of a zone, from the global zone.  `enable` waits until the service is there."""
    services = " ".join(quote(typed.fmri(fmri)) for fmri in fmris)
    return f"svcadm -z {typed.uuid(uuid)} {verb}{' -s' if verb == 'enable' else ''} {services}"


def zone_file(uuid: str, path: str) -> str:
    """A file of a zone, as the global zone sees it."""
    return f"/zones/{typed.uuid(uuid)}/root{typed.path(path)}"


def rendered(uuid: str, path: str, key: str, value: str, patience: float) -> str:
    """Wait, with an end, until config-agent has written a value into a zone's file."""
    file = zone_file(uuid, path)
    return "\n".join(
        [
            f"for try in {{1..{max(1, ceil(patience / PAUSE))}}}; do",
            f"    [[ $(json {typed.file_key(key)} < {file}) == {quote(value)} ]] && break",
            f"    sleep {PAUSE}",
            "done",
        ]
    )


def rendered_anew(uuid: str, path: str, patience: float) -> str:
    """Have config-agent look again at what it is to render, and wait, with an end, until it has written the file."""
    file = zone_file(uuid, path)
    return "\n".join(
        [
            f"before=$(ls -E {file})",
            zone_service("restart", uuid, CONFIG_AGENT),
            f"for try in {{1..{max(1, ceil(patience / PAUSE))}}}; do",
            f'    [[ $(ls -E {file}) != "$before" ]] && break',
            f"    sleep {PAUSE}",
            "done",
        ]
    )


def smf_log(fmri: str) -> str:
    """The log of an SMF service within its zone (facts "SMF": Logs)."""
    return f"/var/svc/log/{typed.fmri(fmri).removeprefix('svc:/').replace('/', '-')}.log"
