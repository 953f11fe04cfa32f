"""conv2d_transpose in JavaScript, written from its page alone, agrees with every case that `vectors` writes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.vectors.bundle import Content, write

PROGRAM = Path(__file__).with_name("conv2d_transpose.mjs")
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="node, which runs JavaScript, is not installed")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write cases of every dtype and value regime, valid and broken, with their allowed results."""
    folder = tmp_path_factory.mktemp("vectors") / "cases"
    write(folder, Content(ops=["conv2d_transpose"], seed=1, cases=300))
    return folder


def judged(program: Path, folder: Path) -> dict[str, Any]:
    """Run the program on a folder of cases."""
    command = [str(NODE), str(program), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_implementation_written_from_the_page_agrees_with_every_vector(cases: Path) -> None:
    """Its results lie in the allowed sets, and it refuses the calls that break a rule: none is left over."""
    answer = judged(PROGRAM, cases)

    assert answer["disagreeing"] == []
    assert answer["results"] + answer["refusals"] == 300
    assert answer["refusals"] > 20


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Math.floor(Math.max((small - 1)", "Math.ceil(Math.max((small - 1)"),
        ("* FI + i) * O + o]", "* FI + i) * O + O - 1 - o]"),
        ('demand(batch === N && channels === O, "R11")', ""),
    ],
    ids=["the odd row after the image", "filters in another order", "any number of filters"],
)
def test_a_page_misread_is_noticed(cases: Path, tmp_path: Path, line: str, wrong: str) -> None:
    """The same program with one sentence of the page taken otherwise disagrees."""
    text = PROGRAM.read_text()
    (tmp_path / PROGRAM.name).write_text(text.replace(line, wrong))

    assert text.count(line) == 1
    assert judged(tmp_path / PROGRAM.name, cases)["disagreeing"]
