"""The server's answers other than success, and the names that ldapjs gives to result codes."""

from __future__ import annotations

NAMES = {
    1: "OperationsError", 2: "ProtocolError", 16: "NoSuchAttributeError", 17: "UndefinedAttributeTypeError",
    19: "ConstraintViolationError", 21: "InvalidAttributeSyntaxError", 32: "NoSuchObjectError",
    49: "InvalidCredentialsError", 50: "InsufficientAccessRightsError", 53: "UnwillingToPerformError",
    65: "ObjectclassViolationError", 66: "NotAllowedOnNonLeafError", 68: "EntryAlreadyExistsError",
    69: "ObjectclassModsProhibitedError", 80: "OtherError",
}  # fmt: skip


class LdapError(Exception):
    """A result other than success. `matched` is the suffix whose rules refused, as recorded."""

    def __init__(self, code: int, message: str, matched: str = "o=smartdc") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.matched = matched

    @property
    def name(self) -> str:
        return NAMES.get(self.code, "OtherError")


def constraint(message: str) -> LdapError:
    return LdapError(19, message)


def no_such_object(key: str) -> LdapError:
    return LdapError(32, key)


def access_denied(matched: str) -> LdapError:
    return LdapError(50, "Insufficient Access Rights", matched)


def not_implemented(key: str) -> LdapError:
    return LdapError(80, "Server method not implemented", key)
