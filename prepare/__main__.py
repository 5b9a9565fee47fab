"""python -m prepare doctor | init: what `az-checks doctor` and `az-checks init` start."""

import sys

from prepare.command import script

sys.exit(script())
