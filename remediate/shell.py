"""Commands for a head node's root shell: bash 4.3 and Triton's own tools, no temporary files, every value quoted.

What is printed is pasted by a human, so a command never holds a control character: such a value is written as $'\\x1b'.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

from evidence.subjects.triton import CONFIG_AGENT
from remediate import typed

PAUSE = 2
"""Seconds between two looks at a file that config-agent is to render."""
A_MOMENT = 6
"""So many tries config-agent gets to write what it may have written already."""


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


def sapi_update(uuid: str, metadata: Mapping[str, Any], url: str = "") -> str:
    """Typed metadata goes in as JSON: `sapiadm … k=v` cuts values at "=" and makes strings of all (facts, hazard 2)."""
    return _sapi({"metadata": {typed.setting(key): value for key, value in metadata.items()}}, uuid, url)


def sapi_delete(uuid: str, keys: tuple[str, ...], url: str = "") -> str:
    """Take keys out of the metadata (facts "SAPI": action delete)."""
    return _sapi({"action": "delete", "metadata": dict.fromkeys(map(typed.setting, keys), "")}, uuid, url)


def _sapi(body: Mapping[str, Any], uuid: str, url: str) -> str:
    """sapiadm asks SAPI by its name. With a url curl does, and does not show the answer: it has passwords."""
    put = f"curl -sS -o /dev/null -w '%{{http_code}}\\n' -X PUT -H 'content-type: application/json' -d @- {quote(url)}"
    return f"echo {quote(compact(body))} | {put if url else f'sapiadm update {typed.uuid(uuid)}'}"


def sapi_restore(uuid: str, before: Mapping[str, Any], changed: tuple[str, ...]) -> str:
    """The command that reverts an update of the keys `changed`, given the metadata before it."""
    old = {key: before[key] for key in changed if before.get(key) is not None}
    absent = tuple(key for key in changed if key not in old)
    lines = ([sapi_update(uuid, old)] if old else []) + ([sapi_delete(uuid, absent)] if absent else [])
    return "; ".join(lines)


def usbkey_set(values: Mapping[str, str], gone: Iterable[str] = ()) -> str:
    """Both copies of the head node's configuration (facts "Head node configuration": Safe edit), with a copy beside each.

    Nothing is written where the key is not mounted, or one of the two cannot be read or copied.  Each file keeps its mode.
    """
    drop = ";".join(f"/^{typed.setting(key)}=/d" for key in sorted({*values, *gone}))
    lines = "".join(
        f" {quote(f'{key}={shlex.quote(typed.usbkey(key, value))}')}" for key, value in sorted(values.items())
    )
    return f"""\
sdc-usbkey mount && (
    set -C; umask 077; stamp=$(date -u +%Y%m%dT%H%M%SZ)  # -C: no copy is written over
    for file in /usbkey/config /mnt/usbkey/config; do
        [[ -s $file ]] && cat "$file" > "$file.$stamp" && cmp "$file" "$file.$stamp" || exit 1
    done
    for file in /usbkey/config /mnt/usbkey/config; do
        new=$(sed {quote(drop)} "$file") && [[ -n $new ]] && printf '%s\\n' "$new"{lines} >| "$file" || exit 1
    done
) || echo "The configuration is not changed as a whole: look at both files." >&2
sdc-usbkey unmount"""


def usbkey_copied() -> str:
    """Write /usbkey/config over the key's copy, which stays beside it. The key may be full: what cannot be written stays whole."""
    return """\
sdc-usbkey mount && (
    set -C; umask 077; cd /mnt/usbkey && old=config.$(date -u +%Y%m%dT%H%M%SZ)  # -C: no copy is written over
    [[ -s /usbkey/config ]] && { [[ ! -e config ]] || cat config > "$old"; } &&
        cat /usbkey/config > config.new && cmp /usbkey/config config.new && mv config.new config
) || echo "The key's copy is not changed: look at it." >&2
sdc-usbkey unmount"""


def usbkey_mended(*scripts: str) -> str:
    """Edit both copies of /usbkey/config with sed scripts, if these change anything. A copy stays beside each file.

    The key's comes first, for it may be full; each is made beside the file, so that one that cannot be written stays whole.
    """
    words = " ".join(f"-e {quote(script)}" for script in scripts)
    return f"""\
sdc-usbkey mount && {{
( for file in /mnt/usbkey/config /usbkey/config; do
    new=$(sed {words} "$file") && [[ -n $new ]] || exit 1
    [[ $new == "$(cat "$file")" ]] && continue
    cp -p "$file" "$file.$(date -u +%Y%m%d%H%M%S)" &&
        cp -p "$file" "$file.new" &&
        printf '%s\\n' "$new" > "$file.new" &&
        mv "$file.new" "$file" ||
        {{ rm -f "$file.new"; exit 1; }}
done )
status=$?; sdc-usbkey unmount; (exit $status); }}"""


def zone_service(verb: str, uuid: str, *fmris: str) -> str:
    """svcadm on services of a zone, from the global zone. `enable` waits until the service is online."""
    services = " ".join(quote(typed.fmri(fmri)) for fmri in fmris)
    return f"svcadm -z {typed.uuid(uuid)} {verb}{' -s' if verb == 'enable' else ''} {services}"


def service_gone(uuid: str, fmri: str) -> str:
    """End a service of a zone and take it out of SMF, if it is there."""
    name = quote(typed.fmri(fmri))
    return in_zone(uuid, f"svcs {name} >/dev/null 2>&1 || exit 0; svcadm disable -s {name} && svccfg delete {name}")


def cycled(uuid: str, patience: float, *fmris: str) -> str:
    """Restart services of a zone ("": the global zone) and wait, with an end, until each has been started anew and is online.

    Fails when they are not.  `uniq -d` finds a time of start that is still the old one.
    """
    zone, names = f"-z {typed.uuid(uuid)} " if uuid else "", " ".join(quote(typed.fmri(fmri)) for fmri in fmris)
    started = f"svcprop {zone}-f -p restarter/start_method_timestamp {names}"
    return "\n".join(
        [
            f"{{ before=$({started}) && svcadm {zone}restart {names} &&",
            f"for try in {{1..{max(1, ceil(patience / PAUSE))}}}; do",
            f'    [[ -z $({{ echo "$before"; {started}; }} | sort | uniq -d) &&',
            f"        $(svcs {zone}-H -o state {names} | sort -u) == online ]] && break",
            f"    sleep {PAUSE}; false",
            f"done; }} || {{ echo {quote('It is not back: look at its log. Nothing more was done.')} >&2; false; }}",
        ]
    )


def zone_file(uuid: str, path: str) -> str:
    """A file of a zone, as the global zone sees it."""
    return f"/zones/{typed.uuid(uuid)}/root{typed.path(path)}"


def rendered(uuid: str, path: str, key: str, value: str, patience: float, *, gone: bool = False) -> str:
    """Wait, with an end, until config-agent has written a value (`gone`: another one) into a zone's file; fails when it has not."""
    file = zone_file(uuid, path)
    return "\n".join(
        [
            f"for try in {{1..{max(1, ceil(patience / PAUSE))}}}; do",
            f"    [[ $(json {typed.file_key(key)} < {file}) {'!=' if gone else '=='} {quote(value)} ]] && break",
            f"    sleep {PAUSE}; false",
            f"done || {_late(path)}",
        ]
    )


def rendered_anew(uuid: str, path: str, patience: float, seen: float | None) -> str:
    """Make config-agent look again at what it must render, and wait, with an end, until it has written the file.

    Fails when it has not.  config-agent writes only what differs.  So where it has written the file since it was `seen` (in seconds since
    1970), it may have nothing to write: then it gets a moment, and all is well.
    """
    file, tries = zone_file(uuid, path), max(1, ceil(patience / PAUSE))
    since = f"    [[ $try -ge {min(A_MOMENT, tries)} && $now != *{quote(moment(seen))}* ]] && break" if seen else ""
    lines = [
        f"before=$(TZ=UTC ls -E {file})",
        zone_service("restart", uuid, CONFIG_AGENT),
        f"for try in {{1..{tries}}}; do",
        f"    now=$(TZ=UTC ls -E {file})",
        '    [[ $now != "$before" ]] && break',
        since,
        f"    sleep {PAUSE}; false",
        f"done || {_late(path)}",
    ]
    return "\n".join(line for line in lines if line)


def moment(seconds: float) -> str:
    """A time as `ls -E` prints it, to the second: the dot is the one before its fraction."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S.")


def _late(path: str) -> str:
    """What is said when a wait is over: what follows after && is not done then."""
    return f"{{ echo {quote(f'{path} is not rendered: look at config-agent. Nothing more was done.')} >&2; false; }}"


def smf_log(fmri: str) -> str:
    """The log of an SMF service within its zone (facts "SMF": Logs)."""
    return f"/var/svc/log/{typed.fmri(fmri).removeprefix('svc:/').replace('/', '-')}.log"
