"""Keeps templates compiled, as Python keeps its modules: in __pycache__ beside them, where whoever may write there may write them too.

To compile them took a fifth of a run's processor time.  Where nothing can be written, they are compiled each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
import tempfile
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, ImportError, IndexError)
"""What pickle and marshal, with which jinja2 and Python store what is compiled, raise for what is none of theirs."""


class CompiledTemplates(BytecodeCache):
    """One file for each template. Another source, jinja2, Python or `made_by` (how they are compiled) makes another file."""

    def __init__(self, folder: Path, made_by: bytes) -> None:
        self._folder = folder / "__pycache__"
        self._made_by = hashlib.sha256(made_by + jinja2.__version__.encode()).hexdigest()[:16]

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{self._made_by}.{sys.implementation.cache_tag}.jinja"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Nothing is loaded of what cannot be read, and jinja2 loads nothing of another source."""
        try:
            with self._path(bucket).open("rb") as file:
                bucket.load_bytecode(file)
        except (OSError, *DAMAGED):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Others see a whole file or none."""
        if sys.dont_write_bytecode:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            number, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(number, "wb") as file:
                    bucket.write_bytecode(file)
                Path(name).replace(self._path(bucket))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
