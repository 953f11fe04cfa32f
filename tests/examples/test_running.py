"""How the scripts of the examples run: their command line, and how they end."""

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.errors import SuiteError, UsageError
from examples import digits, running

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "examples").glob("*.py") if "__main__" in path.read_text())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_says_what_it_takes(path: Path) -> None:
    """`python examples/NAME.py --help` names the options, and ends with 0."""
    ended = subprocess.run(  # noqa: S603 -- scripts of this project
        [sys.executable, path, "--help"], check=False, capture_output=True, text=True, cwd=ROOT
    )

    assert ended.returncode == 0, ended.stderr
    assert "--target" in ended.stdout
    assert "--out" in ended.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("no\nsuch"), 2), (SuiteError("no worker"), 3), (OSError("disk full"), 3)],
)
def test_what_goes_wrong_is_one_line(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """2 where the call was wrong, 3 where the script could not finish."""

    def story() -> int:
        raise error

    assert running.run(story, []) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_option_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, on one line."""
    assert running.run(lambda: 0, ["--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err


def test_a_target_that_does_not_exist_is_refused() -> None:
    """By name."""
    with pytest.raises(UsageError, match="tf-cpu-eagre"), running.target("tf-cpu-eagre"):
        pass


def test_a_page_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    """A folder is no file."""
    with pytest.raises(UsageError, match="--out"):
        running.writable(tmp_path)


def test_digits_need_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)

    with pytest.raises(UsageError, match=r"pip install -e '\.\[examples\]'"):
        digits.digits()
