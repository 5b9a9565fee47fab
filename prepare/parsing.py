"""How the commands of this package read what was typed: a mistake is a sentence."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from triton_az_checks.errors import UsageError


class CommandParser(argparse.ArgumentParser):
    """Of `az-checks COMMAND`. Raises UsageError."""

    def __init__(self, command: str) -> None:
        super().__init__(prog=f"az-checks {command}", allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {self.prog} --help tells more")

    def add_region(self) -> None:
        """REGION.yaml, or AZ_INVENTORY."""
        usual = os.environ.get("AZ_INVENTORY")
        self.add_argument("region", nargs="?", metavar="REGION.yaml", default=usual, help="default: AZ_INVENTORY")
