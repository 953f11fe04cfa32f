"""Calls of max_unpool and of its gradient."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from conformance.cases import sizes, spelling
from conformance.cases.choices import Choices
from conformance.cases.regimes import COMMON, FLOATS, INTEGERS, UNSIGNED, regime
from conformance.cases.sizes import DATA, at_most, smaller
from conformance.model import ArraySpec, Case

__all__ = ["DTYPES", "Unpool", "changes", "in_blocks", "read", "valid", "within", "written"]

DTYPES = (*FLOATS, *INTEGERS, *UNSIGNED)
KINDS = (
    *("ordinary",) * 25,
    *("",) * 20,
    "patches",
    "past 16 bits",
    "both sides",
    "one side",
    "large",
)  # `sizes.KINDS`


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpool:
    """A call of max_unpool, or of its gradient."""

    op: str = "max_unpool"
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
    return written(within(op, choices, choices.pick(sizes.BUDGETS), choices.pick(KINDS)))


def within(op: str, choices: Choices, budget: int, kind: str = "", *, whole: bool = False) -> Unpool:
    """Draw a call of at most so many elements; kind: one of `KINDS`; whole: nothing is empty."""
    dtype = choices.pick(COMMON if kind == "ordinary" else DTYPES)
    values = regime(choices, dtype)
    many = choices.pick(sizes.PAST_16_BITS) if kind == "past 16 bits" else 1
    budget, data = max(budget, 2**6 * many) // many, DATA // many
    rows, columns = sizes.axes(choices, "VALID", budget, kind=kind, pool=True, empty=False)
    area = max(rows.size * columns.size, rows.out * columns.out)
    tables = sizes.outer(kind)
    channels = choices.pick(at_most(tables[0], min(budget, data) // area))
    batch = choices.pick(at_most(tables[1], min(budget, data) // (area * channels)))
    if many > 1:
        batch, channels = choices.pick(((many, channels), (batch, many)))
    out = (rows.out, columns.out)
    if not whole and kind == "" and choices.chance(12):
        # No cells at all leave no index to name one.
        batch, out = choices.pick(((0, out), (batch, (0, out[1])), (batch, (out[0], 0))))
    return Unpool(
        op=op,
        result=(batch, *out, channels),
        size=(rows.size, columns.size),
        argmax=choices.pick(("int64", "int64", "int32")),
        include_batch_in_index=choices.pick((None, False, True, True)),
        sizes=spelling.shape_spelling(choices) if op == "max_unpool" else "list",
        dtype=dtype,
        regime=values,
        seed=choices.integer(0, sizes.LARGEST),
    )


def written(call: Unpool) -> Case:
    """Return the call as a case."""
    gradient = call.op == "max_unpool_grad"
    attributes = {} if gradient else {"output_shape": spelling.shape(call.image, call.sizes, "NHWC")}
    if call.include_batch_in_index is not None:
        attributes["include_batch_in_index"] = call.include_batch_in_index
    values = {"grad": call.image} if gradient else {"input": call.result}
    arrays = {name: ArraySpec(shape, call.dtype) for name, shape in values.items()}
    return Case(
        op=call.op,
        arrays={**arrays, "argmax": ArraySpec(call.result, call.argmax)},
        attributes=attributes,
        regime=call.regime,
        seed=call.seed,
    )


def read(case: Case) -> Unpool:
    """Return the call behind a valid case: the inverse of `written`."""
    batch, high, wide, channels = case.arrays["argmax"].shape
    asked = case.attributes.get("output_shape")
    output = case.arrays["grad"].shape if asked is None else spelling.decoded(asked)
    flag = case.attributes.get("include_batch_in_index")
    return Unpool(
        op=case.op,
        result=(batch, high, wide, channels),
        size=(int(output[1]), int(output[2])),
        argmax=case.arrays["argmax"].dtype,
        include_batch_in_index=None if flag is None else bool(flag),
        sizes="list" if asked is None else spelling.spelt_shape(asked),
        dtype=case.dtype,
        regime=case.regime,
        seed=case.seed,
    )


def in_blocks(call: Unpool) -> bool:
    """
    Say where argmax lies: each index in a block of its own, as a pool without overlap gives, or anywhere.

    In blocks with an even seed and an image that has room; anywhere, some indices come twice.
    """
    room = call.size[0] >= call.result[1] > 0 and call.size[1] >= call.result[2] > 0
    return room and call.seed % 2 == 0 and call.regime != "ties"


def changes(call: Unpool) -> Iterator[Unpool]:
    """Yield the call with one smaller size, or a simpler argmax."""
    for axis, side in enumerate(call.result):
        for less in smaller(side):
            yield replace(call, result=(*call.result[:axis], less, *call.result[axis + 1 :]))  # type: ignore[arg-type]
    for axis, side in enumerate(call.size):
        for less in smaller(side):
            yield replace(call, size=(less, call.size[1]) if axis == 0 else (call.size[0], less))
    if call.include_batch_in_index:
        yield replace(call, include_batch_in_index=None)
    if call.sizes != "list":
        yield replace(call, sizes="list")
    if call.argmax != "int64":
        yield replace(call, argmax="int64")
