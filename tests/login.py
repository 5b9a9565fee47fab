"""What an operator types, he types into a login shell: a command over SSH has SmartOS's short PATH."""

import shlex


def in_login(line: str) -> str:
    """The command over SSH that reads root's profile, as a login does, and then runs a line."""
    return f"/usr/bin/bash --login -c {shlex.quote(line)}"
