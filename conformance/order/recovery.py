"""
Recover the tree of a sum from masks: one large number M at a term, -M at another, ones at others, zero elsewhere.

The ones that are added to either before M and -M meet are lost; so the ones that are lost count the terms below the
addition in which the two meet. One term, the pivot, is compared with all others: sorted by these counts, they fall into
the subtrees that its path to the root meets, one after another; each of those is recovered likewise. Pivots are drawn
at random: the masks of a chain or a balanced tree are then about n log n, of no tree more than n^2 / 2.

Additions of several terms come in two kinds. Units that align their terms to the largest lose every one beside M,
whichever of the terms holds -M. Those that add exactly and round once lose only what was in the two terms that held M
and -M: the counts are then smaller than the terms found, and say so.

Source: Xie, Gao, Wang and Xue, USENIX ATC 2025 (arXiv 2411.00442), algorithms 3 and 4; additions that are exact are
not in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from conformance.model import Array
from conformance.order.summation import Summation, UnrevealedError, survivors
from conformance.order.trees import Tree, tree

__all__ = ["Recovered", "recover"]

NOBODY = -1  # where a set has no witness: it is the whole sum


@dataclass(frozen=True, slots=True)
class Recovered:
    """The tree that masks show."""

    tree: Tree
    exact: bool  # whether additions of several terms lose nothing before they round; no such addition: False
    masks: int  # that it took


@dataclass(slots=True)
class Part:
    """
    Terms that come from one side to one addition: one subtree, or several that this addition adds.

    witness: a term that comes to that addition from another side. It is lost where two subtrees of the part meet.
    """

    members: Array
    witness: int
    groups: "list[tuple[int, Part]]" = field(default_factory=list)  # terms up to that addition, and what it adds
    beside: "Part | None" = None  # the members of other subtrees than the pivot's
    pivot: int = NOBODY


def recover(box: Summation, seed: int = 0) -> Recovered:
    """
    Recover the tree of a sum.

    Raises:
        UnrevealedError: no tree fits what the masks leave.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    whole = Part(np.arange(box.terms), NOBODY)
    parts, level, masks = [whole], [whole], 0
    while level:
        for part in level:
            part.pivot = int(generator.choice(part.members))
        open_parts = [part for part in level if len(part.members) > 1]
        for part, counts in zip(open_parts, _met(box, open_parts), strict=True):
            divide(part, counts)
            masks += len(counts)
        level = [later for part in open_parts for later in following(part)]
        parts += level
    return assembled(box.terms, parts, masks)


def _met(box: Summation, parts: list[Part]) -> Iterable[Array]:
    """
    Return for each part how many of its members meet below the addition where pivot and each other member meet.

    [members - 1] each, in the order of the members without the pivot; -1 where that addition lies outside the part.
    """
    asked = [_asked(part, box.terms) for part in parts]
    if not asked:
        return []
    left = survivors(box, *(np.concatenate(sides) for sides in zip(*asked, strict=True)))
    found, start = [], 0
    for part in parts:
        size = len(part.members)
        kept = left[start : start + size - 1]
        start += size - 1
        if part.witness == NOBODY:
            found.append(size - kept)
        else:
            found.append(np.where(kept == 0, -1, size - (kept - 1)))
    return found


def _asked(part: Part, terms: int) -> tuple[Array, Array]:
    """Return pairs and ones of the masks that compare a part's pivot with its other members."""
    others = part.members[part.members != part.pivot]
    pairs = np.stack([np.full_like(others, part.pivot), others], axis=1)
    ones = np.zeros((len(others), terms), bool)
    ones[:, part.members] = True
    ones[:, part.pivot] = False
    ones[np.arange(len(others)), others] = False
    if part.witness != NOBODY:
        ones[:, part.witness] = True
    return pairs, ones


def divide(part: Part, counts: Array) -> None:
    """Divide a part into what the pivot meets on its way, in order."""
    others = part.members[part.members != part.pivot]
    for count in sorted(set(counts.tolist()) - {-1}):
        part.groups.append((count, Part(others[counts == count], part.pivot)))
    if (counts == -1).any():
        part.beside = Part(others[counts == -1], part.witness)


def following(part: Part) -> list[Part]:
    """Return the parts that a part was divided into."""
    inside = [group for _, group in part.groups]
    return [*inside, part.beside] if part.beside else inside


def assembled(terms: int, parts: list[Part], masks: int) -> Recovered:
    """Build the tree, the parts found last first."""
    steps: list[tuple[int, ...]] = []
    siblings: dict[int, tuple[int, ...]] = {}  # by id of a part: the subtrees that it is
    exact: set[bool] = set()
    for part in reversed(parts):
        node, reached, base = part.pivot, 1, 0
        for count, group in part.groups:
            children, size = siblings[id(group)], len(group.members)
            if count > reached + size:
                raise UnrevealedError("no tree: more ones are lost than there are terms below an addition")
            lossless = count < reached + size
            # Beside a base of the pivot's own, an exact addition loses the terms of one other node: of the addition
            # found last, or of the next one.
            same = lossless and base > 0 and (count <= reached or count - base == size)
            base = base if same else reached
            if lossless and count - base < size:
                children = tuple(child for met in children for child in opened(met, terms, steps))
            if lossless or len(children) > 1:
                exact.add(lossless)
            steps.append((*(opened(node, terms, steps) if same else (node,)), *children))
            node = terms + len(steps) - 1
            reached += size
        siblings[id(part)] = (node, *(siblings[id(part.beside)] if part.beside else ()))
    if len(siblings[id(parts[0])]) > 1 or len(exact) > 1:
        raise UnrevealedError("no tree: pairs of terms meet in ways that exclude one another")
    return Recovered(tree(terms, pruned(terms, steps)), exact == {True}, masks)


def opened(node: int, terms: int, steps: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return what the addition of a node adds; the node itself, if it is a term."""
    return (node,) if node < terms else steps[node - terms]


def pruned(terms: int, steps: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Leave out additions that nothing uses any more, because another one adds what they added."""
    used = [False] * (terms + len(steps))
    used[-1] = True
    for step in reversed(range(len(steps))):
        if used[terms + step]:
            for child in steps[step]:
                used[child] = True
    numbers = list(range(terms))
    kept: list[tuple[int, ...]] = []
    for step, children in enumerate(steps):
        numbers.append(terms + len(kept))
        if used[terms + step]:
            kept.append(tuple(numbers[child] for child in children))
    return kept
