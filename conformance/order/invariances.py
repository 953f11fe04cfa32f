"""
What the bits of an output element do not depend on: measured by pairs of calls that differ in one thing only.

An answer is yes after so many pairs of many sizes, no with the smallest pair that differs, or not tested, and why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from conformance.cases.linear import Sizes
from conformance.model import Array, Returned
from conformance.order.operands import OPERANDS, call
from conformance.order.probing import in_layout, in_nhwc, kernel_of
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker

__all__ = ["ELSEWHERE", "WITHIN", "Answer", "Operands", "drawn", "measured", "run"]

Place = tuple[int, int, int, int]
ORIGIN: Place = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operands:
    """The operands of a call: images in NHWC whatever its layout, filters in HWIO."""

    sizes: Sizes
    left: Array
    right: Array | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """Another call, and where in its output the whole of the first one's must stand."""

    operands: Operands
    at: Place = ORIGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether the bits of an op on a target are the same whatever one thing is."""

    what: str  # one of WITHIN or ELSEWHERE
    holds: bool | None  # None: not tested
    kernel: str = ""  # that serves the calls, where the target tells
    pairs: int = 0
    smallest: Sizes | None = None  # of the calls that differ
    why: str = ""  # it was not tested


Vary = Callable[[str, Operands, np.random.Generator], Variation | None]


def drawn(op: str, sizes: Sizes, generator: np.random.Generator) -> Operands:
    """Draw operands from the normal distribution."""
    shapes = call(op, replace(sizes, layout="NHWC")).arrays
    of = OPERANDS[op]
    arrays = [
        generator.standard_normal(shapes[name].shape).astype(shapes[name].dtype) for name in (of.left, of.right) if name
    ]
    return Operands(sizes=sizes, left=arrays[0], right=arrays[1] if of.right else None)


def inside(op: str, given: Operands, sizes: Sizes, generator: np.random.Generator, at: Place = ORIGIN) -> Operands:
    """Return random operands of a larger call that hold those of a call; at: where in the left one they do."""
    more = drawn(op, sizes, generator)
    put(more.left, given.left, at)
    if more.right is not None and given.right is not None:
        put(more.right, given.right, ORIGIN)
    return more


def put(whole: Array, part: Array, at: Place) -> None:
    """Write a part into an array."""
    whole[part_at(part.shape, at)] = part


def part_at(shape: tuple[int, ...], at: Place) -> tuple[slice, ...]:
    """Return the index of a part of this shape."""
    return tuple(slice(start, start + size) for start, size in zip(at, shape, strict=True))


def grown(count: int, generator: np.random.Generator) -> int:
    """Return one more, or twice as many and seven more."""
    return count + (1 if generator.integers(2) else count + 7)


def batch(op: str, given: Operands, generator: np.random.Generator) -> Variation | None:
    """Put more images after those of the call."""
    if OPERANDS[op].of_filters:
        return None
    sizes = replace(given.sizes, images=grown(given.sizes.images, generator))
    return Variation(operands=inside(op, given, sizes, generator))


def place(op: str, given: Operands, generator: np.random.Generator) -> Variation | None:
    """Put other images before those of the call."""
    if OPERANDS[op].of_filters:
        return None
    images = grown(given.sizes.images, generator)
    at = (images - given.sizes.images, 0, 0, 0)
    return Variation(operands=inside(op, given, replace(given.sizes, images=images), generator, at), at=at)


def layout(_op: str, given: Operands, _generator: np.random.Generator) -> Variation:
    """Make the call in the other layout."""
    other = "NHWC" if given.sizes.layout == "NCHW" else "NCHW"
    return Variation(operands=replace(given, sizes=replace(given.sizes, layout=other)))


def beside(op: str, given: Operands, generator: np.random.Generator) -> Variation:
    """Have more channels in the result; of a filter gradient, more filters."""
    sizes = replace(given.sizes, filters=grown(given.sizes.filters, generator))
    return Variation(operands=inside(op, given, sizes, generator))


def translation(op: str, given: Operands, generator: np.random.Generator) -> Variation | None:
    """Move the image inside a larger one, by whole strides, under VALID."""
    sizes = given.sizes
    if not OPERANDS[op].slides or sizes.padding != "VALID":
        return None
    (up, left), (down, right) = generator.integers(0, 4, (2, 2)).tolist()
    step, (high, wide) = sizes.stride, sizes.image
    larger = replace(sizes, image=(high + (up + down) * step, wide + (left + right) * step))
    moved = inside(op, given, larger, generator, (0, up * step, left * step, 0))
    return Variation(operands=moved, at=(0, up, left, 0))


def channels(op: str, given: Operands, generator: np.random.Generator) -> Variation | None:
    """Have more input channels, each with a filter gradient of its own; `beside` does that to depthwise ones."""
    if not OPERANDS[op].of_filters or OPERANDS[op].paired:
        return None
    sizes = replace(given.sizes, depth=grown(given.sizes.depth, generator))
    return Variation(operands=inside(op, given, sizes, generator))


def again(_op: str, given: Operands, _generator: np.random.Generator) -> Variation:
    """Make the same call."""
    return Variation(operands=given)


# What differs between two calls of one worker.
WITHIN: Mapping[str, Vary] = {
    "batch": batch,
    "place": place,
    "layout": layout,
    "translation": translation,
    "beside": beside,
    "channels": channels,
}
# What differs between two workers that make the same call.
ELSEWHERE = ("threads", "mode", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The result of a call: in NHWC, of filters in HWIO or HWCM."""

    output: Array
    kernel: str


def run(worker: Worker, op: str, given: Operands, route: str) -> Made | None:
    """Make a call; None where it gives no result."""
    of, case = OPERANDS[op], call(op, given.sizes)
    left, right = in_layout(case, given.left, given.right)
    arrays = {of.left: left} | ({of.right: right} if of.right and right is not None else {})
    observed = worker.run(Call(op=op, arguments={**case.attributes, **arrays}, route=route))
    if not isinstance(observed, Returned):
        return None
    return Made(output=in_nhwc(observed.arrays[0], case), kernel=kernel_of(observed))


def measured(
    op: str,
    worker: Worker,
    elsewhere: Mapping[str, Worker | str],
    kinds: Iterable[Sizes],
    route: str = "",
) -> list[Answer]:
    """
    Answer for every kind of invariance of an op on a target, kernel by kernel.

    elsewhere: for each key of ELSEWHERE another worker, or why there is none.
    """
    generator = np.random.Generator(np.random.Philox(0))
    asked: dict[str, tuple[Vary, Worker]] = {what: (vary, worker) for what, vary in WITHIN.items()}
    asked |= {what: (again, other) for what, other in elsewhere.items() if isinstance(other, Worker)}
    found: dict[str, dict[str, Pairs]] = {}
    for sizes in kinds:
        given = drawn(op, sizes, generator)
        first = run(worker, op, given, route)
        if first is None:
            continue
        for what, pairs in found.setdefault(first.kernel, {what: Pairs() for what in asked}).items():
            vary, other = asked[what]
            pairs.add(sizes, compared(op, given, first.output, vary, other, generator, route))
    reasons = {what: why for what, why in elsewhere.items() if isinstance(why, str)}
    return [one for kernel, several in sorted(found.items()) for one in answers(kernel, several, reasons)]


@dataclass(slots=True)
class Pairs:
    """The pairs of calls that differ in one thing."""

    number: int = 0
    smallest: Sizes | None = None  # of those that differ in their bits

    def add(self, sizes: Sizes, same: bool | None) -> None:
        """Count a pair."""
        self.number += same is not None
        if same is False and (self.smallest is None or volume(sizes) < volume(self.smallest)):
            self.smallest = sizes


def answers(kernel: str, several: Mapping[str, Pairs], reasons: Mapping[str, str]) -> Iterator[Answer]:
    """Yield the answers for one kernel. reasons: why something was not tested."""
    for what, pairs in several.items():
        holds = pairs.smallest is None if pairs.number else None
        why = "" if pairs.number else "no pair of calls that differ in nothing else"
        yield Answer(what=what, holds=holds, kernel=kernel, pairs=pairs.number, smallest=pairs.smallest, why=why)
    yield from (Answer(what=what, holds=None, kernel=kernel, why=why) for what, why in reasons.items())


def compared(
    op: str, given: Operands, first: Array, vary: Vary, other: Worker, generator: np.random.Generator, route: str
) -> bool | None:
    """Return whether the varied call gives the same bits; None where there is no such call."""
    variation = vary(op, given, generator)
    if variation is None:
        return None
    second = run(other, op, variation.operands, route)
    part = part_at(first.shape, variation.at)
    return None if second is None else first.tobytes() == second.output[part].tobytes()


def volume(sizes: Sizes) -> int:
    """Return the products of a call."""
    return sizes.images * sizes.depth * sizes.filters * int(np.prod([*sizes.image, *sizes.window]))
