"""python -m reports.asplugin: pytest for a monitor, to which an option that pytest does not know is UNKNOWN, too."""

from __future__ import annotations

import sys

from triton_az_checks import ending


def main(arguments: list[str]) -> int:
    """The exit code of a plugin: with --output nagios the run's own is one already, unless it did not begin."""
    ending.at_once()
    import pytest  # most of the time before the suite is there goes into this

    from reports.output import State, unknown

    code = int(pytest.main(arguments))
    if code <= State.UNKNOWN:
        return code
    state, text = unknown(code)
    print(text)
    return state


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
