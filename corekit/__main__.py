"""`python -m corekit` is the command `corekit`."""

from corekit.cli import main

main()
