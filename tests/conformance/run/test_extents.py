"""What is said of the small worlds that a run has covered."""

from typing import Any

from conformance.run.extents import Extent, in_short, sentences


def extent(**changed: Any) -> Extent:  # noqa: ANN401 -- any field
    """Return an extent of eight calls of max_pool, all of which agree."""
    given: dict[str, Any] = {"op": "max_pool", "side": 3, "target": "mine", "dtype": "float32", "size": 8, "agrees": 8}
    counts = dict.fromkeys(("disagrees", "undecided", "unsupported"), 0) | {"cpu_seconds": 0.0, "own_seconds": 0.0}
    return Extent(**{**counts, **given, **changed})


def test_a_whole_world_is_every_call() -> None:
    """Eight of eight."""
    assert list(sentences([extent()])) == ["every max_pool of float32 to side 3 on mine: 8 of 8"]


def test_nothing_is_said_of_what_a_target_does_not_claim() -> None:
    """Of a dtype without a claimed call; where some are, the others are counted."""
    unclaimed = extent(dtype="float64", agrees=0, unsupported=8)
    half = extent(agrees=4, unsupported=2)

    assert list(sentences([unclaimed])) == []
    assert list(sentences([half, unclaimed])) == ["max_pool of float32 to side 3 on mine: 6 of 8 (2 not claimed)"]


def test_what_is_not_whole_is_added_up_by_target() -> None:
    """Of four ops, 3 of 8 calls each, one of them wrong; the fifth is whole."""
    ops = ("conv2d", "bias_add", "avg_pool", "dropout")
    some = [extent(op=op, agrees=2, disagrees=1) for op in ops]

    assert list(in_short([*some, extent()])) == [
        "every max_pool of float32 to side 3 on mine: 8 of 8",
        "12 of 32 calls of 4 ops on mine (4 disagree)",
    ]
    assert list(in_short(some[:1])) == ["3 of 8 calls of conv2d on mine (1 disagree)"]
