"""What each fault of the lab must be found as, and how it is put right.  The lab itself knows nothing of this."""

from tests.proofs.cases import (
    access,
    binder,
    cloudapi,
    coupling,
    inventory,
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
    binder,
    cloudapi,
    coupling,
    inventory,
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
"""One row for each check at least; several where a check can fail for different reasons."""
