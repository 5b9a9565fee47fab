"""What this machine must have for a run. It is checked first: a lack would look like findings about the region."""

from __future__ import annotations

import resource
from typing import Final

from triton_az_checks.errors import OperatorError

FILES: Final = 64
FILES_PER_DATACENTER: Final = 64
"""Files open at once. Measured in a lab of three datacenters: 146 in all."""


class MachineError(OperatorError):
    """This machine lacks something. The message says what, and how to get it."""


def make_room(datacenters: int) -> None:
    """Let this process open as many files as a run needs. Raises MachineError if it may not."""
    needed = FILES + FILES_PER_DATACENTER * datacenters
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise MachineError(
            f"this machine lets a process have {hard} files open, and asking {datacenters} head nodes needs {needed}, so nobody "
            f"was asked — raise that limit: `ulimit -n {needed}` as root, or `nofile` in /etc/security/limits.conf"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
