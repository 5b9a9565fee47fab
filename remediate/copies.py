"""Commands for what may be the only copy of something: made once, never overwritten, counted, and required before a deletion.

Each command is pasted in one piece and can be pasted again. A guard that gets no answer stops, just like one that gets the wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from remediate import typed
from remediate.ldif import EVERYTHING, UNFOLDED
from remediate.shell import quote

PLACE = "/var/az-copies"
"""On a head node /var is a dataset of the pool and stays, while /root is in the RAM disk and is gone after the next boot.

Source: smartos-live:overlay/generic/lib/svc/method/fs-joyent.
"""
_STAMP = "$(date -u +%Y%m%dT%H%M%SZ)"
_HEAD = "set -C; umask 077; set -o pipefail"  # -C: do not overwrite
_NAMED = 'ln "$copy.part" "$copy" && rm "$copy.part"'
"""ln never replaces an existing name. Only a whole file gets the name of a copy."""
_JUDGE = (
    "/^[+]/ { kept[substr($0, 2)] } "
    "/^-dn:/ { wanted++; if (!(substr($0, 6) in kept)) lacks = 1 } "
    'tolower($0) == "-login: admin" { lacks = 1 } '
    "END { exit lacks || !wanted }"
)
"""Reads the DNs of a copy, each after a "+", and the entries to delete, each after a "-". A DN in base64 counts as in no copy."""


def _copies(subject: str) -> str:
    return f"{PLACE}/{typed.name(subject)}.*Z.ldif"


def named(subject: str) -> str:
    """The name of a copy, for people."""
    return f"{PLACE}/{subject}.TIME.ldif"


def entries_kept(subject: str, base: str) -> str:
    """Copies an entry and all below it into a file, and counts what is in it against what UFDS says is there."""
    search = f"sdc-ldap search -z {EVERYTHING} -b {quote(typed.dn(base))} -s sub '(objectclass=*)'"
    return f"""\
(
    {_HEAD}
    copy={PLACE}/{typed.name(subject)}.{_STAMP}.ldif
    mkdir -p {PLACE} && there=$({search} dn | grep -c '^dn:') &&
        {search} | {UNFOLDED} > "$copy.part" &&
        [[ $(grep -c '^dn:' "$copy.part") == "$there" ]] && {_NAMED} && echo "$copy: $there entries" ||
        {{ echo "No copy was made: do not go on." >&2; exit 1; }}
)"""


def entries_removed(subject: str, bases: Iterable[str]) -> str:
    """Delete entries and what is below them, children first, each only if the newest copy holds all of it."""
    return f"""\
(
    set -o pipefail
    copies=({_copies(subject)}); copy=${{copies[${{#copies[@]}}-1]}}  # the newest
    for base in {" ".join(quote(typed.dn(base)) for base in bases)}; do
        found=$(sdc-ldap search -z {EVERYTHING} -b "$base" -s sub '(objectclass=*)' dn login | {UNFOLDED})
        code=$?
        [[ $code == 32 ]] && echo "$base is gone already" && continue
        [[ $code == 0 ]] && {{ sed -n 's/^dn: /+/p' "$copy" && sed 's/^/-/' <<< "$found"; }} | nawk '{_JUDGE}' ||
            {{ echo "$copy has not all of $base, or UFDS does not answer: it stays" >&2; exit 1; }}
        sed -n 's/^dn: //p' <<< "$found" | sed '1!G;h;$!d' |
            while read -r dn; do sdc-ldap delete "$dn" < /dev/null || exit 1; done || exit 1
    done
)"""


def files_kept(*paths: str) -> str:
    """Copy files to a place where they stay, and compare the two."""
    return f"""\
(
    {_HEAD}
    for file in {" ".join(map(typed.kept, paths))}; do
        copy={PLACE}/${{file##*/}}.{_STAMP}
        mkdir -p {PLACE} && cat "$file" > "$copy.part" && cmp "$file" "$copy.part" && {_NAMED} && echo "$file: $copy" ||
            {{ echo "No copy of $file was made: do not go on." >&2; exit 1; }}
    done
)"""


def files_removed(*paths: str) -> str:
    """Remove files, each only if one of its copies is identical to the byte."""
    return f"""\
(
    for file in {" ".join(map(typed.kept, paths))}; do
        [[ -e $file ]] || continue
        for copy in {PLACE}/${{file##*/}}.*Z; do
            cmp -s "$file" "$copy" && rm "$file" && continue 2
        done
        echo "$file has no copy that is the same: it stays" >&2; exit 1
    done
)"""


def file_back(path: str) -> str:
    """Put the newest copy of a file back in its place, unless there is a file again by now."""
    return (
        f"( set -C; copies=({PLACE}/{typed.kept(path).rpartition('/')[2]}.*Z); copy=${{copies[${{#copies[@]}}-1]}}\n"
        f'  [[ -f $copy ]] && cat "$copy" > {typed.kept(path)} )'
    )


def entries_loaded(path: str, kind: str) -> str:
    """Load the entries of a file, or of that copy of it which has the most entries of a kind."""
    return f"""\
(
{_fullest(path, typed.attribute(kind))}
    [[ $from ]] && echo "$from: $most" && sdc-ldap add -c -f "$from"
)"""


def entries_back(path: str) -> str:
    """Load from a file, or from that copy of it which has the most entries, each entry that UFDS lacks.

    68: it is there already. 65: an account, which UFDS adds only with a password; admin is there, a sub-user has to be made anew.
    """
    return f"""\
(
{_fullest(path)}
    [[ $from ]] && echo "$from: $most" && {{ sdc-ldap add -c -f "$from"; code=$?; [[ " 0 65 68 " == *" $code "* ]]; }}
)"""


def _fullest(path: str, kind: str = "") -> str:
    return f"""\
    most=0 from=
    for file in {typed.kept(path)} {PLACE}/{typed.kept(path).rpartition("/")[2]}.*Z; do
        [[ -f $file ]] && count=$(grep -c '^dn: {kind}' "$file") && (( count > most )) && most=$count from=$file
    done"""


def application_removed(application: str) -> str:
    """Delete a SAPI application and its services, and keep what SAPI says of each, if none of them has an instance.

    SAPI itself would not ask. Its wrapper exits with 0 even after an error, so only an empty list means "none".
    """
    return f"""\
(
    {_HEAD}
    app={typed.uuid(application)}
    stop() {{ echo "$1: it stays" >&2; exit 1; }}
    list() {{ answer=$(sdc-sapi --no-headers "$1") && [[ $answer == '['*']' ]] && uuids=$(json -a uuid <<< "$answer"); }}
    none() {{ list "$1" && [[ ${{answer//[[:space:]]/}} == '[]' ]]; }}
    without() {{
        copy={PLACE}/sapi-${{1##*/}}.{_STAMP}.json
        mkdir -p {PLACE} && sdc-sapi --no-headers "$1" > "$copy.part" && [[ $(json uuid < "$copy.part") == "${{1##*/}}" ]] &&
            {_NAMED} && echo "$copy" && sdc-sapi --no-headers "$1" -X DELETE || stop "No copy of $1 was made"
    }}
    list "/services?application_uuid=$app" || stop "SAPI lists no services of $app"
    services=$uuids
    for service in $services; do
        [[ $service =~ ^[0-9a-f-]{{36}}$ ]] && none "/instances?service_uuid=$service" ||
            stop "$service has instances, or SAPI does not say that it has none"
    done
    for service in $services; do without "/services/$service"; done
    none "/services?application_uuid=$app" || stop "$app has services"
    without "/applications/$app"
)"""
