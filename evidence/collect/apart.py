"""The entries that a UFDS has for itself by design, although the replicator copies their kind. They are not differences.

ufds-reconcile-data gives admin the head node's own key, only in the local UFDS. Every UFDS (a replica's too) deletes temporary access keys
by itself once they have expired. Everything else that is local has a kind that no query covers. Sources: sdc-ufds:data/bootstrap.ldif.in,
bin/ufds-reconcile-data, lib/cleanup-expired-credentials.js (MANTA-5485); sdc-headnode:scripts/sdc-init.js (the metadata).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from evidence.collect.ldap import USERS, Entry
from evidence.collect.unanswered import UnansweredError

FINGERPRINT: Final = "ufds_admin_key_fingerprint"
"""It stands only in the metadata of SAPI's application sdc, not in /usbkey/config."""
_MD5 = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){15}")


class UndecidedError(UnansweredError):
    """Only keys of admin differ, and it is not known whether one of them is the datacenter's own."""


@dataclass(frozen=True)
class Own:
    """The key of admin that only this datacenter has: its fingerprint (empty if there is none).

    If the metadata could not be read, the key is unknown, and `unread` says why.
    """

    fingerprint: str = ""
    unread: str = ""

    def may_be(self, dn: str, admin: str) -> bool:
        """Whether a key is that key, by its dn: it is right below admin."""
        below_admin = f", uuid={admin}, {USERS}"
        name, _, fingerprint = dn.removesuffix(below_admin).partition("=")
        if not dn.endswith(below_admin) or name != "fingerprint" or not _MD5.fullmatch(fingerprint):
            return False
        return bool(self.unread) or fingerprint == self.fingerprint


def own(metadata: Mapping[str, object], unread: str = "") -> Own:
    """The own key by a datacenter's own metadata."""
    said = metadata.get(FINGERPRINT)
    return Own(said if isinstance(said, str) and _MD5.fullmatch(said) else "", unread)


def is_key(entry: Entry) -> bool:
    """Whether an entry is a public key."""
    return "sdckey" in _kinds(entry)


def expired(entry: Entry) -> bool:
    """Whether the entry is a temporary access key that any UFDS may have deleted already."""
    return 0 < ends(entry) <= datetime.now(UTC).timestamp() * 1000


def ends(entry: Entry) -> int:
    """When a temporary access key ends, in milliseconds since 1970; 0 for everything that does not end by itself."""
    if "accesskey" not in _kinds(entry) or entry.first("credentialtype") != "temporary":
        return 0
    try:
        until = datetime.fromisoformat(entry.first("expiration"))
    except ValueError:
        return 0
    return max(1, int((until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() * 1000))


def _kinds(entry: Entry) -> set[str]:
    return {kind.lower() for kind in entry.attributes.get("objectclass", ())}
