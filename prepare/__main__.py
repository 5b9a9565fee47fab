"""python -m prepare collect | compare | doctor | init: what the commands of az-checks with these names start."""

import sys

from prepare.command import script

sys.exit(script())
