"""Run every implementation whose faults are known, and fail if one survives or a correct one is found fault with."""

import sys

from conformance.selftest.command import main

if __name__ == "__main__":
    sys.exit(main())
