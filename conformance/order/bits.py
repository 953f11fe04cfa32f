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

__all__ = ["Change", "Digests", "Kept", "compared", "digests"]

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


def compared(op: str, names: tuple[str, str], both: tuple[Digests, Digests], workers: tuple[Worker, Worker]) -> Kept:
    """Compare an op on two products, and reveal the orders of a few kinds that differ."""
    one, other = both
    common = [sizes for sizes in kinds_of(op) if one.get(key_of(op, sizes)) and other.get(key_of(op, sizes))]
    differ = [sizes for sizes in common if one[key_of(op, sizes)] != other[key_of(op, sizes)]]
    return Kept(
        op=op,
        one=names[0],
        other=names[1],
        same=len(common) - len(differ),
        common=len(common),
        changes=tuple(changes(op, differ[:FEW], workers)),
    )


def changes(op: str, differ: Sequence[Sizes], workers: tuple[Worker, Worker]) -> Iterator[Change]:
    """Yield the pairs of orders in which two products add, the most frequent first."""
    ways = {sizes: (order_name(workers[0], op, sizes), order_name(workers[1], op, sizes)) for sizes in differ}
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
