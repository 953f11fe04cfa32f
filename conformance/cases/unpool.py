"""Calls of max_unpool."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from conformance.cases import sizes, spelling
from conformance.cases.choices import Choices
from conformance.cases.pools import INTEGERS
from conformance.cases.pools import FLOATS as POOLED
from conformance.cases.regimes import regime
from conformance.cases.sizes import DATA, at_most
from conformance.model import ArraySpec, Case

__all__ = ["Unpool", "changes", "drawn", "read", "valid", "written"]

DTYPES = (*POOLED, *INTEGERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpool:
    """A call of max_unpool."""

    result: tuple[int, int, int, int]  # the pooled values: N, OH, OW, C
    size: tuple[int, int]  # H, W of the image that they go to
    argmax: str  # its dtype
    include_batch_in_index: bool | None  # None: left to its default
    sizes: str  # how output_shape is spelt
    dtype: str
    regime: str
    seed: int

    @property
    def image(self) -> tuple[int, int, int, int]:
        """The image that the values go to: [N, H, W, C]."""
        return (self.result[0], *self.size, self.result[3])

    @property
    def cells(self) -> int:
        """How many cells an index may name."""
        return prod(self.image if self.include_batch_in_index else self.image[1:])


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call."""
    return written(drawn(op, choices))


def drawn(_op: str, choices: Choices, *, whole: bool = False) -> Unpool:
    """Draw a call; whole: nothing is empty."""
    budget = choices.pick(sizes.BUDGETS)
    rows, columns = sizes.axes(choices, "VALID", budget, pool=True, empty=False)
    area = max(rows.size * columns.size, rows.out * columns.out)
    channels = choices.pick(at_most(sizes.CHANNELS, min(budget, DATA) // area))
    batch = choices.pick(at_most(sizes.BATCHES, min(budget, DATA) // (area * channels)))
    out = (rows.out, columns.out)
    if not whole and choices.chance(6):
        # No cells at all leave no index to name one.
        batch, out = choices.pick(((0, out), (batch, (0, out[1])), (batch, (out[0], 0))))
    return Unpool(
        result=(batch, *out, channels),
        size=(rows.size, columns.size),
        argmax=choices.pick(("int64", "int64", "int32")),
        include_batch_in_index=choices.pick((None, False, True, True)),
        sizes=spelling.shape_spelling(choices),
        dtype=(dtype := choices.pick(DTYPES)),
        regime=regime(choices, dtype),
        seed=choices.integer(0, sizes.LARGEST),
    )


def written(call: Unpool) -> Case:
    """Return the call as a case."""
    attributes = {"output_shape": spelling.shape(call.image, call.sizes, "NHWC")}
    if call.include_batch_in_index is not None:
        attributes["include_batch_in_index"] = call.include_batch_in_index
    return Case(
        op="max_unpool",
        arrays={"input": ArraySpec(call.result, call.dtype), "argmax": ArraySpec(call.result, call.argmax)},
        attributes=attributes,
        regime=call.regime,
        seed=call.seed,
    )


def read(case: Case) -> Unpool:
    """Return the call behind a valid case: the inverse of `written`."""
    batch, high, wide, channels = case.arrays["input"].shape
    output = spelling.decoded(case.attributes["output_shape"])
    flag = case.attributes.get("include_batch_in_index")
    return Unpool(
        result=(batch, high, wide, channels),
        size=(int(output[1]), int(output[2])),
        argmax=case.arrays["argmax"].dtype,
        include_batch_in_index=None if flag is None else bool(flag),
        sizes=spelling.spelt_shape(case.attributes["output_shape"]),
        dtype=case.arrays["input"].dtype,
        regime=case.regime,
        seed=case.seed,
    )


def changes(call: Unpool) -> Iterator[tuple[str, Unpool]]:
    """Yield what the call becomes by one change toward the simplest one."""
    batch, high, wide, channels = call.result
    if batch > 1:
        yield "batch 1", replace(call, result=(1, high, wide, channels))
    for fewer in sorted({1, channels // 2} - {0, channels}):
        yield f"channels {fewer}", replace(call, result=(batch, high, wide, fewer))
    for axis in (0, 1):
        for less in sorted({1, call.size[axis] // 2, call.size[axis] - 1}):
            if 1 <= less < call.size[axis]:
                size = (less, call.size[1]) if axis == 0 else (call.size[0], less)
                yield f"{('height', 'width')[axis]} {less}", replace(call, size=size)
    for axis in (1, 2):
        for less in sorted({1, call.result[axis] // 2, call.result[axis] - 1}):
            if 1 <= less < call.result[axis]:
                result = (batch, less, wide, channels) if axis == 1 else (batch, high, less, channels)
                yield f"{('rows', 'columns')[axis - 1]} {less}", replace(call, result=result)
    if call.include_batch_in_index:
        yield "index without batch", replace(call, include_batch_in_index=None)
    if call.argmax != "int64":
        yield "argmax int64", replace(call, argmax="int64")
    for plain in ("float32", "float64"):
        if call.dtype != plain:
            yield plain, replace(call, dtype=plain)
