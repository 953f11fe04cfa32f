"""Calls of pattern: a convolution or pool, the head, with what stands before it and after it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from conformance.cases.choices import Choices
from conformance.cases.regimes import regime
from conformance.cases.sizes import PADDINGS, smaller
from conformance.cases.spelling import Spelling, arranged, layout_of, nhwc
from conformance.model import ArraySpec, Case, Json
from conformance.ops import sliding
from conformance.ops.convolutions import calls as convolutions
from conformance.ops.convolutions import forms
from conformance.ops.convolutions.forms import Convolution
from conformance.ops.pools import calls as pools
from conformance.ops.pools.calls import Pool
from reference.activations import ACTIVATIONS
from reference.ops.pattern import HEADS, STAGES

__all__ = [
    "BETWEEN",
    "DTYPES",
    "MIXING",
    "ORDER",
    "PARAMETERS",
    "Pattern",
    "changes",
    "drawn",
    "head_of",
    "others",
    "parameter",
    "plain",
    "read",
    "valid",
    "written",
]

Head: TypeAlias = Convolution | Pool
Ends: TypeAlias = tuple[tuple[int, int], ...]  # before and after, of N, H, W and C

DTYPES = ("float32", "float32", "float32", "bfloat16", "float16", "float64")
DRAWN = (*("conv2d",) * 6, *("depthwise_conv2d",) * 3, "conv2d_transpose", "max_pool")
PADDED = ("conv2d", "depthwise_conv2d", "max_pool")  # heads that pad stands before
BUDGETS = (2**9, 2**11, 2**13)  # multiplications
NOTHING: Ends = ((0, 0),) * 4
PARAMETERS = STAGES["batch_norm"].needs
ORDER = tuple(STAGES)
BETWEEN = {"bias": "bias_add", "normalised": "batch_norm", "addend": "add"}  # by feature
MIXING = "pointwise_conv2d"
MIXED = (1, 2, 3, 4, 8)  # channels that it gives
SLOPES = (None, 0.1, 0.01, 0.5, 2.0)  # alpha; None leaves it out


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One call of pattern."""

    head: Head  # of the padded image
    paddings: Ends
    after: tuple[str, ...]  # stages
    alpha: float | None  # None: left out
    mixed: int = 0  # channels that the pointwise convolution gives; 0: there is none

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages."""
        return (*(("pad",) if self.paddings != NOTHING else ()), self.head.op, *self.after)

    @property
    def activations(self) -> tuple[str, ...]:
        """Those of its stages that are activations."""
        return tuple(name for name in self.after if name in ACTIVATIONS)

    @property
    def transposed(self) -> bool:
        """Whether the head computes the image of the convolution behind it."""
        return isinstance(self.head, Convolution) and self.head.form.computed == "image"

    @property
    def whole(self) -> tuple[int, ...]:
        """The padded image: [N, H, W, C]."""
        return self.head.result if self.transposed else self.head.image

    @property
    def image(self) -> tuple[int, ...]:
        """The image before it is padded."""
        return tuple(size - sum(ends) for size, ends in zip(self.whole, self.paddings, strict=True))

    @property
    def result(self) -> tuple[int, ...]:
        """What the head gives."""
        return self.head.image if self.transposed else self.head.result

    def given(self, stage: str) -> tuple[int, ...]:
        """What a stage after the head is given: [N, H, W, C]."""
        before = self.after[: self.after.index(stage)] if stage in self.after else ()
        return (*self.result[:-1], self.mixed) if MIXING in before else self.result


def valid(choices: Choices) -> Case:
    """Draw a valid call."""
    return written(drawn(choices))


def drawn(choices: Choices) -> Pattern:
    """Draw the parts of a valid call."""
    head = _head(choices, choices.pick(DRAWN))
    paddings = NOTHING
    if head.op in PADDED and choices.chance(25):
        head, paddings = _padded(choices, head)
    after = _after(choices, 60 if head.op == "depthwise_conv2d" else 5)
    alpha = choices.pick(SLOPES) if "leaky_relu" in after else None
    mixed = choices.pick(MIXED) if MIXING in after else 0
    return Pattern(head=head, paddings=paddings, after=after, alpha=alpha, mixed=mixed)


def _head(choices: Choices, op: str) -> Head:
    """Draw the convolution or pool."""
    drawn: Head
    if op != "max_pool" and choices.chance(5):
        drawn = convolutions.real(op, choices)
    else:
        draw = pools.within if op == "max_pool" else convolutions.within
        kind = choices.pick(("ordinary", "ordinary", "ordinary", ""))
        drawn = draw(op, choices, choices.pick(PADDINGS), choices.pick(BUDGETS), kind, whole=True)
    dtype = choices.pick(DTYPES)
    layout = choices.pick(("absent", "NHWC", "absent", "NCHW"))
    words = Spelling(data_format=layout, strides="four", window="two", sizes="list")
    return replace(drawn, dtype=dtype, regime=regime(choices, dtype), spelling=words)


def _padded(choices: Choices, head: Head) -> tuple[Head, Ends]:
    """Draw padding before the head: its image grows along batch and channels, along the others it has room or not."""
    batch, channels = (choices.pick(((0, 0), (0, 0), (1, 0), (0, 2))) for _ in range(2))
    rows, columns = (choices.pick(_fitting(axis.size)) for axis in (head.rows, head.columns))
    if isinstance(head, Pool):
        grown: Head = replace(head, batch=head.batch + sum(batch), channels=head.channels + sum(channels))
    else:
        channels = channels if head.groups == 1 and not head.form.depthwise else (0, 0)
        grown = replace(head, lead=(head.lead[0] + sum(batch),), depth=head.depth + sum(channels))
    return grown, (batch, rows, columns, channels)


def _fitting(size: int) -> tuple[tuple[int, int], ...]:
    """Return the paddings that leave something of an axis of this size."""
    return tuple(ends for ends in ((0, 0), (1, 1), (2, 0), (0, 3)) if sum(ends) < size)


def _after(choices: Choices, mixing: int) -> tuple[str, ...]:
    """Draw the stages after the head: mostly as optimisers look for them; mixing: percent of pointwise convolutions."""
    shares = {MIXING: mixing, "bias_add": 85, "batch_norm": 15, "add": 25}
    after = [name for name, percent in shares.items() if choices.chance(percent)]
    activation = choices.pick(("", *ACTIVATIONS))
    after += [activation] if activation else []
    return tuple(after[1:] + after[:1] if choices.chance(8) else after)


def plain() -> Pattern:
    """Return an ordinary call: a convolution, a bias and relu."""
    return Pattern(head=convolutions.plain("conv2d", "VALID"), paddings=NOTHING, after=("bias_add", "relu"), alpha=None)


def written(call: Pattern) -> Case:
    """Return the call."""
    layout, dtype = call.head.spelling.layout, call.head.dtype
    head = _case(call.head)
    shapes = {
        "filters": call.head.filters if isinstance(call.head, Convolution) else (),
        "pointwise_filter": (1, 1, call.given(MIXING)[-1], call.mixed),
        "bias": call.given("bias_add")[-1:],
        "addend": arranged(call.given("add"), layout),
        **dict.fromkeys(PARAMETERS, call.given("batch_norm")[-1:]),
    }
    needed = [name for stage in call.stages for name in STAGES[stage].needs if name in shapes]
    arrays = {"input": ArraySpec(arranged(call.image, layout), dtype)}
    arrays |= {name: ArraySpec(shapes[name], parameter(name, dtype)) for name in needed}
    attributes: dict[str, Json] = {"stages": list(call.stages), **head.attributes}
    if call.paddings != NOTHING:
        pairs = [list[Json](ends) for ends in call.paddings]
        attributes["paddings"] = [*pairs] if layout == "NHWC" else [pairs[0], pairs[3], pairs[1], pairs[2]]
    if call.alpha is not None:
        attributes["alpha"] = call.alpha
    return Case(op="pattern", arrays=arrays, attributes=attributes, regime=call.head.regime, seed=call.head.seed)


def parameter(name: str, dtype: str) -> str:
    """Return the dtype of an array of a call in this dtype."""
    return "float32" if name in PARAMETERS and dtype != "float64" else dtype


def _case(head: Head) -> Case:
    """Return the head as a call of its own."""
    return forms.written(head) if isinstance(head, Convolution) else pools.written(head)


def read(case: Case) -> Pattern:
    """Return the parts of a valid call: the inverse of `written`."""
    names: Any = case.attributes["stages"]
    paddings, alpha = _paddings(case), case.attributes.get("alpha")
    head = head_of(case)
    return Pattern(
        head=pools.read(head) if head.op == "max_pool" else forms.read(head),
        paddings=paddings,
        after=tuple(names[names.index(head.op) + 1 :]),
        alpha=None if alpha is None else float(str(alpha)),
        mixed=case.arrays["pointwise_filter"].shape[3] if MIXING in names else 0,
    )


def _paddings(case: Case) -> Ends:
    """Return the padding before the head, of N, H, W and C."""
    pairs: Any = case.attributes.get("paddings", NOTHING)
    order = (0, 1, 2, 3) if layout_of(case.attributes) == "NHWC" else (0, 2, 3, 1)
    return tuple((pairs[place][0], pairs[place][1]) for place in order)


def head_of(case: Case) -> Case:
    """Return the head of a valid call as a call of its own, of the padded image."""
    names: Any = case.attributes["stages"]
    op, layout = next(name for name in names if name in HEADS), layout_of(case.attributes)
    image = nhwc(case.arrays["input"].shape, layout)
    whole = tuple(size + sum(ends) for size, ends in zip(image, _paddings(case), strict=True))
    arrays = {"input": ArraySpec(arranged(whole, layout), case.dtype)}
    if "filters" in case.arrays:
        arrays["filter" if op == "depthwise_conv2d" else "filters"] = case.arrays["filters"]
    attributes = {name: value for name, value in case.attributes.items() if name in STAGES[op].arguments}
    return Case(op=op, arrays=arrays, attributes=attributes, regime=case.regime, seed=case.seed)


def changes(call: Pattern) -> Iterator[Pattern]:
    """Yield the call with a stage less, less padding, the usual order, or a simpler head."""
    for place in range(len(call.after)):
        yield _with(call, (*call.after[:place], *call.after[place + 1 :]))
    if call.paddings != NOTHING:
        yield replace(call, paddings=NOTHING)
        yield from (replace(call, paddings=less) for less in _less(call.paddings))
    yield _with(call, tuple(sorted(call.after, key=ORDER.index)))
    if call.alpha is not None:
        yield replace(call, alpha=None)
    yield from (replace(call, mixed=size) for size in smaller(call.mixed))
    yield from _fit(replace(call, head=head) for head in _simpler(call.head))


def _simpler(head: Any) -> Iterator[Head]:  # noqa: ANN401 -- a convolution or a pool
    """Yield the head with one part simpler, nothing being empty."""
    parts = pools.changes if isinstance(head, Pool) else forms.changes
    return sliding.possible((*sliding.along(head), *parts(head)), _has_all)


def _varied(head: Any) -> Iterator[Head]:  # noqa: ANN401 -- a convolution or a pool
    """Yield the head in the other layout, and with other strides and sizes."""
    return sliding.possible((sliding.other_layout(head), *sliding.other_sizes(head, "stride")), _has_all)


def _has_all(head: Head) -> bool:
    """Return whether neither image nor result is empty."""
    return min(*head.image, *head.result) > 0


def others(call: Pattern) -> Iterator[Pattern]:
    """Yield the call with a stage more or another one, in the other layout, and with other windows."""
    kept = tuple(name for name in call.after if name not in ACTIVATIONS)
    yield from (_with(call, (*kept, name)) for name in ACTIVATIONS if name not in call.after)
    if "bias_add" not in call.after:
        yield _with(call, ("bias_add", *call.after))
    if "add" not in call.after:
        yield _with(call, (*kept, "add", *call.activations))
    if MIXING not in call.after:
        yield replace(_with(call, (MIXING, *call.after)), mixed=call.result[-1])
    yield from _fit(replace(call, head=head) for head in _varied(call.head))


def _with(call: Pattern, after: tuple[str, ...]) -> Pattern:
    """Return the call with other stages after its head."""
    alpha, mixed = call.alpha if "leaky_relu" in after else None, call.mixed if MIXING in after else 0
    return replace(call, after=after, alpha=alpha, mixed=mixed)


def _less(paddings: Ends) -> Iterator[Ends]:
    """Yield the padding with less at one end."""
    for axis, end in ((axis, end) for axis in range(4) for end in range(2)):
        for size in (0, *smaller(paddings[axis][end])) if paddings[axis][end] else ():
            pair = (size, paddings[axis][1]) if end == 0 else (paddings[axis][0], size)
            yield (*paddings[:axis], pair, *paddings[axis + 1 :])


def _fit(several: Iterator[Pattern]) -> Iterator[Pattern]:
    """Yield the calls whose padding leaves something of the image."""
    return (call for call in several if min(call.image) > 0)
