"""What an sdc-ufds-m2s that was stopped has left: where it ended, and what it saved."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.subjects.datacenter import Datacenter
from evidence.subjects.ended import told
from evidence.subjects.m2s import SAVED
from remediate.registry import Advised
from remediate.removal import file_kept
from remediate.steps import Note


def where_it_ended(candidate: Datacenter) -> Advised:
    """The step at which it ended, and what the datacenter is now, as far as that is known."""
    if said := told(candidate):
        yield Note(said)


def what_it_saved_kept(candidate: Datacenter, left: Sequence[str]) -> Advised:
    """The step that copies what it saved. Another run writes over it, with nothing."""
    saved = [path for path in left if path in SAVED]
    if saved:
        why = "the stopped sdc-ufds-m2s saved admin's data and probes here; the next run overwrites the files"
        yield file_kept(candidate, saved, why)
