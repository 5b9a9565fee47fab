"""The parts of a zone's rendered file that may be kept and shown: those on the list of harmless settings, and nothing else.

A file that was edited by hand can hold a password under any key, and even as a key. A value is harmless if the whole way to it is on the
list and the value has the expected form. A part of the way is shown if it is on the list or in the template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Final

from evidence.redact import HIDDEN, LONGEST, MOST_ELEMENTS, Vault

Path = tuple[str | int, ...]
"""The way to a setting: keys, and the positions of a list's elements."""

CONTAINERS: Final = frozenset({
    "cache", "cnapi", "datacenters", "fwapi", "imgapi", "localUfds", "mahi", "moray", "morayOptions", "napi", "papi",
    "recursion", "remotes", "retry", "sapi", "storage", "ufds", "ufdsMaster", "ufds_master", "vmapi",
})  # fmt: skip
NAMES: Final = (
    "adminIp", "adminUuid", "admin_ip", "admin_uuid", "cloudapi_domain", "datacenter", "datacenterName", "datacenter_name",
    "dnsDomain", "dns_domain", "host", "instanceUuid", "instance_uuid", "logLevel", "master_host", "region", "regionName",
    "region_name", "server_uuid", "serviceName", "service_name", "srvDomain", "ufds_admin_uuid", "ufds_domain",
    "ufds_remote_ip",
)  # fmt: skip
FLAGS: Final = ("multiDC", "read_only", "ufds_is_master")
NUMBERS: Final = (
    "clearProxyPort", "clientTimeout", "connectTimeout", "expiry", "initialDelay", "interval", "lag", "master_port",
    "maxConnections", "numWorkers", "port", "retries", "size", "sslport", "version",
)  # fmt: skip
TEXTS: Final = ("dc_maint_eta", "dc_maint_message")
"""cloudapi shows these to every customer."""
_SHAPES: Final = {
    **dict.fromkeys(NAMES, re.compile(r"[\w .:~-]{0,253}")),
    **dict.fromkeys(FLAGS, re.compile(r"true|false|")),
    **dict.fromkeys(NUMBERS, re.compile(r" *~?[0-9.]{0,12} *")),
    **dict.fromkeys(TEXTS, re.compile(r".*", re.DOTALL)),
    **dict.fromkeys(
        ("bindDN", "checkpointDn", "rootDN"),
        re.compile(r"[A-Za-z]+=[A-Za-z0-9_.-]+(, ?[A-Za-z]+=[A-Za-z0-9_.-]+){0,8}|"),
    ),
    "url": re.compile(r"[a-z]{2,8}://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{0,253})(:[0-9]{1,5})?/?|"),
    "queries": re.compile(r"/[A-Za-z0-9=, ._-]*\?[A-Za-z,]*\?[a-z]*\?[A-Za-z0-9()&|!=*_-]*"),
}
"""The form of a harmless setting's text, by its last key. A URL has neither user nor query."""
_SPELLED: Final = re.compile(r'"([A-Za-z_][A-Za-z0-9_-]{0,60})"\s*:')
_LARGEST_NUMBER: Final = 10_000_000


def spelled(template: str) -> frozenset[str]:
    """The keys that a template itself spells out. So they are nobody's secret."""
    return frozenset(_SPELLED.findall(template))


class Shown:
    """Decides for one file. `names` are the datacenters of the inventory, `words` the keys in the file's template."""

    def __init__(self, vault: Vault, names: Collection[str] = (), words: Collection[str] = ()) -> None:
        self._vault, self._names = vault, frozenset(names)
        self._known = CONTAINERS.union(_SHAPES, words)

    def key(self, path: Path) -> str:
        """The way to a setting, in which each unknown part is hidden."""
        return ".".join(self._part(path, index) for index in range(len(path)))

    def _part(self, path: Path, index: int) -> str:
        part = path[index]
        known = isinstance(part, int) or part in self._known or self._names_a_datacenter(path, index)
        return str(part) if known else HIDDEN

    def _names_a_datacenter(self, path: Path, index: int) -> bool:
        return index > 0 and path[index - 1] == "datacenters" and path[index] in self._names

    def text(self, path: Path, value: object) -> str:
        """How a value is shown: as JSON text, or as hidden. Objects and lists are hidden, because nobody knows what is in them."""
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        shown = value in ({}, []) or self._harmless(path, value)
        return text if shown and len(text) <= LONGEST and self._vault.scrub(text) == text else HIDDEN

    def value(self, path: Path, value: object) -> Any:
        """The value of a setting that is kept. Of an object or a list, only harmless values right in it are kept."""
        if isinstance(value, dict) and len(value) <= MOST_ELEMENTS:
            return {self._part((*path, key), len(path)): self._one((*path, key), value[key]) for key in sorted(value)}
        if isinstance(value, list) and len(value) <= MOST_ELEMENTS:
            return [self._one((*path, index), held) for index, held in enumerate(value)]
        return self._one(path, value)

    def _one(self, path: Path, value: object) -> Any:
        return self._vault.scrub_value(value) if self._harmless(path, value) else HIDDEN

    def _harmless(self, path: Path, value: object) -> bool:
        if isinstance(value, (bool, type(None))):
            return True
        keys = [part for part in path if isinstance(part, str)]
        if not keys or not all(self._is_structure(keys, index) for index in range(len(keys) - 1)):
            return False
        last = keys[-1]
        if keys[-2:-1] == ["datacenters"]:
            last = "url" if last in self._names else ""
        if isinstance(value, (int, float)):
            return last in NUMBERS and abs(value) < _LARGEST_NUMBER
        return isinstance(value, str) and last in _SHAPES and _SHAPES[last].fullmatch(value) is not None

    def _is_structure(self, keys: list[str], index: int) -> bool:
        return keys[index] in CONTAINERS or self._names_a_datacenter(tuple(keys), index)
