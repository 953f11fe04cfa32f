"""The suite installed from its wheel: everything that it needs is inside."""

import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def called(installed: Path, folder: Path, *arguments: str) -> str:
    """Run the installed command line in a folder and return what it prints."""
    command = [str(installed / "conformance"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_wheel_holds_every_file_of_its_packages(dist: Path) -> None:
    """Causes, corpus, templates, schemas and programs in other languages: all that the repository tracks there."""
    tracked = subprocess.run(
        ["git", "ls-files", "reference", "conformance"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())

    assert set(tracked.stdout.splitlines()) <= held


def test_the_suite_is_imported_from_its_wheel(installed: Path, tmp_path: Path) -> None:
    """Else the tests below would try the repository."""
    code = "import conformance, reference; print(conformance.__file__); print(reference.__file__)"
    command = [str(installed / "python"), "-c", code]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert printed.count("site-packages") == 2


@pytest.mark.parametrize("command", [["targets"], ["rules", "conv2d"], ["rules", "--html", "rules.html"]], ids=" ".join)
def test_commands_that_read_data_work(installed: Path, tmp_path: Path, command: list[str]) -> None:
    """Docstrings, templates and the list of targets are there."""
    assert called(installed, tmp_path, *command)


def test_a_run_ends_with_its_report(installed: Path, tmp_path: Path) -> None:
    """The specification is judged by itself, with what is known read and the page written."""
    said = called(installed, tmp_path, "run", "--target", "reference", "--cases", "8", "--jobs", "1", "--out", "run")

    assert "Nothing new." in said
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
