"""Commands that change one field of a NAPI network: read, merge and write at the moment of typing (facts "Routes", "NAPI").

A PUT replaces the whole field, so nothing that the evidence saw is written back: what is there when it is typed stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from evidence.subjects.triton import is_uuid
from remediate import typed
from remediate.shell import compact, quote

ROUTER = "ROUTER"
"""Stands for a router that the operator must find out. NAPI refuses it as it is."""
_CHANGE = r"""napi_change() ( # NETWORK FIELD BRACKETS +MEMBER -MEMBER: adds or takes out these; what else NAPI has by now stays
    network=$1 field=$2 brackets=$3
    shift 3
    for try in 1 2 3 4 5; do
        said=$(sdc-napi "/networks/$network" | tr -d '\r')
        etag=$(sed -n 's/^[Ee][Tt][Aa][Gg]: *//p' <<< "$said")
        [[ -n $etag && $(json -H uuid <<< "$said") == "$network" ]] || break
        is=$(json -H "$field" <<< "$said") || break
        is=${is//[[:space:]]/}
        [[ -z $is || $is == "${brackets%?}"*"${brackets#?}" ]] || break
        is=${is#"${brackets%?}"}
        is=${is%"${brackets#?}"}
        is=,${is:+$is,}
        new=$is
        for each; do
            member=${each#?}
            case $each in
            -*) new=${new/,"$member",/,} ;;
            *)  [[ $new == *,"$member",* ]] && continue
                if [[ $member == *:* && $new == *,"${member%%:*}:"* ]]; then
                    echo "NAPI leads ${member%%:*} elsewhere by now: find out which is right. Nothing was changed." >&2
                    exit 1
                fi
                new+=$member, ;;
            esac
        done
        [[ $new == "$is" ]] && { echo "$field of network $network, as wanted: $is"; exit 0; }
        new=${new#,}
        said=$(sdc-napi "/networks/$network" -X PUT -H "if-match: $etag" \
            -d "{\"$field\":${brackets%?}${new%,}${brackets#?}}" | tr -d '\r')
        case $(sed -n 's/^HTTP[^ ]* //p' <<< "$said" | tail -1) in
        200*) ;;  # the next look proves it
        412*) ;;  # somebody else was faster: what he wrote is read now
        *) break ;;
        esac
    done
    printf '%s\n' "$said" "$field of network $network: not changed, or it does not stay so." >&2
    exit 1
)"""


def is_address(text: str) -> bool:
    """Whether it is an IPv4 address, written as NAPI writes one."""
    try:
        return str(IPv4Address(text)) == text
    except ValueError:
        return False


def is_destination(text: str) -> bool:
    """Whether it is an IPv4 address or prefix. No bit may be set after the prefix, because NAPI refuses that."""
    try:
        return is_address(text) or str(IPv4Network(text)) == text
    except ValueError:
        return False


def sound(network: str, routes: Mapping[str, str | None]) -> bool:
    """Whether a command can be made of these values. A router that is None is not known."""
    return is_uuid(network) and all(
        is_destination(to) and (via is None or is_address(via)) for to, via in routes.items()
    )


def routes(network: str, added: Mapping[str, str], removed: Mapping[str, str]) -> str:
    """Takes routes out of a network if they still lead to these routers, and adds others: one change, so that no zone is without."""
    gone = [f"-{_route(to, via)}" for to, via in sorted(removed.items())]
    return _change(network, "routes", "{}", [*gone, *(f"+{_route(to, via)}" for to, via in sorted(added.items()))])


def routes_in(network: str, added: Mapping[str, str]) -> str:
    """Adds routes to a network."""
    return routes(network, added, {})


def routes_out(network: str, removed: Mapping[str, str]) -> str:
    """Removes routes from a network, if they still lead to these routers."""
    return routes(network, {}, removed)


def owners(network: str, added: Iterable[str], gone: Iterable[str]) -> str:
    """Adds owners to a network and removes others."""
    changes = [
        *(f"+{compact(typed.uuid(each))}" for each in sorted(added)),
        *(f"-{compact(typed.uuid(each))}" for each in sorted(gone)),
    ]
    return _change(network, "owner_uuids", "[]", changes)


def _route(to: str, via: str) -> str:
    """A member of an object, as the function compares them."""
    return f"{compact(typed.prefix(to))}:{compact(via if via == ROUTER else typed.address(via))}"


def _change(network: str, field: str, brackets: str, changes: list[str]) -> str:
    return f"{_CHANGE}\nnapi_change {typed.uuid(network)} {field} {quote(brackets)} {' '.join(map(quote, changes))}"
