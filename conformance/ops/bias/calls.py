"""Calls of bias_add and its gradient."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from conformance.cases import sizes
from conformance.cases.choices import Choices
from conformance.cases.regimes import COMMON, FLOATS, INTEGERS, UNSIGNED, regime
from conformance.cases.sizes import DATA, at_most, smaller
from conformance.model import ArraySpec, Case, Json

__all__ = ["DTYPES", "FORMATS", "Addition", "changes", "of_shape", "plain", "read", "valid", "written"]

DTYPES = (*FLOATS, *FLOATS, *INTEGERS, *UNSIGNED)
# Of shapes: "deep" are the rows that a gradient adds up.
KINDS = (*("ordinary",) * 25, *("",) * 12, *("deep",) * 6, *("wide",) * 4, "empty", "nothing", "long")
SIDES = (1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65)
DEEP = (257, 1025, 2049, 4099, 8193)  # sums past what 16-bit dtypes count, and past vectors and blocks
RANKS = (2, 3, 4, 4, 4, 5)
# How a layout is spelt, by op; None leaves the argument out.
FORMATS: dict[str, dict[str, tuple[str | None, ...]]] = {
    "bias_add": {"NHWC": (None, None, "NHWC", "NWC", "NDHWC", "N...C"), "NCHW": ("NCHW", "NCHW", "NCDHW", "NC...")},
    "bias_add_grad": {"NHWC": (None, "NHWC"), "NCHW": ("NCHW",)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A value, or the gradient of one, to whose channels a bias is added."""

    op: str
    shape: tuple[int, ...]  # N, ..., C, whatever the layout
    data_format: str | None  # None: left out
    dtype: str
    regime: str
    seed: int

    @property
    def first(self) -> bool:
        """Whether channels come second."""
        return (self.data_format or "").startswith("NC")

    @property
    def placed(self) -> tuple[int, ...]:
        """The shape in the layout of the call."""
        n, *inner, channels = self.shape
        return (n, channels, *inner) if self.first else self.shape

    @property
    def rows(self) -> int:
        """The elements of a channel."""
        return prod(self.shape[:-1])


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call."""
    kind = choices.pick(KINDS)
    return written(of_shape(op, choices, _shape(choices, kind), COMMON if kind == "ordinary" else DTYPES))


def of_shape(op: str, choices: Choices, shape: tuple[int, ...], dtypes: tuple[str, ...] = DTYPES) -> Addition:
    """Draw a valid call with a value of this shape."""
    layout = choices.pick(("NHWC", "NHWC", "NCHW")) if len(shape) > 2 else "NHWC"
    dtype = choices.pick(dtypes)
    return Addition(
        op=op,
        shape=shape,
        data_format=choices.pick(FORMATS[op][layout]),
        dtype=dtype,
        regime=regime(choices, dtype),
        seed=choices.integer(0, sizes.LARGEST),
    )


def plain(op: str) -> Addition:
    """Return an ordinary call: two images of 3 x 4 and two channels in float32."""
    data_format = FORMATS[op]["NHWC"][0]
    return Addition(op=op, shape=(2, 3, 4, 2), data_format=data_format, dtype="float32", regime="lattice", seed=0)


def _shape(choices: Choices, kind: str) -> tuple[int, ...]:
    """Draw the shape of a value, channels last."""
    rank = choices.pick(RANKS)
    if kind == "ordinary":
        return tuple(choices.integer(1, 10 if rank < 5 else 5) for _ in range(rank))
    most = choices.pick((2**6, 2**9, 2**12, DATA))
    long = {"deep": DEEP, "wide": sizes.WIDE, "long": sizes.PAST_16_BITS}.get(kind)
    sides = [choices.pick(long)] if long else []
    for _ in range(rank - len(sides)):
        side = choices.pick(at_most(SIDES, max(most // max(prod(sides), 1), 1)))
        sides.append(side)
    if kind == "wide" or (kind == "long" and choices.chance(50)):
        sides.reverse()
    if kind in ("empty", "nothing"):
        sides[-1 if kind == "nothing" else choices.integer(0, rank - 2)] = 0
    return tuple(sides)


def written(call: Addition) -> Case:
    """Return the call."""
    attributes: dict[str, Json] = {} if call.data_format is None else {"data_format": call.data_format}
    arrays = {"value": ArraySpec(call.placed, call.dtype), "bias": ArraySpec(call.shape[-1:], call.dtype)}
    if call.op == "bias_add_grad":
        arrays = {"out_backprop": arrays["value"]}
    return Case(op=call.op, arrays=arrays, attributes=attributes, regime=call.regime, seed=call.seed)


def read(case: Case) -> Addition:
    """Return the parts of a valid call: the inverse of `written`."""
    given = case.attributes.get("data_format")
    shape = next(iter(case.arrays.values())).shape
    data_format = None if given is None else str(given)
    if (data_format or "").startswith("NC"):
        shape = (shape[0], *shape[2:], shape[1])
    return Addition(
        op=case.op, shape=shape, data_format=data_format, dtype=case.dtype, regime=case.regime, seed=case.seed
    )


def changes(call: Addition) -> Iterator[Addition]:
    """Yield the call with a simpler shape or layout."""
    if call.data_format is not None:
        yield replace(call, data_format=None)
        yield replace(call, data_format="NCHW" if call.first else "NHWC")
    least = 3 if call.first else 2
    if len(call.shape) > least:
        yield replace(call, shape=(call.rows, *[1] * (least - 2), call.shape[-1]))
        yield replace(call, shape=call.shape[1:])
    for axis, side in enumerate(call.shape):
        for less in smaller(side):
            yield replace(call, shape=(*call.shape[:axis], less, *call.shape[axis + 1 :]))
