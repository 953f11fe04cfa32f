"""A small bundle of all ops, and the programs that judge by it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.ops import OPS
from conformance.vectors.bundle import Content, write

CASES = 20 * len(OPS)
Reader = Callable[[Path, Path], dict[str, str]]  # a bundle and answers -> the verdict on each case


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write twenty cases of each op."""
    folder = tmp_path_factory.mktemp("vectors") / "bundle"
    write(folder, Content(ops=tuple(OPS), cases=CASES))
    return folder


@pytest.fixture(scope="session", params=["C", "JavaScript"])
def reader(request: pytest.FixtureRequest, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Return a program that the bundle carries, as a function."""
    program = "cc" if request.param == "C" else "node"
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed: it {'compiles' if program == 'cc' else 'runs'} the reader")
    command = ["node", str(bundle / "vectors.mjs")]
    if program == "cc":
        command = [str(tmp_path_factory.mktemp("compiled") / "vectors")]
        strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-D_POSIX_C_SOURCE=200809L", "-O1"]
        subprocess.run(["cc", *strict, "-o", *command, str(bundle / "vectors.c"), "-lm"], check=True)

    def judged(folder: Path, answers: Path) -> dict[str, str]:
        said = subprocess.run([*command, str(folder), str(answers)], capture_output=True, text=True, check=True).stdout
        return dict(map(str.split, said.splitlines()))

    return judged
