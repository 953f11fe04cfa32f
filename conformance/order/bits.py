"""
Which kinds of calls keep their bits from one product to another, and where they do not, in which orders both add.

A product is a target with a release. Kinds of sizes on both sides of vectors and tiles are called on random data that
is the same everywhere, and the bits of the whole output compared; only of those that differ are the orders revealed.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from conformance.cases.linear import Sizes
from conformance.order.invariances import drawn, run
from conformance.order.kinds import kinds_of
from conformance.order.operands import call, middle
from conformance.order.probing import probed
from conformance.order.reveal import reveal
from conformance.order.summation import UnrevealedError
from conformance.order.surveying import MANY
from conformance.order.wording import kind_of, sized
from conformance.targets.transport.pool import Worker

__all__ = ["Change", "Digests", "Kept", "changes", "compared", "digests"]

Digests = Mapping[str, str]  # by op and sizes: what the bits of an output come to; "" where there is no result
FEW = 3  # kinds whose orders are revealed, of those of an op that differ: they take the longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Kinds of sizes that are added in one order on one product, and in another on the other."""

    before: str
    after: str
    number: int
    smallest: str  # of the sizes, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many kinds of calls of an op have the same bits on two products."""

    op: str
    one: str
    other: str
    same: int
    common: int  # that both give a result for
    changes: tuple[Change, ...]  # of the first FEW that differ


def digests(worker: Worker, ops: Iterable[str]) -> Digests:
    """Call every kind of sizes of these ops, and return what their bits come to."""
    return {key_of(op, sizes): digest(worker, op, sizes) for op in ops for sizes in kinds_of(op)}


def key_of(op: str, sizes: Sizes) -> str:
    """Return what names a kind of call, the same everywhere."""
    return f"{op} {json.dumps(asdict(sizes), sort_keys=True)}"


def digest(worker: Worker, op: str, sizes: Sizes) -> str:
    """Return sixteen hexadecimal digits derived from the bits of a call's output; "" where it gives none."""
    seed = int.from_bytes(hashlib.sha256(key_of(op, sizes).encode()).digest()[:8])
    made = run(worker, op, drawn(op, sizes, np.random.Generator(np.random.Philox(seed))), "")
    return hashlib.sha256(made.output.tobytes()).hexdigest()[:16] if made else ""


def compared(op: str, one: Digests, other: Digests) -> tuple[int, Sequence[Sizes]]:
    """Return how many kinds of calls of an op give a result on two products, and those of them that differ."""
    keys = {sizes: key_of(op, sizes) for sizes in kinds_of(op)}
    common = [sizes for sizes, key in keys.items() if one.get(key) and other.get(key)]
    return len(common), [sizes for sizes in common if one[keys[sizes]] != other[keys[sizes]]]


def changes(op: str, differ: Sequence[Sizes], workers: Sequence[Worker]) -> Iterator[Change]:
    """Yield the pairs of orders in which two products add the first FEW that differ, the most frequent first."""
    ways = {sizes: tuple(order_name(worker, op, sizes) for worker in workers) for sizes in differ[:FEW]}
    for (before, after), number in Counter(ways.values()).most_common():
        smallest = next(sizes for sizes, way in ways.items() if way == (before, after))
        yield Change(before=before, after=after, number=number, smallest=sized(smallest))


def order_name(worker: Worker, op: str, sizes: Sizes) -> str:
    """Return the order in which a product adds an element in the middle of an output, in words."""
    case = call(op, sizes)
    try:
        box = probed(worker, case, middle(case), MANY)
        return kind_of(reveal(box).order, box.element.axes())
    except UnrevealedError as error:
        return f"not revealed: {error}"
