"""region.yaml from what was learnt: what is known is written, what is not stands there as a comment to fill in."""

from __future__ import annotations

import datetime

import yaml

from prepare.learning import ITSELF, UFDS, Learnt, Place
from reports.page import safe

FILL_IN = "FILL IN"


def region_yaml(found: Learnt, when: datetime.datetime) -> str:
    """The file's text.  Every value has passed the form of what it stands for, and is quoted as YAML."""
    lines = [
        *_master(found),
        "",
        "datacenters:",
    ]
    for name in sorted(found.places):
        lines += _datacenter(name, found.places[name], found)
    lines += [
        "  # One that is not coupled yet, so that only what must hold before sdc-ufds-m2s is judged:",
        f"  # my-dc-9: {{headnode: root@HOST, region: {_text(_own_region(found) or 'REGION')}, state: candidate}}",
        "",
        *(
            [f"# The DNS domain is {found.domain}, as SAPI says; so it need not stand here.", ""]
            if found.domain
            else []
        ),
        "expect:",
        *_manta(found),
        "",
        "# Whether `az-checks apply` may change these datacenters (default: it may not).",
        "# apply: true",
        "",
    ]
    if found.gaps:
        lines += ["# What could not be learnt:", *(f"# - {_comment(gap)}" for gap in found.gaps), ""]
    blanks = any(f"# {FILL_IN}" in line for line in lines)
    head = (
        f"# Written by az-checks init on {when:%Y-%m-%d %H:%M} UTC, from what {found.headnode} says.",
        f"# region.example.yaml explains all that can stand here.{f' Where it says {FILL_IN}, nobody there knew.' if blanks else ''}",
    )
    return "\n".join([*head, "", *lines])


def _master(found: Learnt) -> list[str]:
    about = "# The datacenter whose UFDS all others replicate."
    if found.alone:
        one = f"headnode: {_text(found.headnode)}, region: {_text(_own_region(found) or 'REGION')}, state: candidate"
        return [
            f"# {found.name} follows no other UFDS, and its UFDS has no other datacenter: it stands alone. Is it to be coupled to a",
            "# master? Then make the file there (az-checks init root@HEADNODE-OF-THE-MASTER), and add this datacenter to it:",
            f"#   {_text(found.name)}: {{{one}}}",
            f"master: {_text(found.name)}",
        ]
    if found.master:
        return [about, f"master: {_text(found.master)}"]
    return [
        about,
        f"master:   # {FILL_IN}: the one whose UFDS has the address {found.master_address}, which {found.name} follows",
    ]


def _datacenter(name: str, place: Place, found: Learnt) -> list[str]:
    mine = name == found.name
    told = "asked" if mine else f"named by {' and '.join(place.told_by)}"
    lines = [f"  {_text(name)}:   # {told}"]
    if mine:
        lines += [f"    headnode: {_text(found.headnode)}"]
    else:
        near = f"; its resolvers are {', '.join(place.resolvers[:3])}" if place.resolvers else ""
        lines += [f"    headnode:   # {FILL_IN}: its head node, as ssh on this machine names it (root@HOST){near}"]
    if place.region:
        lines += [f"    region: {_text(place.region)}"]
    else:
        known = sorted({each.region for each in found.places.values() if each.region})
        lines += [f"    region:   # {FILL_IN}: its region_name{f' (known are {chr(44).join(known)})' if known else ''}"]
    if name == found.master and found.master_address:
        lines += [f"    ufds_address: {_text(found.master_address)}   # by which {found.name} follows it"]
    if not mine and not {UFDS, ITSELF} & {*place.told_by} and found.master == found.name:
        lines += [
            "    state: candidate   # the master's UFDS does not have it, so it is not coupled, or was never registered"
        ]
    return lines


def _manta(found: Learnt) -> list[str]:
    if found.manta:
        return ["  manta: true   # its application, or zones of it, are there; [NAME, …]: in these datacenters only"]
    return [
        "  manta: false   # nothing of it was seen here; true: it is deployed over the master's region; planned: it will be"
    ]


def _own_region(found: Learnt) -> str:
    return found.places[found.name].region


def _text(value: str) -> str:
    """A value as YAML, quoted where plain text would be read as something else."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def _comment(text: str) -> str:
    """On one line, whatever came."""
    return safe(" ".join(text.split()))
