"""Decides what may be kept of an answer: whitelisted settings, keyed fingerprints of secrets, and text without known secrets.

Passwords are compared by fingerprint. The key of the fingerprints belongs to the installation and never stands in the evidence.
So nobody can guess from evidence alone, and the nights of one installation can be compared.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pathlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from evidence.model import Configuration
from triton_az_checks.errors import OperatorError

KEY_FILE_VARIABLE: Final = "AZ_FINGERPRINT_KEY_FILE"
LONGEST: Final = 4096
MOST_ELEMENTS: Final = 1000
HIDDEN: Final = "(secret)"
SECRET_NAME = re.compile(r"pass|pw|secret|credential|token|private|_key|key$|cert", re.IGNORECASE)
_PASSWORD = re.compile(r"pass(wd|word|phrase)?$|_pw$|secret|credential|private", re.IGNORECASE)
_URL = re.compile(r"""(?<=://)[^\s"'<>\\`|]+""")
_HARMLESS = re.compile(r"[A-Za-z0-9_@%+=:,./^-]+")
"""Characters that neither a shell nor JSON changes, even unquoted."""
_SHORTEST_SECRET = 4
_NO_NAME = 10
MOST_SECRETS: Final = 1000
TOO_MANY: Final = "(hidden: more secrets were seen than can be looked for)"


class FingerprintKeyError(OperatorError):
    """The installation's key cannot be read or made. The message names the file, and says what to do."""


def fingerprint_key() -> bytes:
    """Return the installation's key, from the file that AZ_FINGERPRINT_KEY_FILE names or one in ~/.config. Made if absent."""
    path = _key_file()
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise FingerprintKeyError(f"{path}: others may read it — chmod 600 {path}")
        key = path.read_bytes().strip()
    except OSError as error:
        reason = f"the key of the fingerprints cannot be used ({error.strerror}) — let {KEY_FILE_VARIABLE} name another"
        raise FingerprintKeyError(f"{path}: {reason}") from None
    if len(key) < 16:
        raise FingerprintKeyError(f"{path}: holds no key of 16 bytes or more — remove the file, and a new key is made")
    return key


def known_key() -> bytes:
    """The same, where a new key would be of no use. Raises FingerprintKeyError if there is none."""
    path = _key_file()
    if not path.exists():
        raise FingerprintKeyError(f"{path}: this machine does not have the key of the fingerprints")
    return fingerprint_key()


def _key_file() -> pathlib.Path:
    named = os.environ.get(KEY_FILE_VARIABLE)
    return pathlib.Path(named) if named else pathlib.Path.home() / ".config/triton-az-checks/fingerprint.key"


def key_mark(key: bytes) -> str:
    """16 hexadecimal digits that tell one key from another: what is made with one key can be compared. They reveal nothing of the key."""
    return hmac.new(key, b"\0which key this is", hashlib.sha256).hexdigest()[:16]


def _make(path: pathlib.Path) -> None:
    """Make a new random key that only its owner may read. It is written aside and linked, so of two runs at once one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
    finally:
        aside.unlink()


def cut(text: str) -> str:
    """At most 4 KiB of a text. Escapes and control characters stay: reports show them harmlessly."""
    whole = text.encode("utf-8", "replace").decode()  # JSON can hold half a surrogate pair; a file cannot
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 12] + " [cut short]"


def _without_user(found: re.Match[str]) -> str:
    """A URL's rest behind "://", without the user and the password before its host."""
    _, at, host = found[0].rpartition("@")
    return f"{HIDDEN}@{host}" if at else host


class Vault:
    """The secrets that a run has seen, kept while it lasts: to take fingerprints of, and to blot out of free text."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._secrets: set[str] = set()
        self._sorted: list[str] = []

    def __repr__(self) -> str:
        return "Vault()"

    def learn(self, secret: object) -> None:
        """From now on `secret` is blotted out of every free text."""
        if isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET:
            self._secrets.update({secret, json.dumps(secret)[1:-1]})

    def learn_all(self, read: Mapping[str, Any]) -> None:
        """From now on every password among these settings is blotted out of every free text."""
        for key, value in read.items():
            if isinstance(key, str) and _PASSWORD.search(key) and isinstance(value, str) and len(value) >= 6:
                self.learn(value)

    def fingerprint(self, secret: object) -> str:
        """16 hexadecimal digits: the same for the same secret, in this installation only."""
        text = secret if isinstance(secret, str) else json.dumps(secret, sort_keys=True)
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]

    def scrub(self, text: str) -> str:
        """A free text (a message, a line of a file) without the secrets seen so far, and cut to 4 KiB."""
        if (
            len(self._secrets) > MOST_SECRETS
        ):  # only a hostile answer has so many: show nothing, and do not take an hour
            return TOO_MANY
        if len(self._sorted) != len(self._secrets):
            self._sorted = sorted(self._secrets, key=lambda known: (-len(known), known))
        for secret in self._sorted:
            if secret in text:  # what is already hidden stays hidden, even if the password is "secret"
                text = HIDDEN.join(part.replace(secret, HIDDEN) for part in text.split(HIDDEN))
        return cut(_URL.sub(_without_user, text))

    def scrub_name(self, text: str) -> str:
        """The same for what should be a name or an address: only secrets too long to be a name by chance."""
        known = self._sorted if len(self._secrets) > MOST_SECRETS else self._secrets
        return HIDDEN if any(len(secret) >= _NO_NAME and secret in text for secret in known) else text

    def scrub_value(self, value: object, depth: int = 3) -> Any:
        """A whitelisted value: texts are scrubbed, secret names are hidden, deep nesting becomes JSON text."""
        if value is None or isinstance(value, bool):
            return value
        if (
            isinstance(value, (int, float)) and abs(value) < 1 << 53
        ):  # what JavaScript holds exactly: not NaN, not infinity
            return value
        if isinstance(value, list) and depth and len(value) <= MOST_ELEMENTS:
            return [self.scrub_value(item, depth - 1) for item in value]
        if isinstance(value, dict) and depth and len(value) <= MOST_ELEMENTS:
            return {
                self.scrub(key): HIDDEN if SECRET_NAME.search(key) else self.scrub_value(value[key], depth - 1)
                for key in sorted(value)
            }
        return self.scrub(value if isinstance(value, str) else json.dumps(value, sort_keys=True))

    def configuration(self, read: Mapping[str, Any], keep: Iterable[str], hide: Iterable[str]) -> Configuration:
        """The whitelisted keys of some settings, and fingerprints of the secret ones. Everything else is dropped."""
        for key in hide:
            self.learn(read.get(key))
        return Configuration(
            values={key: self.scrub_value(read[key]) for key in sorted(keep) if key in read},
            fingerprints={key: self.fingerprint(read[key]) for key in sorted(hide) if read.get(key) not in (None, "")},
            fragile=tuple(key for key in sorted(hide) if read.get(key) and not _HARMLESS.fullmatch(str(read[key]))),
        )
