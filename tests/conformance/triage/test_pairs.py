"""A call that is wrong after another one, and right alone, is a finding with both calls, in order."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.commands.replay import find, replay
from conformance.model import Case
from conformance.ops import case_from_json, generate
from conformance.run.header import header
from conformance.run.plan import Plan
from conformance.run.rows import rows
from conformance.run.store import Store
from conformance.run.trials import Panel
from conformance.targets import registry
from conformance.triage.attempts import Search
from conformance.triage.clusters import Cluster
from conformance.triage.files import files
from conformance.triage.search import find_all

MINIATURES = Path(__file__).parents[2] / "miniatures"
TARGET = "planted:remembering"


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let workers import the miniatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(MINIATURES))
        yield


def pool(padding: str, seed: int = 0) -> Case:
    """Return an avg_pool of two pixels."""
    return case_from_json(
        {
            "op": "avg_pool",
            "arrays": {"input": {"shape": [1, 1, 2, 1], "dtype": "float32"}},
            "attributes": {"ksize": [1, 2], "strides": 1, "padding": padding},
            "regime": "lattice",
            "seed": seed,
            "breaks": None,
        }
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cluster, dict[str, bytes]]:
    """Give what is found of a pool that keeps its padding by the image's shape, and its files."""
    calls = [pool("VALID"), pool("VALID", 2), pool("SAME")]
    with Panel({TARGET: registry.find(TARGET)}, confirm=False) as panel:
        several = [rows(panel.examine(case)) for case in calls]
        store = Store.create(
            tmp_path_factory.mktemp("pairs") / "run",
            header(Plan(ops=("avg_pool",), targets=(TARGET,), cases=3, seed=0, jobs=1)),
        )
        store.write_shard("avg_pool-00000", [row for each in several for row in each])
        wrong = [row for (row,) in several if row.verdict == "disagrees"]
        search = Search(panel, earlier=lambda row: [case_from_json(json.loads(text)) for text in store.earlier(row)])
        (cluster,) = find_all(wrong, search, [], {})
        return cluster, files(cluster, panel, {}, {})


def test_a_finding_has_the_call_that_goes_before(found: tuple[Cluster, dict[str, bytes]]) -> None:
    """The padding of the first call is used for the second, of another padding: that is all they differ in."""
    cluster, _ = found

    assert cluster.before is not None
    assert [case.attributes["padding"] for case in (cluster.before, cluster.case)] == ["VALID", "SAME"]
    assert cluster.before.arrays == cluster.case.arrays
    assert "after another call" in cluster.title


def test_both_calls_are_made_as_small_as_they_get(found: tuple[Cluster, dict[str, bytes]]) -> None:
    """One pixel under a window of 2 is enough: SAME gives a result, VALID gives none."""
    cluster, _ = found

    (image,) = cluster.case.arrays.values()
    assert image.shape == (1, 1, 1, 1)
    assert cluster.case.regime == "ones"


def test_the_script_makes_both_calls_and_is_right_without_the_first(
    found: tuple[Cluster, dict[str, bytes]], tmp_path: Path
) -> None:
    """Its exit code is 1; without the line of the first call 0."""
    text = found[1]["repro.py"].decode()
    lines = text.splitlines()
    (unlike,) = (line for line in lines if "without this call" in line)
    alone = [line for line in lines if line != unlike]

    assert [exit_code(tmp_path, "\n".join(each)) for each in (lines, alone)] == [1, 0]


def exit_code(folder: Path, text: str) -> int:
    """Return the exit code of a script."""
    (folder / "repro.py").write_text(text)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(MINIATURES), *sys.path])}
    return subprocess.run([sys.executable, folder / "repro.py"], check=False, env=environment, timeout=60).returncode  # noqa: S603 -- our own script


def test_a_finding_of_two_calls_is_replayed_with_both(found: tuple[Cluster, dict[str, bytes]], tmp_path: Path) -> None:
    """From its folder, whose files are the two calls."""
    for name in ("case.json", "before.json"):
        (tmp_path / name).write_bytes(found[1][name])

    calls = find(str(tmp_path), None, tmp_path)

    assert calls == [found[0].before, found[0].case]
    assert replay(calls, TARGET, None)
    assert not replay(calls[1:], TARGET, None)


def test_the_issue_says_that_the_call_is_right_alone(found: tuple[Cluster, dict[str, bytes]]) -> None:
    """The nearest call that is right is the same without the one before it."""
    assert "The same without the call before it" in found[1]["issue.md"].decode()


def test_some_groups_of_the_stream_differ_in_an_attribute_alone() -> None:
    """Of each group of five valid calls all have the shapes of the first; in some the last has another attribute."""
    valid = [case for case in generate("avg_pool", 0, 0, 120) if not case.breaks]
    groups = [valid[start : start + 5] for start in range(0, len(valid), 5)]
    shapes = [{tuple(each.arrays["input"].shape) for each in group} for group in groups]

    assert all(len(each) == 1 for each in shapes)
    assert any(group[0].attributes != group[4].attributes for group in groups)
