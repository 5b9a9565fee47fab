"""Runs inside a lab: makes a healthy region odd, and judges it.

`python -m tests.proofs.odd FOLDER NUMBER` writes what was found into FOLDER.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.proofs.inside import causes, lab, run_suite
from tests.proofs.mistaken import typed
from tests.proofs.oddities import drawn


def retyped(where: str, command: str) -> str:
    """Types a command, once more if a service was just beginning anew because of the one before; why that failed, if it did."""
    if not typed(where, command):
        return ""
    lab("settle")
    return typed(where, command)


def main() -> int:
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    region = drawn()[number]
    said = [why for where, command in region.commands if (why := retyped(where, command))]
    lab("settle")
    found = run_suite()
    row = {"names": region.names, "typed": said, "causes": causes(found), "exit": found["exit"]}
    (folder / f"{number:03}.json").write_text(json.dumps(row), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
