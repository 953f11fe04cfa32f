"""Trees are named for what they are."""

import pytest

from conformance.order.forms import Joined, Loop, Pairwise, Run, described, loops
from conformance.order.trees import Tree, chain, pairs, tree
from conformance.order.wording import named

AXES = (("rows", 2), ("columns", 3), ("channels", 8))


def joined(parts: list[range], *, by_pairs: bool = False) -> Tree:
    """Return the tree of parts added one after another, their sums likewise or in pairs."""
    terms = sum(map(len, parts))
    steps: list[tuple[int, ...]] = []
    sums = []
    for part in parts:
        steps += chain(part, terms + len(steps))
        sums.append(terms + len(steps) - 1)
    return tree(terms, [*steps, *(pairs if by_pairs else chain)(sums, terms + len(steps))])


def test_a_chain_is_one_run() -> None:
    """Its order is that of the additions."""
    assert described(tree(5, chain([3, 1, 4, 0, 2], 5))) == Run((1, 3, 4, 0, 2))


def test_lanes_are_runs_joined_by_a_run() -> None:
    """Two lanes of every second term."""
    form = described(joined([range(0, 6, 2), range(1, 6, 2)]))

    assert form == Joined((Run((0, 2, 4)), Run((1, 3, 5))), Run((0, 1)))
    assert form.alike


def test_pairs_of_pairs_are_pairwise() -> None:
    """Eight terms."""
    assert described(tree(8, pairs(range(8), 8))) == Pairwise(tuple(range(8)))


def test_loops_of_a_blocked_order() -> None:
    """Two blocks of four channels: of each, three columns."""
    order = [8 * column + 4 * block + at for block in range(2) for column in range(3) for at in range(4)]

    assert loops(order) == [Loop(2, 4), Loop(3, 8), Loop(4, 1)]


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (tree(48, chain(range(48), 48)), "sequential: rows, columns, channels"),
        (tree(48, chain(range(47, -1, -1), 48)), "sequential, from the last to the first: rows, columns, channels"),
        (tree(48, pairs(range(48), 48)), "pairwise: 48 terms"),
        (
            joined([range(start, start + 8) for start in range(0, 48, 8)]),
            "6 blocks of 8 terms (channels), joined one after another",
        ),
        (
            joined([range(lane, 48, 4) for lane in range(4)], by_pairs=True),
            "4 lanes of 12 terms (rows, columns, 2 channels, every 4th), joined pairwise",
        ),
        (
            tree(48, [(0, 1, 2, 3), *chain([48, *range(4, 48)], 49, group=4)]),
            "fused in groups of 4: rows, columns, channels",
        ),
    ],
)
def test_names(shape: Tree, name: str) -> None:
    """As users read them."""
    assert named(described(shape), AXES) == name
