"""What keeps the master's poseidon from doing what Manta needs it for.

Sources: sdc-manta:cmd/manta-init.js (operators, the key and its settings); sdc-cloudapi:lib/auth.js (disabled).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Final

from evidence.accounts import Account
from evidence.fact import Missing
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.zone import Zone

_MD5: Final = re.compile("(MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2})")


class Hindrance(StrEnum):
    """What is wrong with the account, as it is told."""

    NO_OPERATOR = "it is not in the group operators"
    DISABLED = "it is disabled"
    NO_KEY = "it has no key"
    OTHER_KEY = "the key with which Manta signs (ADMIN_KEY_ID) is not among its keys"


def hindrances(master: Datacenter) -> tuple[tuple[Account, Hindrance], ...]:
    """Every hindrance of the accounts poseidon at the master."""
    made = _applications(master)
    found = list[tuple[Account, Hindrance]]()
    for ufds in master.zones("ufds"):
        operators, keys = ufds.directory.operators or (), _keys(ufds)
        for account in ufds.poseidons:  # last, so that a report names these accounts as what was seen
            wanted = signing_key(next((each for each in made if each.owner_uuid == account.uuid), None))
            found += [(account, each) for each in _of(account, operators, keys, wanted)]
    return tuple(found)


def _keys(ufds: Zone) -> frozenset[str] | None:
    """The fingerprints of poseidon's keys; None where Manta is not expected, and in older evidence."""
    if not ufds.datacenter.world.inventory.expect.manta or ufds.evidence.poseidon_keys is None:
        return None
    return frozenset(key.fingerprint for key in ufds.poseidon_keys)


def _of(account: Account, operators: Collection[str], keys: frozenset[str] | None, wanted: str) -> Iterator[Hindrance]:
    if account.uuid not in operators:
        yield Hindrance.NO_OPERATOR
    if keys is None:
        return
    if account.disabled:
        yield Hindrance.DISABLED
    if not keys:
        yield Hindrance.NO_KEY
    elif wanted and wanted not in keys:
        yield Hindrance.OTHER_KEY


def _applications(master: Datacenter) -> tuple[SapiObject, ...]:
    """Manta's applications at the master, as far as they can be seen."""
    try:
        return master.manta_applications
    except Missing:
        return ()


def application(master: Datacenter, owner: str) -> SapiObject | None:
    """poseidon's application manta at the master, if there is one and it can be seen."""
    return next((each for each in _applications(master) if each.owner_uuid == owner), None)


def signing_key(found: SapiObject | None) -> str:
    """The MD5 fingerprint of the key with which Manta signs; empty if its application does not tell it.

    ssh-keygen of newer platforms gives ADMIN_KEY_ID as SHA256, which UFDS does not have; then the public key tells it.
    """
    values = found.metadata.values if found is not None else {}
    told = _MD5.fullmatch(str(values.get("ADMIN_KEY_ID") or ""))
    return told[2] if told else fingerprint(str(values.get("ADMIN_PUBLIC_KEY") or ""))


def fingerprint(openssh: str) -> str:
    """The MD5 fingerprint of a public key, as UFDS has it; empty if it is none."""
    words = openssh.split()
    try:
        blob = base64.b64decode(words[1], validate=True) if len(words) > 1 else b""
    except binascii.Error:
        return ""
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, 32, 2)) if blob else ""
