"""python -m apply: what `az-checks apply` starts."""

import sys

from apply.command import main

if __name__ == "__main__":
    sys.exit(main())
