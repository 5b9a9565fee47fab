"""python -m apply: what `az-checks apply` starts."""

import sys

from apply.words import parser_of

if __name__ == "__main__":
    if {"-h", "--help"} & {*sys.argv[1:]}:
        parser_of().parse_args(["--help"])  # before all that can do something is loaded
    from apply.command import main

    sys.exit(main())
