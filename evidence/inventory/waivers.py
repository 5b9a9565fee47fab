"""Reads waivers.yaml: the findings that the operator accepts for a while. Nobody is contacted."""

from __future__ import annotations

import os
from typing import Final

import yaml
from yaml.nodes import Node

from evidence.inventory.lines import Mapping, WrongError, date, read_declared, shown, string
from evidence.inventory.model import Waiver

MOST: Final = 1000
KEYS = ("check", "subject", "reason", "owner", "until", "ticket")


def read_waivers(path: str | os.PathLike[str]) -> tuple[Waiver, ...]:
    """Return the waivers in the file `path`; an empty file has none. Raises only DeclarationError."""
    return read_declared(path, "a waivers.yaml that you may read", lambda root, _: _waivers(root))


def _waivers(root: Node | None) -> tuple[Waiver, ...]:
    if root is None:
        return ()
    if not isinstance(root, yaml.SequenceNode):
        raise WrongError(root, f"the file is {shown(root)}, not a list — begin each waiver with `- check: …`")
    if len(root.value) > MOST:
        raise WrongError(root.value[MOST], f"more than {MOST} waivers — put right what they wave through instead")
    return tuple(_waiver(node) for node in root.value)


def _waiver(node: Node) -> Waiver:
    read = Mapping(node, "the waiver", KEYS)
    return Waiver(
        check=read.required("check", string),
        subject=read.required("subject", string),
        reason=read.required("reason", string),
        owner=read.required("owner", string),
        until=read.required("until", date),
        ticket=read.optional("ticket", string, ""),
    )
