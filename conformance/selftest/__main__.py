"""Run every mutant and every correct implementation; fail if a mutant survives, or a correct one is found wrong."""

import sys

from conformance.selftest.command import main

if __name__ == "__main__":
    sys.exit(main())
