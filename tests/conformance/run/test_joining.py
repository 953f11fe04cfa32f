"""The parts of a plan, run apart, are together the run of one machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import UsageError
from conformance.run import shards
from conformance.run.header import header
from conformance.run.joining import joined
from conformance.run.plan import Plan, own_shards
from conformance.run.store import Store
from conformance.triage import campaign
from tests.conformance.run.test_jobs import conducted, importable, plan, result

__all__ = ["importable"]  # a fixture: workers import the miniatures


def test_parts_give_what_the_whole_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three parts joined: observations, findings and page are those of one run, and every shard has its machine."""
    whole = conducted(tmp_path / "whole", plan())
    monkeypatch.setattr(shards, "TOGETHER", 4)
    parts = [conducted(tmp_path / f"part-{number}", plan(part=(number, 3))).folder for number in (1, 2, 3)]
    ours = joined(parts, tmp_path / "joined")
    campaign.conduct(plan(), ours, [], lambda _: None, lambda _: None)

    assert result(ours) == result(whole)
    assert set(ours.read_json("machines.json")["shards"]) == {shard.name for shard in own_shards(plan())}


@pytest.mark.parametrize(("part", "times"), [((1, 1), 1), ((1, 2), 0)])
def test_what_a_whole_run_has_reached_is_varied_where_parts_are_joined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: tuple[int, int], times: int
) -> None:
    """A part knows of its own calls alone, and would give its shards the names that another part gives."""
    varied: list[Any] = []

    def vary(asked: Plan, *_: object) -> float:
        varied.append(asked)
        return 0.0

    monkeypatch.setattr(campaign, "vary", vary)
    conducted(tmp_path / "run", plan(part=part, more=True, budget=0.0))

    assert len(varied) == times


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([(1, 2)], "of 2 parts 2 are missing"),
        ([(1, 2), (1, 2)], "is part 1/2, and so is"),
        ([(1, 2), (2, 3)], "another part 2 of 3"),
    ],
)
def test_what_are_not_all_parts_once_is_refused(parts: Sequence[tuple[int, int]], told: str, tmp_path: Path) -> None:
    """One is missing, one comes twice, one is of a plan in other parts."""
    stores = [Store.create(tmp_path / str(place), header(plan(part=part))) for place, part in enumerate(parts)]
    for store in stores:
        store.close({"complete": True})

    with pytest.raises(UsageError, match=told):
        joined([store.folder for store in stores], tmp_path / "joined")


def test_a_part_of_another_seed_is_refused(tmp_path: Path) -> None:
    """It would be another stream of cases."""
    for number, seed in ((1, 5), (2, 6)):
        Store.create(tmp_path / str(number), header(plan(part=(number, 2), seed=seed))).close({"complete": True})

    with pytest.raises(UsageError, match="another seed"):
        joined([tmp_path / "1", tmp_path / "2"], tmp_path / "joined")


def test_a_part_that_has_not_ended_is_refused(tmp_path: Path) -> None:
    """It is gone on with first."""
    Store.create(tmp_path / "1", header(plan()))

    with pytest.raises(UsageError, match="--resume"):
        joined([tmp_path / "1"], tmp_path / "joined")
