"""The causes that must be found for each fault of the lab, and whether a remedy heals it. The lab itself knows nothing of this."""

from tests.proofs.cases import (
    access,
    ahead,
    binder,
    cloudapi,
    coupling,
    inventory,
    losses,
    manta,
    names,
    reachability,
    replication,
    routes,
    sapi,
    servers,
    ufds,
)
from tests.proofs.cases.case import Case, healthy

__all__ = ["CASES", "Case", "healthy"]

_CHAPTERS = (
    access,
    ahead,
    binder,
    cloudapi,
    coupling,
    inventory,
    losses,
    manta,
    names,
    reachability,
    replication,
    routes,
    sapi,
    servers,
    ufds,
)
CASES = tuple(case for chapter in _CHAPTERS for case in chapter.CASES)
"""At least one row for each check, and several where a check can fail for different reasons."""
