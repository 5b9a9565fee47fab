"""A zone's rendered files: their whitelisted settings, and where they differ from what the metadata would render now.

config-agent sends the last ETag and skips on 304, so it does not repair a file that was edited by hand (facts, "Rendered config files").
The template comes from the zone's own image if it has one for the file, because config-agent prefers it. Otherwise it comes from SAPI.
"""

from __future__ import annotations

import difflib
import json
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from evidence.collect import parse
from evidence.collect.render import UNKNOWN, RenderError, render
from evidence.collect.shown import Path, Shown, spelled
from evidence.model import ConfigFile, Difference
from evidence.redact import HIDDEN, Vault
from evidence.subjects.triton import (
    BINDER_CONFIG,
    CLOUDAPI_CONFIG,
    MUSKIE_CONFIG,
    REPLICATOR_CONFIG,
    SAPI_MASTER_CONFIG,
    UFDS_CONFIG,
)

MOST_DIFFERENCES: Final = 50
MOST_LINES: Final = 500
"""The most lines of a file that is not JSON. A real one has fewer, and the time for comparing grows with the square."""
ABSENT: Final = "(absent)"
MOST_TAGS: Final = 100
_TAG: Final = re.compile(r"\{\{[{&]?\s*([A-Za-z0-9_-]{1,100})\s*\}?\}\}")
SETTINGS = {
    BINDER_CONFIG: (
        "datacenterName", "dnsDomain", "recursion.datacenterName", "recursion.dnsDomain", "recursion.regionName",
        "recursion.ufds.url",
    ),
    CLOUDAPI_CONFIG: ("dc_maint_eta", "dc_maint_message", "read_only", "ufds_master.url"),
    MUSKIE_CONFIG: ("storage.multiDC",),
    SAPI_MASTER_CONFIG: ("moray.master_host", "moray.master_port"),
    UFDS_CONFIG: ("moray.version",),
    REPLICATOR_CONFIG: ("remotes.0.queries", "remotes.0.url"),
}  # fmt: skip
"""The settings that evidence keeps of each file, by dotted key (an element of a list by its number)."""


@dataclass(frozen=True)
class Wanted:
    """What SAPI's /configs says about one zone: the metadata (with secrets: never stored) and its templates by path."""

    metadata: Mapping[str, Any]
    templates: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "Wanted()"


def wanted(text: str) -> Wanted:
    """Read SAPI's /configs/ZONE."""
    read = parse.json_object(text, "SAPI's answer")
    manifests = read.get("manifests")
    if not isinstance(manifests, list):
        raise parse.UnreadableError("SAPI's answer has no list of manifests")
    templates = {}
    for item in manifests:
        manifest = parse.an_object(item, "a manifest")
        path, template = manifest.get("path"), manifest.get("template")
        if isinstance(path, str) and isinstance(template, str):
            templates[path] = template
    return Wanted(parse.an_object(read.get("metadata"), "the metadata"), templates)


def merged(uuid: str, applications: str, services: str, instances: str, manifests: str) -> Wanted:
    """The same, from SAPI's lists of applications, services and instances (sdc-sapi:lib/server/endpoints). The last one wins.

    What SAPI adds to the metadata (SERVER_UUID and the like) is in `auto` of templates too.
    """
    instance = _by_uuid(instances, uuid)
    service = _by_uuid(services, instance.get("service_uuid"))
    application = _by_uuid(applications, service.get("application_uuid"))
    metadata: dict[str, Any] = {}
    uuids: dict[str, Any] = {}
    for item in (application, service, instance):
        metadata |= parse.an_object(item.get("metadata") or {}, "the metadata of an object of SAPI")
        uuids |= parse.an_object(item.get("manifests") or {}, "the manifests of an object of SAPI")
    templates = {}
    for each in uuids.values():
        path, template = (_by_uuid(manifests, each).get(key) for key in ("path", "template"))
        if isinstance(path, str) and isinstance(template, str):
            templates[path] = template
    return Wanted(metadata, templates)


def _by_uuid(text: str, uuid: object) -> Mapping[str, Any]:
    for item in parse.json_list(text, "SAPI's answer"):
        found = parse.an_object(item, "an object of SAPI")
        if found.get("uuid") == uuid and isinstance(uuid, str):
            return found
    raise parse.UnreadableError("SAPI does not list the zone with its service, application and manifests")


def own_templates(files: Mapping[str, str | None]) -> dict[str, str]:
    """The templates in the zone's own image, by the path to which they are rendered."""
    found = {}
    for path, text in files.items():
        template = files.get(str(pathlib.PurePosixPath(path).with_name("template")))
        if path.endswith("/manifest.json") and text is not None and template is not None:
            try:
                target = parse.json_object(text).get("path")
            except parse.UnreadableError:
                continue
            if isinstance(target, str):
                found[target] = template
    return found


def rendered_files(
    paths: tuple[str, ...],
    files: Mapping[str, str | None],
    want: Wanted | str,
    auto: Mapping[str, Any],
    vault: Vault,
    written: Mapping[str, float] = MappingProxyType({}),
    names: Collection[str] = (),
) -> dict[str, ConfigFile]:
    """What evidence keeps of the files at `paths`. If `want` is a text, SAPI did not answer, and nothing is compared.

    A file that does not exist, and that nothing would render, is left out. `names` are the inventory's datacenters.
    """
    templates = {**({} if isinstance(want, str) else want.templates), **own_templates(files)}
    found = {}
    for path in paths:
        text = files.get(path)
        if text is None and path not in templates:
            continue
        shown = Shown(vault, names, spelled(templates.get(path, "")))
        uncompared = ""
        differs: tuple[Difference, ...] = ()
        if isinstance(want, str):
            uncompared = want
        elif path not in templates:
            uncompared = "neither SAPI nor the zone's image has a manifest for it"
        else:
            try:
                differs = differences(text, render(templates[path], want.metadata, auto), shown)
            except RenderError as error:
                uncompared = str(error)
        broken = _broken(text)
        by = (
            ""
            if isinstance(want, str) or not broken or differs
            else broken_by(templates.get(path, ""), want.metadata, auto)
        )
        found[path] = ConfigFile(path, settings(path, text, shown), differs, uncompared, written.get(path), broken, by)
    return found


def _broken(text: str | None) -> str:
    """Where a file is not JSON, without a word of its content, which may be a secret. A file that is not there is not broken."""
    try:
        json.loads(text or "{}")
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        return f"line {line} is not JSON" if line else "it is not JSON"
    return ""


def broken_by(template: str, metadata: Mapping[str, Any], auto: Mapping[str, Any]) -> str:
    """The setting that makes the rendered file no JSON: with another value in its place it is JSON. Empty if no single one does.

    It may be one that SAPI lacks. A tag that names nothing leaves its place in the file empty.
    """
    tags = _TAG.findall(template)
    keys: dict[str, None] = dict.fromkeys(sorted(tags, key=lambda key: key not in metadata))
    for key in islice(keys, MOST_TAGS):
        for harmless in ("", "{}"):
            try:
                if not _broken(render(template, {**metadata, key: harmless}, auto)):
                    return key
            except RenderError:
                return ""
    return ""


def settings(path: str, text: str | None, shown: Shown) -> dict[str, Any]:
    """The whitelisted settings of a file; none if it does not exist, or is not a JSON object."""
    try:
        read = parse.json_value(text or "")
    except parse.UnreadableError:
        return {}
    found = {}
    for key in SETTINGS.get(path, ()):
        value, there = _at(read, key)
        if there:
            found[key] = shown.value(tuple(int(part) if part.isdigit() else part for part in key.split(".")), value)
    return found


def _at(value: Any, key: str) -> tuple[Any, bool]:
    for part in key.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None, False
    return value, True


def differences(text: str | None, rendered: str, shown: Shown) -> tuple[Difference, ...]:
    """Where a file differs from what would be rendered. JSON is compared by its meaning, anything else by the numbers of its lines."""
    if text is None:
        return (Difference("", "(no such file)", "(would be rendered)"),)
    try:
        here, there = parse.json_value(text), parse.json_value(rendered)
        found = dict.fromkeys(_json_differences(here, there, (), shown))
    except (parse.UnreadableError, RecursionError):
        found = dict.fromkeys(_line_differences(text, rendered))
    return tuple(islice(found, MOST_DIFFERENCES))


def _json_differences(here: Any, there: Any, path: Path, shown: Shown) -> Iterator[Difference]:
    if isinstance(here, dict) and isinstance(there, dict):
        for name in sorted(here.keys() | there.keys()):
            inner = (*path, name)
            if name not in here:
                yield Difference(shown.key(inner), ABSENT, shown.text(inner, there[name]))
            elif name not in there:
                yield Difference(shown.key(inner), shown.text(inner, here[name]), ABSENT)
            else:
                yield from _json_differences(here[name], there[name], inner, shown)
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for index, (one, other) in enumerate(zip(here, there, strict=True)):
            yield from _json_differences(one, other, (*path, index), shown)
    elif isinstance(there, str) and UNKNOWN in there:
        return  # nobody can say what would be rendered here
    elif type(here) is not type(there) or here != there:
        yield Difference(shown.key(path), shown.text(path, here), shown.text(path, there))


def _line_differences(text: str, rendered: str) -> Iterator[Difference]:
    """The lines that one text has and the other lacks, in the file's order. Only the first MOST_LINES count.

    Only the number of a line is told: nobody knows what stands in it.
    """
    here, there = (part.splitlines()[:MOST_LINES] for part in (text, rendered))
    same = True
    for kind, a, b, c, d in difflib.SequenceMatcher(None, here, there, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        same = False
        for number in range(max(b - a, d - c)):
            old = HIDDEN if a + number < b else ABSENT
            new = HIDDEN if c + number < d else ABSENT
            yield Difference(f"line {a + number + 1}", old, new)
    if same and text != rendered:
        yield Difference("", "(other line ends)", "(would be rendered otherwise)")
