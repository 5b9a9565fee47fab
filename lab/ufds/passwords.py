"""Passwords of entries: salted SHA-1 and the password policy (sdc-ufds:lib/salt.js; config use_bcrypt is false)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

from lab.ufds.errors import constraint

POLICY = "cn=pwdpolicy, o=smartdc"


def salted(password: str, salt: str) -> str:
    return hashlib.sha1(f"--{salt}--{password}--".encode(), usedforsecurity=False).hexdigest()


def new_salt() -> str:
    return secrets.token_hex(20)


def check(password: str, policy: Mapping[str, list[str]] | None) -> None:
    """Code 19 with the policy's word for it.

    `pwdcheckquality` is JavaScript in the real directory; every policy seen asks for a letter and a digit.
    """
    if policy is None:
        return
    if len(password) < int(policy.get("pwdminlength", ["0"])[0]):
        raise constraint("passwordTooShort")
    if "pwdcheckquality" in policy and not (re.search(r"[A-Za-z]", password) and re.search(r"[0-9]", password)):
        raise constraint("insufficientPasswordQuality")


def end_time(now: int, policy: Mapping[str, list[str]] | None) -> list[str] | None:
    """pwdendtime: now + pwdmaxage, which the policy gives in seconds and the server multiplies by 1000."""
    if policy is None or "pwdmaxage" not in policy:
        return None
    return [str(now + int(policy["pwdmaxage"][0]) * 1000)]
