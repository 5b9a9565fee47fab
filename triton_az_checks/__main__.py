"""python -m triton_az_checks: the same as az-checks."""

import sys

from triton_az_checks.cli import main

sys.exit(main(sys.argv[1:]))
