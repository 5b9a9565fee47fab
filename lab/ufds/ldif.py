"""Reads and writes LDIF (RFC 2849), as far as faults, recordings and dumps need it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.ufds.directory import Directory, now_ms
from lab.ufds.validators import bare_login


def parse(text: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """(dn, attributes) of each record; comments and the version are skipped."""
    unfolded = text.replace("\r\n", "\n").replace("\n ", "")
    for block in unfolded.split("\n\n"):
        name: str | None = None
        attributes: dict[str, list[str]] = {}
        for line in block.split("\n"):
            if not line or line.startswith("#") or (name is None and line.startswith("version:")):
                continue
            kind, _, value = line.partition(":")
            if value.startswith(":"):
                value = base64.b64decode(value[1:]).decode("utf-8", "surrogateescape")
            else:
                value = value.removeprefix(" ")
            if kind.lower() == "dn":
                name = value
            else:
                attributes.setdefault(kind.lower(), []).append(value)
        if name is not None:
            yield name, attributes


def line(kind: str, value: str) -> str:
    """One value, in base64 if it is no plain ASCII or would be read otherwise (RFC 2849)."""
    plain = re.fullmatch(r"(?![ :<])[\x20-\x7e]*(?<! )", value) is not None
    return (
        f"{kind}: {value}"
        if plain
        else f"{kind}:: {base64.b64encode(value.encode('utf-8', 'surrogateescape')).decode()}"
    )


def written(entries: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> str:
    """Records as ldapsearch prints them, unfolded."""
    lines = []
    for name, attributes in entries:
        rows = [
            line(kind, value) for kind, values in attributes.items() for value in values if not kind.startswith("_")
        ]
        lines += [line("dn", name), *rows, ""]
    return "\n".join(lines) + "\n"


def load(
    text: str,
    hidden: dict[str, dict[str, list[str]]],
    *,
    is_master: bool,
    datacenter: str = "",
    latest: int | None = None,
) -> Directory:
    """A directory with these entries, each with an add in the changelog. `latest` is the number of the last add."""
    directory = Directory(is_master=is_master, datacenter=datacenter)
    records = list(parse(text))
    if latest is not None:
        directory.log.burn(latest - len(records))
    for name, shown in records:
        attributes = {**shown, **hidden.get(name, {})}
        if "sdcaccountuser" in attributes["objectclass"]:
            login = bare_login(attributes["login"][0])
            attributes["login"] = [f"{attributes['account'][0]}/{login}"]
        directory.put_silently(name, attributes)
        directory.log.append("add", name, now_ms(), directory.read(name))
    return directory
