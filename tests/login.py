"""An operator types into a login shell, while a command over SSH has SmartOS's short PATH."""

import shlex


def in_login(line: str) -> str:
    """The command over SSH that reads root's profile, like a login, and then runs a line."""
    return f"/usr/bin/bash --login -c {shlex.quote(line)}"
