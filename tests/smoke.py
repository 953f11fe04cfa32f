"""
The suite as its users start it: one minute of the main job on the real TensorFlow, then the suite's trial of itself.

It tests the suite, not TensorFlow: a run that ends with findings has passed, if it wrote its report and its findings.
"""

import subprocess
import sys
from pathlib import Path

FINE, FINDINGS = 0, 1  # exit codes of `conformance run`


def main(folder: Path, options: list[str]) -> int:
    """Run both commands into a folder, and return 0 if both did what they are for."""
    ended = subprocess.run(["conformance", "run", "--cases", "24", "--out", str(folder), *options], check=False)
    missing = [name for name in ("report.html", "findings.json") if not (folder / name).is_file()]
    if ended.returncode not in (FINE, FINDINGS) or missing:
        print(f"smoke: exit code {ended.returncode}, missing: {missing or 'nothing'}", file=sys.stderr)
        return 1
    return subprocess.run(["conformance", "selftest", "--into", str(folder)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
