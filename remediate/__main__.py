"""`python -m remediate`: what `az-checks plan` starts.  Telling lives in reports; this is its door."""

import sys

from reports.command import script

if __name__ == "__main__":
    sys.exit(script())
