"""What collecting may send to a head node: rule 1."""

from __future__ import annotations

from pathlib import Path

from evidence.collect.permitted import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SHORT_LIST = tuple(each.form for each in COMMANDS)
"""Every command that collecting may send. A new one needs a reason."""
