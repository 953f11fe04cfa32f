"""
The tree of a sum: which partial sums meet in which addition.

Nodes are numbered: the terms first, 0 to terms - 1, then the additions. Floating-point addition is commutative, so the
order of what one addition adds has no meaning; a tree is kept in one canonical form, and equal trees are equal records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Steps", "Tree", "chain", "pairs", "tree"]

Steps = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Tree:
    """
    A tree of additions over numbered terms. Made by `tree`, which brings it to its canonical form.

    steps[s] holds the nodes that addition s adds, two or more; its own number as a node is terms + s. An addition of
    more than two rounds once. Every node but the last is added exactly once; one term alone needs no addition.
    """

    terms: int
    steps: Steps

    @property
    def root(self) -> int:
        """The node that is the whole sum."""
        return self.terms + len(self.steps) - 1

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """For each node the addition it goes into, as an index of steps; -1 for the root."""
        found = [-1] * (self.root + 1)
        for step, children in enumerate(self.steps):
            for child in children:
                found[child] = step
        return tuple(found)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """For each node the number of additions between it and the root."""
        found = [0] * (self.root + 1)
        for step in reversed(range(len(self.steps))):
            for child in self.steps[step]:
                found[child] = found[self.terms + step] + 1
        return tuple(found)

    @property
    def depth(self) -> int:
        """The most additions that one term goes through."""
        return max(self.depths[: self.terms], default=0)

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        """For each node its first term."""
        found = list(range(self.terms))
        for children in self.steps:
            found.append(min(found[child] for child in children))
        return tuple(found)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """For each node the number of its terms."""
        found = [1] * self.terms
        for children in self.steps:
            found.append(sum(found[child] for child in children))
        return tuple(found)

    def below(self, node: int) -> list[int]:
        """Return the terms of a node, in ascending order."""
        found, pending = [], [node]
        while pending:
            last = pending.pop()
            if last < self.terms:
                found.append(last)
            else:
                pending.extend(self.steps[last - self.terms])
        return sorted(found)

    def meeting(self, one: int, other: int) -> tuple[int, int, int]:
        """Return the addition in which two terms meet, as a node, and the two nodes in which they come to it."""
        while (one_parent := self.parents[one]) != (other_parent := self.parents[other]):
            if other_parent < 0 or 0 <= one_parent < other_parent:
                one = self.terms + one_parent
            else:
                other = self.terms + other_parent
        return self.terms + one_parent, one, other


def tree(terms: int, steps: Iterable[Sequence[int]]) -> Tree:
    """
    Return the canonical form of a tree: additions by their height, then their first term; what each adds likewise.

    steps: as of `Tree`, but in any order in which nothing is added before it is there.

    >>> tree(4, [(3, 2), (0, 1), (5, 4)]) == tree(4, [(1, 0), (2, 3), (4, 5)])
    True
    """
    given = [tuple(children) for children in steps]
    heights, firsts = [0] * terms, list(range(terms))
    for children in given:
        heights.append(1 + max(heights[child] for child in children))
        firsts.append(min(firsts[child] for child in children))
    order = sorted(range(terms, terms + len(given)), key=lambda node: (heights[node], firsts[node]))
    renamed = {old: new for new, old in enumerate([*range(terms), *order])}
    return Tree(
        terms,
        tuple(
            tuple(renamed[child] for child in sorted(given[old - terms], key=lambda child: firsts[child]))
            for old in order
        ),
    )


def chain(parts: Sequence[int], first_free: int, group: int = 1) -> list[tuple[int, ...]]:
    """
    Return the additions that add nodes one after another, or, in groups, so many in each addition to the running sum.

    first_free: the number that the first of these additions gets as a node.
    """
    steps: list[tuple[int, ...]] = []
    total = (parts[0],)
    for start in range(1, len(parts), group):
        steps.append((*total, *parts[start : start + group]))
        total = (first_free + len(steps) - 1,)
    return steps


def pairs(parts: Sequence[int], first_free: int) -> list[tuple[int, ...]]:
    """Return the additions of neighbours, then of neighbouring sums, and so on; an odd one waits for the next round."""
    steps: list[tuple[int, ...]] = []
    level = list(parts)
    while len(level) > 1:
        met = [(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        rest = level[2 * len(met) :]
        level = [first_free + len(steps) + at for at in range(len(met))] + rest
        steps += met
    return steps
