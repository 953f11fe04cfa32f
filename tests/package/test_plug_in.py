"""A plug-in's repository, copied to a fresh folder: its tox.ini and the steps of action.yml judge it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads action.yml, is not installed: tox -e package")

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "examples" / "plugin"
FEW = "--op conv2d --op max_pool --cases 300 --jobs 1"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Copy the plug-in."""
    return Path(shutil.copytree(PLUGIN, tmp_path / "plugin", ignore=shutil.ignore_patterns("__pycache__", ".tox")))


def spoilt(plugin: Path) -> None:
    """Have the odd row of padding come first: wrong values for SAME."""
    module = plugin / "shifted_ops.py"
    right = "(missing // 2, missing - missing // 2)"
    text = module.read_text()
    assert text.count(right) == 1
    module.write_text(text.replace(right, "(missing - missing // 2, missing // 2)"))


def by_tox(plugin: Path, dist: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the plug-in's own tox.ini, pip finding the suite among the built distributions."""
    environment = {**os.environ, "PIP_FIND_LINKS": str(dist), "TOX_OVERRIDE": ""}
    command = [sys.executable, "-m", "tox", "-q", "-c", str(plugin), "--workdir", str(plugin / ".tox"), "--", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def by_action(plugin: Path, installed: Path, **given: str) -> list[int]:
    """Run the scripts of action.yml as GitHub does, and return their exit codes."""
    action: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: str(given.get(name, entry.get("default", ""))) for name, entry in action["inputs"].items()}
    codes = []
    for step in (step for step in action["runs"]["steps"] if "run" in step):
        named = {
            name: inputs[text.removeprefix("${{ inputs.").removesuffix(" }}")] for name, text in step["env"].items()
        }
        environment = {
            **os.environ,
            **named,
            "PATH": f"{installed}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(plugin / "step-summary.md"),
        }
        script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        codes.append(subprocess.run(script, cwd=plugin, env=environment, check=False).returncode)
    return codes


def test_the_files_to_copy_are_short() -> None:
    """Twenty lines of tox.ini, as its page says."""
    assert len((PLUGIN / "tox.ini").read_text().splitlines()) <= 20


def test_tox_passes_for_a_right_plug_in_and_fails_for_a_wrong_one(plugin: Path, dist: Path) -> None:
    """The entry point is found, the calls are judged, and one wrong line is noticed."""
    right = by_tox(plugin, dist, *FEW.split())
    spoilt(plugin)
    wrong = by_tox(plugin, dist, *FEW.split())

    assert right.returncode == 0, right.stdout + right.stderr
    assert "Nothing new." in right.stdout
    assert wrong.returncode != 0
    assert "wrong-value" in wrong.stdout


def test_the_action_judges_and_keeps_the_report(plugin: Path, installed: Path) -> None:
    """Its three scripts end well, and leave the page, JUnit and a summary."""
    codes = by_action(plugin, installed, target="shifted-ops", options=FEW)

    assert codes == [0, 0, 0]
    assert {"report.html", "junit.xml", "summary.md"} <= {path.name for path in (plugin / "conformance-run").iterdir()}
    assert (plugin / "step-summary.md").read_text()


def test_the_action_fails_for_a_wrong_plug_in_and_reports_it(plugin: Path, installed: Path) -> None:
    """The second script, which judges, ends with 1; the third still writes the summary."""
    spoilt(plugin)

    assert by_action(plugin, installed, target="shifted-ops", options=FEW) == [0, 1, 0]
