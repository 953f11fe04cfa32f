"""What a run rests on: judged calls and their geometries; and what it has no evidence for, which ends it with 3."""

from pathlib import Path

import pytest

from conformance.commands.cli import run_command
from conformance.run.evidence import THIN, State, state
from conformance.run.store import Store

MINIATURES = Path(__file__).parents[2] / "miniatures"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import the miniatures."""
    monkeypatch.setenv("PYTHONPATH", str(MINIATURES))


def run(folder: Path, target: str, *options: str) -> tuple[int, Store]:
    """Run a few cases, and return the exit code and the run."""
    asked = ["run", "--no-known", "--jobs=1", "--cases=36", f"--out={folder}", f"--target={target}"]
    return run_command([*asked, *options]), Store(folder)


def missing(store: Store) -> list[str]:
    """Return what the footer says is missing."""
    return list((store.footer() or {})["missing"])


@pytest.mark.parametrize(("number", "found"), [(0, State.NONE), (1, State.THIN), (29, State.THIN), (30, State.TESTED)])
def test_few_geometries_are_thin_and_none_are_no_evidence(number: int, found: State) -> None:
    """Thirty are enough: a fault in one of ten is missed by them in (9/10)^30 = 4 of 100 runs."""
    assert state(number, THIN) is found
    assert 0.9**THIN < 0.05


def test_a_target_that_answers_no_valid_call_ends_the_run_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though nothing disagrees: both ops that it claims are named, and no other."""
    code, store = run(tmp_path / "run", "unwilling:all_")

    assert code == 3
    assert missing(store) == [
        "max_pool on unwilling:all_: none of 30 calls could be judged",
        "avg_pool on unwilling:all_: none of 30 calls could be judged",
    ]
    assert "NO EVIDENCE  max_pool on unwilling:all_" in capsys.readouterr().out


def test_a_dtype_and_an_op_that_are_claimed_and_not_answered_are_missing(tmp_path: Path) -> None:
    """Of max_pool float64; of avg_pool there is no function, so that no call was made."""
    code, store = run(tmp_path / "run", "unwilling:half")
    (first, second) = missing(store)

    assert code == 3
    assert first.startswith("max_pool in float64 on unwilling:half: none of ")
    assert second == "avg_pool on unwilling:half: no call was made"


def test_what_is_not_asked_for_is_not_missing(tmp_path: Path) -> None:
    """
    In float32 there is evidence. Of 30 valid calls two are in NCHW, outside the claim, and answered rightly.

    The stream of seed 0 has six groups of five calls of one geometry, and in the first the last has other strides.
    """
    code, store = run(tmp_path / "run", "unwilling:half", "--op=max_pool", "--dtype=float32")
    evidence = (store.footer() or {})["evidence"]["max_pool"]["unwilling:half"]

    assert (code, missing(store)) == (0, [])
    assert [evidence[name] for name in ("valid", "broken", "geometries")] == [28, 6, 7]
    assert evidence["small"] > 0
    assert (store.footer() or {})["answered"] == [
        {
            "target": "unwilling:half",
            "op": "max_pool",
            "reason": "max_pool in NCHW is not claimed",
            "answered": 2,
            "calls": 2,
        }
    ]


def test_a_dtype_that_is_asked_for_by_name_is_missing_where_it_is_claimed(tmp_path: Path) -> None:
    """Of a target without it nothing can be judged, which is no success either."""
    assert run(tmp_path / "claimed", "unwilling:half", "--op=max_pool", "--dtype=float64")[0] == 3
    assert run(tmp_path / "unclaimed", "unwilling:half", "--op=max_pool", "--dtype=float16")[0] == 3
