"""
Predict every bit of a call's output from the orders of a few of its elements.

Elements with the same terms, or with some of them, as at the edges of an image, are taken to add in one order: what is
absent there adds zero. Whether that is so is what is measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from conformance.model import Array, Case, Returned
from conformance.order.bounding import outside as outside_own
from conformance.order.operands import OPERANDS, Element, element
from conformance.order.probing import in_nhwc, kernel_of, probed
from conformance.order.replay import Order, ended, replay
from conformance.order.reveal import reveal
from conformance.order.summation import UnrevealedError
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker

__all__ = ["Predicted", "predict"]

FEW = 16  # ordinary sums that confirm an order: the call itself confirms it further

Keys = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """How much of a call's output was predicted bit for bit."""

    case: Case
    kernel: str  # that served the call, where the target tells
    elements: int
    exact: int  # of them, those predicted
    orders: tuple[Order, ...]  # that were found in the call
    unrevealed: str = ""  # why an order was not found
    missed: tuple[int, ...] = ()  # index of an element that was predicted wrongly
    outside: int = 0  # elements outside the bound of the order that they were predicted by

    @property
    def whole(self) -> bool:
        """Whether every bit was predicted."""
        return self.exact == self.elements and not self.unrevealed


@dataclass(slots=True)
class Class:
    """Elements that are taken to add in the order of the first, which has the most terms."""

    first: Element
    keys: Mapping[tuple[int, ...], int]  # of the first's terms, with their numbers
    members: list[Element] = field(default_factory=list)


def predict(worker: Worker, case: Case, left: Array, right: Array | None, route: str = "") -> Predicted | None:
    """
    Make a call, and predict it; None where the target gives no result.

    left, right: operands in the layout of the call.
    """
    op = OPERANDS[case.op]
    arrays = {op.left: left} | ({op.right: right} if op.right and right is not None else {})
    observed = worker.run(Call(op=case.op, arguments={**case.attributes, **arrays}, route=route))
    if not isinstance(observed, Returned):
        return None
    output, kernel = in_nhwc(observed.arrays[0], case), kernel_of(observed)
    groups = classes(case, output.shape)
    outside = 0
    exact = output.size - sum(len(group.members) for group in groups)
    orders: list[Order] = []
    missed: tuple[int, ...] = ()
    for group in groups:
        try:
            order = order_of(worker, case, group.first, route)
            sides = factors(group, left, right)
            results = computed(order, group, *sides)
        except UnrevealedError as error:
            return Predicted(
                case=case, kernel=kernel, elements=output.size, exact=exact, orders=tuple(orders), unrevealed=str(error)
            )
        orders.append(order)
        observations = np.array([output[member.index] for member in group.members])
        same = bits_of(results) == bits_of(observations)
        outside += beyond(order, group, *sides, observations)
        exact += int(same.sum())
        if not same.all() and not missed:
            missed = group.members[int(np.argmin(same))].index
    return Predicted(
        case=case,
        kernel=kernel,
        elements=output.size,
        exact=exact,
        orders=tuple(orders),
        missed=missed,
        outside=outside,
    )


def order_of(worker: Worker, case: Case, found: Element, route: str) -> Order:
    """Reveal the order of one element in calls of the very shape of the case."""
    op = OPERANDS[case.op]
    many = case.arrays[op.left].shape[found.many_axis]
    return reveal(probed(worker, case, found.index, many, route=route), samples=FEW).order


def classes(case: Case, shape: tuple[int, ...]) -> list[Class]:
    """Divide the elements of an output into those whose terms are among the terms of one of them."""
    found: list[Class] = []
    elements = sorted((element(case, index) for index in np.ndindex(shape)), key=lambda one: -len(one.left))
    for one in elements:
        keys = keys_of(one)
        home = next((group for group in found if all(key in group.keys for key in keys)), None)
        if home is None:
            home = Class(one, {key: at for at, key in enumerate(keys)})
            found.append(home)
        home.members.append(one)
    return [group for group in found if group.keys]  # what has no terms is zero


def keys_of(one: Element) -> Keys:
    """
    Return what names each term in all elements: its place in the right operand, whichever the output channel.

    Of an operand that is alone: its place in a window of this size.
    """
    op = one.op
    if op.right is None:
        size = len(one.left)
        grid = tuple(length for _, length in one.axes())
        return tuple((size, *grid, at) for at in range(size))
    places = np.unravel_index(np.array(one.right, np.int64), one.case.arrays[op.right].shape)
    apart = (1,) if one.channels_first and op.of_filters else op.apart
    kept = [place.tolist() for axis, place in enumerate(places) if axis not in apart]
    return tuple(zip(*kept, strict=True)) if kept else ()


def factors(group: Class, left: Array, right: Array | None) -> tuple[Array, Array]:
    """Return the factors of all elements of a class, in the order of the first one's terms: [members, n] twice."""
    sides = np.zeros((2, len(group.members), len(group.keys)), left.dtype)
    for row, member in enumerate(group.members):
        at = [group.keys[key] for key in keys_of(member)]
        sides[0, row, at] = left.reshape(-1)[list(member.left)]
        sides[1, row, at] = 1 if right is None else right.reshape(-1)[list(member.right)]
    return sides[0], sides[1]


def computed(order: Order, group: Class, left: Array, right: Array) -> Array:
    """Return what the elements of a class are by its order: [members]."""
    totals = replay(order, left, right)
    if totals is None:
        raise UnrevealedError("additions of several terms are not modelled")
    return ended(order, totals, divisors(group), left.dtype)


def beyond(order: Order, group: Class, left: Array, right: Array, results: Array) -> int:
    """Return how many results lie outside the bound of their own order."""
    totals = results.astype(np.float64) * divisors(group)
    far = outside_own(order, left, right, totals, mean=group.first.op.right is None)
    return 0 if far is None else int(far.sum())


def divisors(group: Class) -> Array:
    """Return what the elements of a class are divided by: [members]."""
    return np.array([member.divisor for member in group.members])


def bits_of(values: Array) -> Array:
    """Return numbers as whole numbers of their bits."""
    return values.view(f"u{values.dtype.itemsize}")
