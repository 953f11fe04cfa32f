"""
What kind of order a tree is: runs of terms added one after another, and how their sums are joined.

Every tree is described so. Where it is no single run, its longest runs are each one term of a smaller tree, which is
described likewise: eight lanes are eight runs joined by a run; additions of neighbours are runs of two, and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.order.trees import Tree, pairs, tree

__all__ = ["Form", "Joined", "Loop", "Pairwise", "Run", "described", "loops"]


@dataclass(frozen=True, slots=True)
class Loop:
    """So many steps of so many terms."""

    count: int
    stride: int


@dataclass(frozen=True, slots=True)
class Run:
    """Terms added one after another, or, in groups, so many in each addition to the running sum."""

    order: tuple[int, ...]
    group: int = 1


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Neighbouring terms added, then neighbouring sums, and so on."""

    terms: tuple[int, ...]  # ascending


@dataclass(frozen=True, slots=True)
class Joined:
    """Runs, in the order of their first terms, whose sums are the terms of another form."""

    runs: tuple[Run, ...]
    outer: "Form"

    @property
    def alike(self) -> bool:
        """Whether all runs are the same but for where they begin."""
        return len({relative(run) for run in self.runs}) == 1


Form = Run | Pairwise | Joined


def relative(run: Run) -> tuple[tuple[int, ...], int]:
    """Return a run as if it began at term 0."""
    return tuple(term - run.order[0] for term in run.order), run.group


def described(shape: Tree) -> Form:
    """Return the form of a tree."""
    if shape.terms > 3 and shape == tree(shape.terms, pairs(range(shape.terms), shape.terms)):
        return Pairwise(tuple(range(shape.terms)))
    runs = run_of_each(shape)
    whole = runs[shape.root]
    if whole:
        return whole
    tops = [node for node, run in enumerate(runs) if run and runs[shape.terms + shape.parents[node]] is None]
    tops.sort(key=lambda node: shape.firsts[node])
    return Joined(tuple(run for node in tops if (run := runs[node])), described(contracted(shape, tops, runs)))


def run_of_each(shape: Tree) -> list[Run | None]:
    """Return for each node the run that it is; None where it is none."""
    found: list[Run | None] = [Run((term,)) for term in range(shape.terms)]
    for children in shape.steps:
        sums = [child for child in children if child >= shape.terms]
        added = tuple(child for child in children if child < shape.terms)
        if not sums:
            found.append(Run(added, len(added) - 1))
        elif len(sums) == 1 and added and (base := found[sums[0]]) and continues(base, len(added)):
            group = max(base.group, len(added))
            found.append(Run((*base.order, *added), group))
        else:
            found.append(None)
    return [run and facing(run) for run in found]


def continues(base: Run, added: int) -> bool:
    """Return whether a run goes on with so many terms: the first addition may have one more, in place of a sum."""
    return base.group == added or (base.group == added - 1 and len(base.order) == added)


def facing(run: Run) -> Run:
    """Put the first two terms of a run, which have no order, so that its steps are the more regular."""
    if run.group > 1 or len(run.order) < 2:
        return run
    one, other, *rest = run.order
    swapped = (other, one, *rest)
    return Run(swapped) if len(loops(swapped)) < len(loops(run.order)) else run


def contracted(shape: Tree, tops: list[int], runs: list[Run | None]) -> Tree:
    """Return the tree in which each of these nodes is one term."""
    numbers = {node: at for at, node in enumerate(tops)}
    steps: list[tuple[int, ...]] = []
    for step, children in enumerate(shape.steps):
        if runs[shape.terms + step] is None:
            numbers[shape.terms + step] = len(tops) + len(steps)
            steps.append(tuple(numbers[child] for child in children))
    return tree(len(tops), steps)


def loops(order: Sequence[int]) -> list[Loop]:
    """
    Return the nested loops that visit terms in this order, the outermost first.

    What no few loops visit ends as a loop of one step for each term.

    >>> loops([0, 1, 2, 8, 9, 10])
    [Loop(count=2, stride=8), Loop(count=3, stride=1)]
    """
    found: list[Loop] = []
    rest = list(order)
    while len(rest) > 1:
        stride = rest[1] - rest[0]
        count = next((at for at in range(1, len(rest)) if rest[at] - rest[at - 1] != stride), len(rest))
        starts = rest[::count]
        if len(rest) % count or rest != [start + at * stride for start in starts for at in range(count)]:
            return [*(Loop(1, step) for step in rest), *found]
        found.insert(0, Loop(count, stride))
        rest = starts
    return found
