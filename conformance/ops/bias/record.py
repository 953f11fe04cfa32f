"""The records of bias_add and its gradient."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

import reference
from conformance.cases import classes, conditions, demands, regimes
from conformance.cases.op import Arguments, Op, Permits, Shown
from conformance.model import Array, Case
from conformance.ops.bias import breaks, calls, world
from conformance.ops.bias.layer import ADDING, BIAS_GRADIENT
from conformance.ops.sums import always, as_it_is, named, sums
from conformance.sets import Allowed, Results
from conformance.targets.tensorflow.routes import ROUTES
from reference.bounds import Arithmetic, Within, exactly
from reference.engine.exact import SumOfProducts
from reference.floats import format_of
from reference.ops.bias_add import checked, definition
from reference.ops.bias_add_grad import totals

__all__ = ["BIAS_ADD", "BIAS_ADD_GRAD"]

SPELT = {None: "absent", "NHWC": "NHWC", "NCHW": "NCHW"}
WHOLE: conditions.Condition = {"dtype": regimes.INTEGERS + regimes.UNSIGNED}


def features(case: Case) -> dict[str, str]:
    """Classify a value, or the gradient of one."""
    call = calls.read(case)
    return {
        "layout": "NCHW" if call.first else "NHWC",
        "rank": str(len(call.shape)),
        "batch": classes.count(call.shape[0]),
        "channels": classes.channels(call.shape[-1]),
        "terms": classes.terms(call.rows),
        "elements": "0" if 0 in call.shape else classes.terms(call.rows * call.shape[-1]),
        "data_format spelt": SPELT.get(call.data_format, "other"),
    }


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with one part simpler."""
    yield from map(calls.written, calls.changes(calls.read(case)))


def varied(case: Case) -> Iterator[Case]:
    """Yield the call with two images, two and eight channels, one axis more, in the other layout if the rank has it."""
    call = calls.read(case)
    yield calls.written(replace(call, shape=(2, *call.shape[1:])))
    yield from (calls.written(replace(call, shape=(*call.shape[:-1], several))) for several in (2, 8))
    yield calls.written(replace(call, shape=(1, *call.shape)))
    if len(call.shape) > 2:
        yield calls.written(replace(call, data_format="NHWC" if call.first else "NCHW"))


def arrays(terms: Callable[[calls.Addition], int], case: Case) -> dict[str, Array]:
    """Draw the arrays; terms: how many numbers are added up, on the lattice exactly."""
    demand = demands.sums(case.dtype, terms(calls.read(case)))
    return demands.arrays(case, dict.fromkeys(case.arrays, demand))


def of_bias_add(arguments: Arguments) -> Permits:
    """bias_add: the one sum of two numbers, since every processor rounds it right; subnormal numbers may be zero."""
    value, bias, axis = checked(**named({"data_format": None, **arguments}))
    exact = exactly(definition(value, bias, axis))
    if value.dtype.kind in "iu":
        return always(Results((exact,)))
    flushed = either(exact, [definition(one, other, axis) for one in both(value) for other in both(bias)])

    def of(arithmetic: Arithmetic) -> Allowed:
        return Results((flushed if arithmetic.flushes else exact,))

    return of


def both(values: Array) -> tuple[Array, Array]:
    """Return numbers as they are, and with zero for the subnormal ones."""
    tiny = np.abs(values) < values.dtype.type(format_of(values.dtype).smallest_normal)
    return values, np.where(tiny, values.dtype.type(0), values)


def either(exact: Within, results: list[Array]) -> Within:
    """Allow what lies between several results, each with zero for a subnormal one."""
    every = [one for result in results for one in both(result)]
    low, high = exact.value, exact.value
    for one in every:
        low, high = np.fmin(low, one), np.fmax(high, one)
    return replace(exact, low=low, high=high)


def total(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return bias_add_grad as a sum."""
    return totals(**named(arguments)), as_it_is


def of_gradient(arguments: Arguments) -> Permits:
    """bias_add_grad: a sum, of any number of elements."""
    call, shown = total(arguments)
    return sums(call, shown, "bias_add_grad.R6", empty=False)


BIAS_ADD = Op(
    name="bias_add",
    reference=reference.bias_add,
    operands={"value": "tensor", "bias": "tensor"},
    result="tensor",
    image=False,
    dtypes=calls.DTYPES,
    options=("data_format",),
    valid=partial(calls.valid, "bias_add"),
    world=world.of("bias_add"),
    breaks=breaks.BREAKS["bias_add"],
    meanings={
        "bias_add.R5": (conditions.SPECIAL,),
        "bias_add.R6": (WHOLE,),
        "bias_add.R7": ({"elements": ("0",)},),
    },
    features=features,
    simpler=simpler,
    varied=varied,
    cast=regimes.cast,
    arrays=partial(arrays, lambda _: 2),
    allowed=of_bias_add,
    at_layer=ADDING,
    tensorflow=ROUTES["bias_add"],
)

BIAS_ADD_GRAD = replace(
    BIAS_ADD,
    name="bias_add_grad",
    reference=reference.bias_add_grad,
    gradient=True,
    operands={"out_backprop": "tensor"},
    valid=partial(calls.valid, "bias_add_grad"),
    world=world.of("bias_add_grad"),
    breaks=breaks.BREAKS["bias_add_grad"],
    meanings={
        "bias_add_grad.R4": (conditions.SPECIAL,),
        "bias_add_grad.R5": (WHOLE,),
        "bias_add_grad.R6": ({"elements": ("0",)},),
    },
    arrays=partial(arrays, lambda call: call.rows),
    allowed=of_gradient,
    sum=total,
    at_layer=BIAS_GRADIENT,
    tensorflow=ROUTES["bias_add_grad"],
)
