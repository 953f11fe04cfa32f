"""The wheel that `tox -e package` has built, and an environment that it is installed in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIST = "CONFORMANCE_DIST"  # the folder that `python -m build` has filled


@pytest.fixture(scope="session")
def dist() -> Path:
    """Return the folder of the built distributions."""
    if DIST not in os.environ:
        pytest.skip(f"{DIST} is not set: tox -e package builds the wheel and names its folder")
    return Path(os.environ[DIST])


@pytest.fixture(scope="session")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of an environment that the wheel is installed in."""
    folder = tmp_path_factory.mktemp("environment")
    (wheel,) = dist.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    programs = folder / "bin"
    subprocess.run([str(programs / "python"), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return programs
