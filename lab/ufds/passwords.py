"""Passwords of entries: salted SHA-1 and the password policy (sdc-ufds:lib/salt.js; config use_bcrypt is false)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

from lab.ufds.changelog import Modification
from lab.ufds.errors import constraint

POLICY = "cn=pwdpolicy, o=smartdc"


def salted(password: str, salt: str) -> str:
    return hashlib.sha1(f"--{salt}--{password}--".encode(), usedforsecurity=False).hexdigest()


def new_salt() -> str:
    return secrets.token_hex(20)


def check(password: str, policy: Mapping[str, list[str]] | None) -> None:
    """Raises 19 with the policy's message for a bad password.

    `pwdcheckquality` is JavaScript in the real directory. Every policy that was seen asks for a letter and a digit.
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


def expired(entry: Mapping[str, list[str]], now: int) -> bool:
    return now > int(entry.get("pwdendtime", [str(now)])[0])


def locked(entry: Mapping[str, list[str]], now: int) -> bool:
    """Only a comparison asks this; a bind does not."""
    return now < int(entry.get("pwdaccountlockedtime", ["0"])[0])


def history(entry: Mapping[str, list[str]], hashed: str, policy: Mapping[str, list[str]] | None) -> list[str]:
    """pwdhistory after a new password. Raises 19 if the new one has been used before."""
    now_in_use = entry.get("userpassword", [""])[0]
    times = entry.get("pwdchangedtime", ["NaN"])
    kept = [f"{times[0]}#1.3.6.1.4.1.1466.115.121.1.40#{len(now_in_use)}#{{sha}}{now_in_use}"]
    most = int((policy or {}).get("pwdinhistory", ["0"])[0])
    older = sorted(entry.get("pwdhistory", ()), key=lambda each: each.split("#")[0], reverse=True)
    if hashed in (now_in_use, *(each.rpartition("}")[2] for each in older)):
        raise constraint("passwordInHistory")
    return kept + older[: max(most - 1, 0)]


def success(entry: Mapping[str, list[str]]) -> list[Modification]:
    """The changes of a right password: former failures are forgotten."""
    if not entry.get("pwdfailuretime"):
        return []
    return [("delete", name, []) for name in ("pwdfailuretime", "pwdaccountlockedtime") if entry.get(name)]


def failure(entry: Mapping[str, list[str]], policy: Mapping[str, list[str]], now: int) -> list[Modification]:
    """The changes of a wrong password. A certain number of them locks the account."""
    failures = entry.get("pwdfailuretime", [])
    most = int(policy.get("pwdmaxfailure", ["6"])[0])
    latest = [*sorted(failures, reverse=True)[: most - 1], str(now)] if failures else [str(now)]
    changes: list[Modification] = [("replace" if failures else "add", "pwdfailuretime", latest)]
    if len(latest) == most:
        until = now + int(policy.get("pwdlockoutduration", ["1800"])[0]) * 1000
        changes.append(("replace" if "pwdaccountlockedtime" in entry else "add", "pwdaccountlockedtime", [str(until)]))
    return changes
