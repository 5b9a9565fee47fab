"""python -m triton_az_checks.starting: python -m pytest, which ends silently if somebody ends it before the suite is there."""

from __future__ import annotations

import runpy

from triton_az_checks import ending

if __name__ == "__main__":
    ending.at_once()
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)
