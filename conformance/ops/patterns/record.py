"""The record of pattern."""

from collections.abc import Iterator
from dataclasses import replace

import reference
from conformance.cases import breaks, conditions, demands
from conformance.cases.choices import Choices
from conformance.cases.op import Op
from conformance.cases.values import Demand
from conformance.cases.world import World
from conformance.model import Array, ArraySpec, Case
from conformance.ops.patterns import calls
from conformance.ops.patterns.layer import FUSED
from conformance.ops.patterns.sets import RECORDS, of_pattern
from conformance.targets.tensorflow.routes import ROUTES

__all__ = ["PATTERN"]

# What is classified of the head, and what it is of one that has no such thing.
OF_HEAD = {
    **dict.fromkeys(("padding", "padding ends", "window", "stride", "strides", "stride above window"), ""),
    **dict.fromkeys(("window above image", "image height", "image width", "output height", "output width"), ""),
    "batch": "",
    "channels": "",
    "groups": "1",
    "dilation": "1",
}


def features(case: Case) -> dict[str, str]:
    """Classify a pattern: its head as a call of its own, and its stages."""
    call, head = calls.read(case), calls.head_of(case)
    of_head = RECORDS[head.op].features(head)
    outer = any(sum(ends) for ends in (call.paddings[0], call.paddings[3]))
    usual = list(call.after) == sorted(call.after, key=calls.ORDER.index)
    return {
        **{name: of_head.get(name, otherwise) for name, otherwise in OF_HEAD.items()},
        "first": head.op,
        "padded": "no" if "pad" not in call.stages else "batch or channels" if outer else "rows and columns",
        "pointwise": "no" if not call.mixed else "first" if call.after[0] == calls.MIXING else "later",
        **{name: "yes" if stage in call.after else "no" for name, stage in calls.BETWEEN.items()},
        "activation": next(iter(call.activations), "none"),
        "alpha": "none" if "leaky_relu" not in call.after else "default" if call.alpha is None else "given",
        "stages": "usual" if usual else "other",
    }


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with one part simpler."""
    return map(calls.written, calls.changes(calls.read(case)))


def varied(case: Case) -> Iterator[Case]:
    """Yield the call with one part other."""
    return map(calls.written, calls.others(calls.read(case)))


def cast(case: Case, dtype: str) -> Case:
    """Return the call in another dtype; broken ones in all of their arrays."""
    given = {name: ArraySpec(spec.shape, calls.parameter(name, dtype)) for name, spec in case.arrays.items()}
    return replace(case, arrays=given)


def arrays(case: Case) -> dict[str, Array]:
    """
    Draw the arrays: on the lattice a sum with its bias and addend is exact; parameters of batch_norm in [0, 1).

    A pointwise convolution adds up such sums, and there its filters are -1, 0 and 1.
    """
    call = calls.read(case)
    several = call.given(calls.MIXING)[-1] if call.mixed else 1
    terms = several * (call.head.terms + 2) + 2  # a bias and an addend, before or after
    factors = demands.products(case.dtype, terms, "input", "filters")
    if "filters" not in case.arrays:
        factors = {"input": demands.sums(case.dtype, 3 * several)}
    factors["pointwise_filter"] = Demand(largest=1, one_nan_hides_all=True)
    term = Demand(largest=factors["input"].largest)
    parameters = {name: spec for name, spec in case.arrays.items() if name in calls.PARAMETERS}
    others = {name: spec for name, spec in case.arrays.items() if name not in parameters}
    return {
        **demands.arrays(replace(case, arrays=others), {"bias": term, "addend": term, **factors}),
        **demands.arrays(replace(case, arrays=parameters, regime="positive"), {}),
    }


def other_biases(_op: str, choices: Choices) -> Case:
    """Give more or fewer biases than channels."""
    call = choices.aside(calls.drawn, calls.plain)
    case = calls.written(call if "bias_add" in call.after else replace(call, after=("bias_add", *call.after)))
    (count,) = case.arrays["bias"].shape
    wrong = choices.pick((count + 1, count - 1, 1, 0, 8 * count))
    return breaks.elsewhere(case, bias=ArraySpec((wrong if wrong != count else count + 2,), case.dtype))


PATTERN = Op(
    name="pattern",
    reference=reference.pattern,
    operands={
        "input": "image",
        "filters": "filters",
        "pointwise_filter": "filters",
        "bias": "tensor",
        "addend": "image",
        **dict.fromkeys(calls.PARAMETERS, "tensor"),
    },
    dtypes=calls.DTYPES,
    pairs=False,
    options=("data_format", "dilations", "alpha"),
    valid=calls.valid,
    world=World(parts=lambda _: {}, call=calls.written),  # the heads have worlds of their own
    breaks={"pattern.R1": (other_biases,)},
    meanings={"pattern.R2": (conditions.SPECIAL,)},
    features=features,
    simpler=simpler,
    varied=varied,
    cast=cast,
    arrays=arrays,
    allowed=of_pattern,
    at_layer=FUSED,
    sparse=4,
    tensorflow=ROUTES["pattern"],
)
