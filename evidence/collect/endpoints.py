"""Datacenters without SSH: the suite asks their services directly, at the endpoints that the inventory names.

The certificates prove nothing on the network between (the zones' own are self-signed), and SAPI speaks plain HTTP. So that network must be
trusted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final

from evidence.collect.unanswered import ClosedError, UnansweredError
from evidence.inventory.model import Declared, Endpoint, Timeouts
from evidence.model import Nic, Vm
from evidence.subjects.questions import ANY_ENDPOINT, ITS_OWN_SERVICE, Question

PORTS: Final = {"binder": 53, "cloudapi": 443, "sapi": 80, "ufds": 636}
"""The ports at which services are asked, unless an endpoint names another one."""
PASSWORD: Final = "AZ_UFDS_ROOT_PASSWORD"  # noqa: S105


class Direct:
    """Connections from this machine, instead of from a head node."""

    def __init__(self, endpoints: Mapping[str, Endpoint], timeouts: Timeouts) -> None:
        self._ports = {(one.host, PORTS[role]): one.port for role, one in endpoints.items()}
        self._timeouts = timeouts

    async def connect(self, host: str, port: int) -> tuple[Any, Any]:
        """Open a TCP connection to a service. Raises ClosedError if there can be none."""
        try:
            async with asyncio.timeout(self._timeouts.connect):
                return await asyncio.open_connection(host, self._ports.get((host, port), port))
        except TimeoutError:
            raise ClosedError("connection timed out") from None
        except ConnectionRefusedError:
            raise ClosedError("connection refused") from None
        except UnicodeError:
            raise UnansweredError(f"{host} is no name that could be looked up") from None
        except OSError as error:
            raise ClosedError(error.strerror or "no connection") from None

    async def check(self, waited: float) -> None:
        """Do nothing: whatever lies between here and a service, the service itself is judged by it."""


def zones(declared: Declared) -> dict[str, Vm]:
    """One zone for each endpoint. Only its address is known."""
    return {
        f"{role}0": Vm("", f"{role}0", role, "running", (Nic(endpoint.host, "admin"),))
        for role, endpoint in sorted(declared.endpoints.items())
    }


def hidden(declared: Declared, question: Question) -> bool:
    """Whether a question about the datacenter, or about one of its zones, cannot be asked at its endpoints."""
    shown = {ANY_ENDPOINT, ITS_OWN_SERVICE, *declared.endpoints}
    return bool(declared.endpoints) and question.seen_from not in shown


def root_of(name: str) -> dict[str, str]:
    """UFDS's root, with the password in the environment: the one for this datacenter, or the one for all."""
    password = os.environ.get(_own(name)) or os.environ.get(PASSWORD)
    return {"ufds_ldap_root_dn": "cn=root", "ufds_ldap_root_pw": password} if password else {}


def told(name: str) -> str:
    """How the operator sets the password."""
    return f"set {_own(name)} or {PASSWORD}, or name SAPI's endpoint too"


def _own(name: str) -> str:
    return f"{PASSWORD}_{name.upper().replace('-', '_')}"
