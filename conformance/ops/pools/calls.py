"""Calls of the pools, their gradients and avg_unpool: each is given by a forward pool."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from conformance.cases import sizes, spelling
from conformance.cases.choices import Choices
from conformance.cases.layers import POOLS, Layer
from conformance.cases.regimes import COMMON, FLOATS, INTEGERS, UNSIGNED, regime
from conformance.cases.sizes import DATA, at_most, smaller
from conformance.cases.spelling import Spelling, arranged, nhwc
from conformance.model import ArraySpec, Case, Json
from reference.checks import padding_pairs, spatial
from reference.windows import Axis

__all__ = [
    "EXPLICIT",
    "SHAPES",
    "Pool",
    "between_channels",
    "changes",
    "dtypes",
    "of_layer",
    "plain",
    "read",
    "takes",
    "valid",
    "within",
    "written",
]

EXPLICIT = ("max_pool", "max_pool_grad", "max_pool_grad_grad")  # the ops that take explicit padding
# Which side is long in a kind.
LONG = {
    "batch": ("batch", sizes.MANY),
    "wide": ("channels", sizes.WIDE),
    "large": ("channels", sizes.WINDOWS_OF["large"]),
    "past 16 bits": ("either", sizes.PAST_16_BITS),
}
SHAPES = {"avg_pool_grad": "orig_input_shape", "avg_unpool": "output_shape"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The forward pool behind a call, and how the call is spelt."""

    op: str
    batch: int
    rows: Axis
    columns: Axis
    padding: str  # SAME, VALID or EXPLICIT
    channels: int
    between: int  # channels of a window; above 1, rows and columns have windows of 1
    output_dtype: str  # of an argmax; "" is the default
    include_batch_in_index: bool
    dtype: str
    spelling: Spelling
    regime: str
    seed: int

    @property
    def image(self) -> tuple[int, int, int, int]:
        """The image: [N, H, W, C]."""
        return (self.batch, self.rows.size, self.columns.size, self.channels)

    @property
    def result(self) -> tuple[int, int, int, int]:
        """The result of the forward pool: [N, OH, OW, OC]."""
        return (self.batch, self.rows.out, self.columns.out, self.channels // self.between)

    @property
    def terms(self) -> int:
        """The elements of a window."""
        return self.rows.taps * self.columns.taps * self.between


def dtypes(op: str) -> tuple[str, ...]:
    """Return the dtypes of an op, the common ones more than once."""
    if op.startswith("avg"):
        return FLOATS
    return (*FLOATS, *INTEGERS) if op == "max_pool" else (*FLOATS, *INTEGERS, *UNSIGNED)


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call."""
    return written(drawn(op, choices))


def drawn(op: str, choices: Choices) -> Pool:
    """Draw a forward pool."""
    kind = choices.pick(sizes.KINDS)
    if kind == "layer":
        return _at(op, choices.pick(POOLS), choices)
    if op == "max_pool" and kind == "" and choices.chance(50):
        return between_channels(choices)
    padding = choices.pick(sizes.PADDINGS if op in EXPLICIT else sizes.PADDINGS[:-1])
    return within(op, choices, padding, choices.pick(sizes.BUDGETS), kind)


def within(op: str, choices: Choices, padding: str, budget: int, kind: str = "", *, whole: bool = False) -> Pool:
    """
    Draw a forward pool with this padding, of at most so many elements of windows.

    kind: one of `sizes.KINDS`. whole: nothing is empty.
    """
    whole = whole or op == "max_pool_with_argmax"
    numbers = _numbers(op, choices, kind)
    long, counts = LONG.get(kind, ("", (1,)))
    long = choices.pick(("batch", "channels")) if long == "either" else long
    many = choices.pick(counts)
    tables = sizes.outer(kind)
    budget, data = max(budget, 2**6 * many) // many, DATA // many
    empty = not whole and kind in sizes.MAY_BE_EMPTY
    rows, columns = sizes.axes(choices, padding, budget, kind=kind, pool=True, empty=empty)
    area = max(rows.size * columns.size, rows.out * columns.out, 1)
    spent = max(rows.out * columns.out, 1) * rows.taps * columns.taps
    channels = choices.pick(at_most(tables[0], min(budget // spent, data // area)))
    channels = many if long == "channels" else 0 if not whole and kind == "nothing" else channels
    per_image = max(channels, 1)
    batches = at_most(tables[1], min(budget // (spent * per_image), data // (area * per_image)))
    batch = 0 if not whole and kind == "no batch" else choices.pick(batches)
    batch = many if long == "batch" else batch
    return _pool(op, choices, numbers, (batch, channels), (rows, columns), padding)


def plain(op: str, padding: str) -> Pool:
    """Return an ordinary call: two images of 5x6 in float32, windows of 3x2, four channels."""
    rows, columns = (sizes.lay(padding, size, taps, 1, 1) for size, taps in ((5, 3), (6, 2)))
    return Pool(
        op=op,
        batch=2,
        rows=rows,
        columns=columns,
        padding=padding,
        channels=4,
        between=1,
        output_dtype="",
        include_batch_in_index=False,
        dtype="float32",
        spelling=Spelling(data_format="absent", strides="int", window="two", sizes="list"),
        regime="lattice",
        seed=0,
    )


def between_channels(choices: Choices) -> Pool:
    """Draw a pool between channels."""
    numbers = _numbers("max_pool", choices)
    high, wide = choices.pick(sizes.FEW), choices.pick(sizes.FEW)
    window = choices.pick((2, 3, 4, 5, 8))
    channels = choices.pick(at_most(sizes.FEW, DATA // (high * wide * window)))
    rows, columns = (sizes.lay("VALID", size, 1, 1, 1) for size in (high, wide))
    batch = 0 if choices.chance(2) else choices.pick((1, 1, 2, 3))
    padding = choices.pick(("VALID", "SAME"))
    return _pool("max_pool", choices, numbers, (batch, channels * window), (rows, columns), padding, between=window)


def takes(op: str, layer: Layer) -> bool:
    """Return whether a layer is such a pool: without dilation, and with padding that the op takes."""
    both = (layer.rows, layer.columns)
    if layer.kind != "pool" or any(axis.dilation > 1 for axis in both):
        return False
    short = all(max(axis.before, axis.after) < axis.taps for axis in both)
    return layer.padding != "EXPLICIT" or (op in EXPLICIT and short)


def of_layer(op: str, layer: Layer, choices: Choices) -> Case:
    """Draw a call at a layer that the op takes."""
    return written(_at(op, layer, choices))


def _at(op: str, layer: Layer, choices: Choices) -> Pool:
    """Draw a pool at a layer."""
    outer, along = (layer.batch, layer.channels), (layer.rows, layer.columns)
    return _pool(op, choices, _numbers(op, choices), outer, along, layer.padding)


def _numbers(op: str, choices: Choices, kind: str = "") -> tuple[str, str]:
    """Choose dtype and regime."""
    dtype = choices.pick(COMMON if kind == "ordinary" else dtypes(op))
    return dtype, regime(choices, dtype)


def _pool(
    op: str,
    choices: Choices,
    numbers: tuple[str, str],
    outer: tuple[int, int],
    along: tuple[Axis, Axis],
    padding: str,
    between: int = 1,
) -> Pool:
    """Choose the words of a pool; numbers: dtype and regime, outer: batch and channels."""
    argmax = op == "max_pool_with_argmax"
    rows, columns = along
    dtype, values = numbers
    return Pool(
        op=op,
        batch=outer[0],
        rows=rows,
        columns=columns,
        padding=padding,
        channels=outer[1],
        between=between,
        output_dtype=choices.pick(("", "int64", "int32")) if argmax else "",
        include_batch_in_index=argmax and choices.chance(50),
        dtype=dtype,
        spelling=Spelling(
            data_format=choices.pick(_formats(op, between)),
            strides=spelling.pair_spelling(choices, (rows.stride, columns.stride)),
            window=spelling.pair_spelling(choices, (rows.taps, columns.taps)),
            sizes=spelling.shape_spelling(choices) if op in SHAPES else "list",
        ),
        regime=values,
        seed=choices.integer(0, sizes.LARGEST),
    )


def _formats(op: str, between: int) -> tuple[str, ...]:
    """Return the ways to say the layout."""
    if op == "max_pool_with_argmax":
        return ("absent", "NHWC")
    return ("absent", "NHWC", "none") if between > 1 else ("absent", "NHWC", "none", "NCHW", "NCHW")


def written(call: Pool, **shapes: tuple[int, ...]) -> Case:
    """
    Return the call that this pool is behind.

    shapes: of image or result, where they are to be others than the pool's, which breaks a rule.
    """
    layout = call.spelling.layout
    image, result = (arranged(shapes.get(name, getattr(call, name)), layout) for name in ("image", "result"))
    arrays = {
        "max_pool": {"input": image},
        "max_pool_with_argmax": {"input": image},
        "max_pool_grad": {"orig_input": image, "orig_output": result, "grad": result},
        "max_pool_grad_grad": {"orig_input": image, "orig_output": result, "grad": image},
        "avg_pool": {"input": image},
        "avg_pool_grad": {"grad": result},
        "avg_unpool": {"input": result},
        "avg_unpool_grad": {"grad": image},
    }[call.op]
    return Case(
        op=call.op,
        arrays={name: ArraySpec(shape, call.dtype) for name, shape in arrays.items()},
        attributes=_attributes(call, shapes.get("image", call.image)),
        regime=call.regime,
        seed=call.seed,
    )


def _attributes(call: Pool, image: tuple[int, ...]) -> dict[str, Json]:
    """Return the attributes of the call; image: its shape, where that is an argument."""
    rows, columns, words, layout = call.rows, call.columns, call.spelling, call.spelling.layout
    attributes = spelling.given(
        ksize=spelling.pair((rows.taps, columns.taps), words.window, layout, call.between),
        strides=spelling.pair((rows.stride, columns.stride), words.strides, layout, call.between),
        padding=spelling.padding(call.padding, (rows.before, rows.after), (columns.before, columns.after), layout),
        data_format=spelling.FORMATS[words.data_format],
    )
    if call.output_dtype:
        attributes["output_dtype"] = call.output_dtype
    if call.include_batch_in_index:
        attributes["include_batch_in_index"] = True
    if call.op in SHAPES:
        attributes[SHAPES[call.op]] = spelling.shape(image, words.sizes, layout)
    return attributes


def read(case: Case) -> Pool:
    """Return the pool behind a valid call: the inverse of `written`."""
    layout = spelling.layout_of(case.attributes)
    image = nhwc(_image(case), layout)
    strides, (_, between) = spatial("", "strides", spelling.decoded(case.attributes["strides"]), layout)
    taps = spatial("", "ksize", spelling.decoded(case.attributes["ksize"]), layout)[0]
    pads = padding_pairs("", spelling.decoded(case.attributes["padding"]), layout)
    kind, pairs = (pads, ((0, 0), (0, 0))) if isinstance(pads, str) else ("EXPLICIT", pads)
    rows, columns = (sizes.lay(kind, image[1 + i], taps[i], strides[i], 1, pairs[i]) for i in range(2))
    name = SHAPES.get(case.op)
    return Pool(
        op=case.op,
        batch=image[0],
        rows=rows,
        columns=columns,
        padding=kind,
        channels=image[3],
        between=between,
        output_dtype=str(case.attributes.get("output_dtype", "")),
        include_batch_in_index=bool(case.attributes.get("include_batch_in_index", False)),
        dtype=case.dtype,
        spelling=Spelling(
            data_format=spelling.data_format(case.attributes),
            strides=spelling.spelt_pair(case.attributes, "strides"),
            window=spelling.spelt_pair(case.attributes, "ksize"),
            sizes=spelling.spelt_shape(case.attributes[name]) if name else "list",
        ),
        regime=case.regime,
        seed=case.seed,
    )


def _image(case: Case) -> tuple[int, ...]:
    """Return the shape of the forward pool's image, in the layout of the call."""
    if case.op in SHAPES:
        return tuple(map(int, spelling.decoded(case.attributes[SHAPES[case.op]])))
    return next(iter(case.arrays.values())).shape


def changes(call: Pool) -> Iterator[Pool]:
    """Yield the call with a simpler batch, number of channels or argmax."""
    for batch in smaller(call.batch):
        yield replace(call, batch=batch)
    for windows in smaller(call.channels // call.between):
        yield replace(call, channels=windows * call.between)
    if call.between > 1:
        yield replace(call, between=1)
    if call.include_batch_in_index:
        yield replace(call, include_batch_in_index=False)
    if call.output_dtype:
        yield replace(call, output_dtype="")
