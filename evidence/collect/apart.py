"""What a UFDS has to itself by design, though it lies in what the replicator copies: it is no difference.

ufds-reconcile-data gives admin the head node's own key, in the local UFDS alone; and every UFDS, a replica's too, deletes
temporary access keys by itself once they have expired.  Everything else that is local has a kind that no query covers.
Sources: sdc-ufds:data/bootstrap.ldif.in, bin/ufds-reconcile-data, lib/cleanup-expired-credentials.js (MANTA-5485);
sdc-headnode:scripts/sdc-init.js (the metadata).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from evidence.collect.ldap import USERS, Entry, Found
from evidence.collect.unanswered import UnansweredError

FINGERPRINT: Final = "ufds_admin_key_fingerprint"
"""In the metadata of SAPI's application sdc alone; /usbkey/config does not have it."""
_MD5 = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){15}")


class UndecidedError(UnansweredError):
    """Keys of admin's are all that differs, and whether one of them is the datacenter's own is not known."""


@dataclass(frozen=True)
class Own:
    """Which key of admin's a datacenter has to itself: its fingerprint (empty if there is none).

    Where the metadata were not read it cannot be told: `unread` says why.
    """

    fingerprint: str = ""
    unread: str = ""

    def key_of(self, found: Iterable[Found], admin: str) -> frozenset[str]:
        """The dns of what may be that key: below admin itself, and a key."""
        return frozenset(
            entry.dn
            for each in found
            for entry in each.entries
            if "sdckey" in _kinds(entry) and self._is_its(entry.dn, f", uuid={admin}, {USERS}")
        )

    def _is_its(self, dn: str, below_admin: str) -> bool:
        name, _, fingerprint = dn.removesuffix(below_admin).partition("=")
        if not dn.endswith(below_admin) or name != "fingerprint" or not _MD5.fullmatch(fingerprint):
            return False
        return bool(self.unread) or fingerprint == self.fingerprint


def own(metadata: Mapping[str, object], unread: str = "") -> Own:
    """By a datacenter's own metadata."""
    said = metadata.get(FINGERPRINT)
    return Own(said if isinstance(said, str) and _MD5.fullmatch(said) else "", unread)


def expired(entry: Entry) -> bool:
    """Whether it is a temporary access key that any UFDS may have deleted already."""
    if "accesskey" not in _kinds(entry) or entry.first("credentialtype") != "temporary":
        return False
    try:
        until = datetime.fromisoformat(entry.first("expiration"))
    except ValueError:
        return False
    return (until if until.tzinfo else until.replace(tzinfo=UTC)) <= datetime.now(UTC)


def _kinds(entry: Entry) -> set[str]:
    return {kind.lower() for kind in entry.attributes.get("objectclass", ())}
