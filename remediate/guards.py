"""An action's precondition in the shell: what prints its present value, line by line, and what it prints before and after.

For scripts, which have no Python at hand.  A line is as planned, as wanted, or neither.  What has no such lines has no guard:
a restart is always to be done, and what cannot be compared as text is left to a human.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from msgspec import Struct

from evidence.redact import SECRET_NAME
from remediate import typed
from remediate.actions import Action, does
from remediate.actions.files import FilesGone
from remediate.actions.fwapi import FirewallSwitch
from remediate.actions.globalzone import GlobalRoute
from remediate.actions.ldap import LdapModify
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.reading import Value
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import FILES, UsbkeyConfig
from remediate.actions.vm import VmFirewall, VmRoutes, VmState
from remediate.ldif import UNFOLDED
from remediate.shell import compact, quote


class Guard(Struct, frozen=True):
    """`value` prints lines and fails where the value cannot be read.  `planned` and `wanted` have as many lines as it prints."""

    value: str
    planned: str
    wanted: str


def guard_of(action: Action) -> Guard | None:
    """None if its value cannot be compared in the shell."""
    match action:
        case SapiMetadata():
            return _metadata(action)
        case NapiRoutes():
            return _of_keys(_network(action.network, 'routes[\\"$key\\"]'), action.planned, action.after)
        case NapiOwners():
            return _owners(action)
        case VmRoutes():
            return _of_keys(_vm(action.uuid, "routes", 'routes[\\"$key\\"]'), action.planned, action.after)
        case VmFirewall() | VmState():
            return _of_vm(action)
        case Smf() if not action.restarts:
            return _service(action)
        case UsbkeyConfig():
            return _configuration(action)
        case FilesGone():
            return _files(action)
        case FirewallSwitch():
            value = f"sdc-fwapi --no-headers /rules/{typed.uuid(action.uuid)} | json enabled"
            return Guard(value, compact(action.planned), compact(action.after))
        case GlobalRoute():
            return _global_route(action)
        case LdapModify():
            return _attribute(action)
    return None


def _metadata(action: SapiMetadata) -> Guard | None:
    """Each touched key as JSON; nothing where it is not there, or null."""
    keys = sorted({*action.wanted, *action.gone})
    values = [*action.wanted.values(), *action.before.values()]
    if any(SECRET_NAME.search(key) for key in keys) or not all(map(_is_plain, values)):
        return None
    uuid = typed.uuid(action.uuid)
    held = f'held=$({action.read()}) && [[ $(json uuid <<< "$held") == {uuid} ]] || return'
    shown = 'json -o json-0 "metadata[\\"$key\\"]" <<< "$held" | sed \'s/^null$//\''
    return _of_keys((held, shown), _as_json(keys, action.before), _as_json(keys, action.wanted))


def _is_plain(value: Any) -> bool:
    """Whether every tool writes it as the same text."""
    return isinstance(value, bool | int) or (
        isinstance(value, str) and value.isascii() and value.isprintable() and not {*value} & {'"', "\\"}
    )


def _as_json(keys: Iterable[str], values: Mapping[str, Any]) -> dict[str, str]:
    return {key: compact(values[key]) if key in values else "" for key in keys}


def _of_keys(ways: tuple[str, str], planned: Value, wanted: Value) -> Guard:
    """A line for each key; `ways` are what is read once, and what shows one key of it."""
    held, shown = ways
    words = " ".join(quote(str(key)) for key in sorted(wanted.keys() | planned.keys()))
    value = f'{held}\nfor key in {words}; do\n    echo "$key=$({shown})"\ndone'
    return Guard(value, _lines(planned, planned | wanted), _lines(wanted, planned | wanted))


def _lines(values: Mapping[str, Any], keys: Iterable[str]) -> str:
    return "\n".join(f"{key}={values.get(key) or ''}" for key in sorted(keys))


def _network(uuid: str, key: str) -> tuple[str, str]:
    uuid = typed.uuid(uuid)
    held = f'held=$(sdc-napi --no-headers /networks/{uuid}) && [[ $(json uuid <<< "$held") == {uuid} ]] || return'
    return held, f'json "{key}" <<< "$held"'


def _vm(uuid: str, field: str, key: str) -> tuple[str, str]:
    uuid = typed.uuid(uuid)
    read = f"vmadm lookup -j -o uuid,{field} uuid={uuid}"
    held = f'held=$({read}) && [[ $(json 0.uuid <<< "$held") == {uuid} ]] || return'
    return held, f'json "0.{key}" <<< "$held"'


def _owners(action: NapiOwners) -> Guard:
    held, listed = _network(action.network, "owner_uuids")
    words = " ".join(typed.uuid(owner) for owner in sorted(action.after))
    value = f"{held}\nowners=$({listed})\nfor owner in {words}; do\n    {_whether('$owner', '$owners', '')}\ndone"
    planned, wanted = (
        "\n".join(f"{owner}={compact(there)}" for owner, there in sorted(each.items()))
        for each in (action.planned, action.after)
    )
    return Guard(value, planned, wanted)


def _of_vm(action: VmFirewall | VmState) -> Guard:
    field = "firewall_enabled" if isinstance(action, VmFirewall) else "state"
    held, shown = _vm(action.uuid, field, field)
    return Guard(f"{held}\n{shown}", _word(action.planned), _word(action.after))


def _word(value: Value) -> str:
    return value if isinstance(value, str) else compact(value)


def _service(action: Smf) -> Guard:
    zone = f"-z {typed.uuid(action.zone)} " if action.zone else ""
    names = " ".join(quote(typed.fmri(fmri)) for fmri in action.services)
    planned, wanted = (next(iter(each.values()))["state"] for each in (action.planned, action.after))
    return Guard(f"svcs {zone}-H -o state {names} | sort -u", planned, wanted)


def _configuration(action: UsbkeyConfig) -> Guard:
    """Both files; the key is mounted to read it, and left as it was."""
    keys = sorted({*action.wanted, *action.gone})
    words = " ".join(map(typed.setting, keys))
    value = f"""\
was=$(sdc-usbkey status); sdc-usbkey mount > /dev/null || return
for file in {" ".join(FILES)}; do
    for key in {words}; do
        echo "$file $key=$(sed -n "s/^$key=//p" "$file" | tr -d "'\\"")"
    done
done
[[ $was == mounted ]] || sdc-usbkey unmount > /dev/null"""
    planned, wanted = (
        "\n".join(f"{file} {key}={values.get(key, '')}" for file in FILES for key in keys)
        for values in (action.before, action.wanted)
    )
    return Guard(value, planned, wanted)


def _files(action: FilesGone) -> Guard:
    words = " ".join(map(typed.leftover, action.paths))
    value = f'for file in {words}; do\n    [[ -e $file ]] && echo "$file is there" || echo "$file is gone"\ndone'
    planned, wanted = ("\n".join(f"{path} is {word}" for path in action.paths) for word in ("there", "gone"))
    return Guard(value, planned, wanted)


def _global_route(action: GlobalRoute) -> Guard:
    net = IPv4Network(typed.prefix(action.to))
    row = f'$1 == "{net.network_address}" && $2 == "{net.netmask}" {{ print $3; exit }}'
    return Guard(f"netstat -rnv -f inet | nawk {quote(row)}", action.planned or "", action.after or "")


def _attribute(action: LdapModify) -> Guard | None:
    """A replacement: the values that are there.  Else of each value whether it is there."""
    if not all(map(_is_plain, (*action.values, *action.before))):
        return None
    name = typed.attribute(action.attribute)
    held = f"held=$({does(action).read()}) || return"
    shown = f"{UNFOLDED} <<< \"$held\" | sed -n 's/^{name}: //p'"
    if action.operation == "replace":
        return Guard(f"{held}\n{shown} | sort", *("\n".join(each) for each in (action.planned, action.after)))
    words = " ".join(map(quote, action.values))
    value = f"{held}\nlisted=$({shown})\nfor one in {words}; do\n    {_whether('$one', '$listed', LINE_END)}\ndone"
    planned, wanted = (
        "\n".join(f"{one}={compact(each[one])}" for one in action.values) for each in (action.planned, action.after)
    )
    return Guard(value, planned, wanted)


LINE_END = "$'\\n'"


def _whether(one: str, all_of: str, between: str) -> str:
    """Says of one whether it is among all."""
    return (
        f'[[ {between}"{all_of}"{between} == *{between}"{one}"{between}* ]] && echo "{one}=true" || echo "{one}=false"'
    )
