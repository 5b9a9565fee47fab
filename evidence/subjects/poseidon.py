"""What keeps the master's poseidon from doing what Manta needs it for.

Sources: sdc-manta:cmd/manta-init.js (operators, the key and its settings); sdc-cloudapi:lib/auth.js (disabled).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from evidence.accounts import Account
from evidence.fact import Missing
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.zone import Zone

_MD5: Final = re.compile("(MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2})")


class Trouble(StrEnum):
    """What is wrong with the account, as it is told."""

    NO_OPERATOR = "it is not in the group operators"
    DISABLED = "it is disabled"
    NO_KEY = "it has no key"
    OTHER_KEY = "the key with which Manta signs (ADMIN_KEY_ID) is not among its keys"


def troubles(master: Datacenter) -> tuple[tuple[Account, Trouble], ...]:
    """Every trouble of the accounts poseidon at the master.  Raises Missing if nothing is found, and something is not known."""
    return tuple(
        (account, each) for ufds in master.zones("ufds") for account in ufds.poseidons for each in _of(ufds, account)
    )


def _of(ufds: Zone, account: Account) -> Iterator[Trouble]:
    if account.uuid not in (ufds.directory.operators or ()):
        yield Trouble.NO_OPERATOR
    if not ufds.datacenter.world.inventory.expect.manta:
        return
    if account.disabled:
        yield Trouble.DISABLED
    if ufds.evidence.poseidon_keys is None:
        return
    keys = {key.fingerprint for key in ufds.poseidon_keys}
    wanted = signing_key(ufds.datacenter, account.uuid)
    if not keys:
        yield Trouble.NO_KEY
    elif wanted and wanted not in keys:
        yield Trouble.OTHER_KEY


def application(master: Datacenter, owner: str) -> SapiObject | None:
    """poseidon's application manta at the master, if there is one and it can be seen."""
    try:
        return next((each for each in master.manta_applications if each.owner_uuid == owner), None)
    except Missing:
        return None


def signing_key(master: Datacenter, owner: str) -> str:
    """The MD5 fingerprint of the key with which Manta signs; empty if its settings do not tell it.

    ssh-keygen of newer platforms gives ADMIN_KEY_ID as SHA256, which UFDS does not have; then the public key tells it.
    """
    found = application(master, owner)
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
