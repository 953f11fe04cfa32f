"""The command line: `python -m conformance`, or `conformance`."""

import os
import sys

# Arrays are small here, and several processes share the cores: one thread each. It counts when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def main() -> None:
    """Run the command line and end with its exit code."""
    from conformance.commands.cli import run_command  # noqa: PLC0415 -- after the environment is set

    sys.exit(run_command())


if __name__ == "__main__":
    main()
