"""Uuids, names and passwords that are the same in every lab."""

from __future__ import annotations

import uuid as uuids

ADMIN_UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
POSEIDON_UUID = "aaaaaaaa-0000-4000-8000-000000000001"
DNS_DOMAIN = "srv.example.com"
OPERATOR_ADDRESS = "192.0.2.10"
ROOT_DN = "cn=root"
ROOT_PASSWORD = "lab-s3cret-of-ufds-root"
ADMIN_PASSWORD = "lab-s3cret-of-admin"


def made_uuid(*parts: str) -> str:
    """A uuid that is always the same for the same thing."""
    return str(uuids.uuid5(uuids.NAMESPACE_DNS, ".".join(parts)))
