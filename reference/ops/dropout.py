"""
Dropout: setting elements to zero at random and scaling the others, so that the expected value stays.

`general_dropout` takes the source of uniform numbers as an argument; `dropout` and `stateless_dropout` are it with two
sources. `possible` is what must hold whatever the source.

Source: TensorFlow 2.21.0, python/ops/nn_ops.py, _dropout; Srivastava et al., Dropout, JMLR 15, 2014.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from reference.checks import check_rank
from reference.errors import Fault, SpecError, shown
from reference.floats import FORMATS, Array, format_of, one_nan, round_to
from reference.random_bits import stateful_uniform, stateless_uniform
from reference.reading import read_array, whole_numbers

__all__ = [
    "NoiseShape",
    "Possible",
    "Rate",
    "Sampler",
    "definition",
    "dropout",
    "general_dropout",
    "is_number",
    "keeps",
    "kept_mask",
    "kept_shares",
    "possible",
    "read",
    "scaled",
    "stateless_dropout",
]

Rate: TypeAlias = float | np.floating[Any] | Array  # a number, or a 0-d array: a tensor
NoiseShape: TypeAlias = Sequence[int | None] | None
Sampler: TypeAlias = Callable[[tuple[int, ...], np.dtype[Any]], Array]


def general_dropout(
    x: Array,
    rate: Rate,
    uniform_sampler: Sampler,
    noise_shape: NoiseShape = None,
    name: str | None = None,  # noqa: ARG001 -- TensorFlow's argument
) -> Array:
    """
    Drop the elements of x whose uniform number is below rate, and scale the others.

        out = where(u >= rate, x * scale, +0)      u = uniform_sampler(noise_shape, dtype of x), broadcast to x's shape

    Shapes:
        x any -> out the same, of the same dtype. noise_shape None: x's shape.

    Rounding:
        scale = 1 / (1 - rate) in float64 (or in a NumPy number's own precision), rounded once to x's dtype; x * scale
        is rounded once. For a rate that is an array x / (1 - rate), the difference and the quotient each rounded once.
        To nearest, ties to even, gradually to zero, beyond the largest number to infinity. A NaN is the positive quiet
        one without payload; any NaN conforms, and so does zero where x or the result is subnormal.

    Rules:
        dropout.R1   x is float16, bfloat16, float32 or float64.
        dropout.R2   rate is a real number with 0 <= rate < 1 (NaN is not), or a 0-d array, which stands for a tensor.
        dropout.R3   A rate that is an array has x's dtype.
        dropout.R4   The value of a rate that is an array is not looked at: all are dropped for 1, more and NaN, and
                     none below 0. TensorFlow's documentation says that such values are refused: open.
        dropout.R5   A number 0 gives x itself; neither noise_shape nor seed is looked at.
        dropout.R6   noise_shape holds integers of at least 0, or None for x's size where it is as long as x's shape.
        dropout.R7   noise_shape broadcasts to x's shape, so that out has x's shape.
        dropout.R8   An element is kept where u >= rate, rate rounded once to x's dtype: u equal to rate is kept.
        dropout.R9   A dropped element is +0 whatever it was, NaN and infinity included; a kept -0 stays -0.
        dropout.R10  One number decides along each axis where noise_shape has 1 or nothing.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: tf.nn.experimental.general_dropout. TensorFlow 2.21.0 itself rounds a Python float to bfloat16, and eagerly
    to float16, by way of float32, which is twice.
    """
    x, rate = read(x, "x", rate)
    if is_number(rate) and rate == 0:
        return x
    return definition(x, rate, uniform_sampler(_noise_shape(x.shape, noise_shape), x.dtype))


def definition(x: Array, rate: Rate, uniform: Array) -> Array:
    """Scale the elements whose uniform number is at least rate, drop the others; uniform broadcasts to x's shape."""
    return one_nan(np.where(keeps(uniform, rate), scaled(x, rate), x.dtype.type(0)))


def dropout(
    x: Array,
    rate: Rate,
    noise_shape: NoiseShape = None,
    seed: int | None = None,
    name: str | None = None,
    *,
    global_seed: int | None = None,
) -> Array:
    """
    Do what the first tf.nn.dropout(x, rate, noise_shape, seed) does after tf.random.set_seed(global_seed).

    Rules are those of `general_dropout`, and:
        dropout.R11  Given global_seed or seed, integers, u is `stateful_uniform`, bit for bit.
        dropout.R12  Given neither, every mask conforms; the one returned comes from the operating system.

    global_seed is no argument in TensorFlow, where tf.random.set_seed sets it. In tf.function the first op without a
    seed draws as with seed=0. XLA heeds neither seed.

    Later draws are not specified. In TensorFlow 2.21.0 a later call with the same seeds and dtype goes on in the
    sequence, 256 blocks of Philox further for each element drawn before; without seed it takes the next integer that
    Python's generator draws from global_seed.
    """
    sampler = partial(stateful_uniform, seed=seed, global_seed=global_seed)
    return general_dropout(x, rate, sampler, noise_shape, name)


def stateless_dropout(
    x: Array,
    rate: Rate,
    seed: Sequence[int] | Array,
    rng_alg: str | int | None = "auto_select",
    noise_shape: NoiseShape = None,
    name: str | None = None,
    *,
    compiled: bool = False,
) -> Array:
    """
    Drop elements by a given seed: the same seed, shape and dtype give the same mask always.

        out = where(u >= rate, x * scale, +0)      u = stateless_uniform(noise_shape, dtype of x, seed), broadcast

    x, rate and noise_shape are held to dropout's rules: x is float16, bfloat16, float32 or float64 (dropout.R1); rate
    is a real number with 0 <= rate < 1, or a 0-d array (dropout.R2) of x's dtype (dropout.R3), whose value is not
    looked at (dropout.R4); a number 0 gives x itself (dropout.R5); noise_shape holds integers of at least 0, or None
    for x's size (dropout.R6), and broadcasts to x's shape (dropout.R7). An element is kept where u >= rate, rate
    rounded once to x's dtype (dropout.R8); a dropped one is +0 whatever it was, a kept -0 stays -0 (dropout.R9); one
    number decides along each axis where noise_shape has 1 or nothing (dropout.R10).

    Shapes:
        x any -> out the same, of the same dtype. noise_shape None: x's shape.

    Rounding:
        scale = 1 / (1 - rate) in float64 (or in a NumPy number's own precision), rounded once to x's dtype; x * scale
        is rounded once. For a rate that is an array x / (1 - rate), the difference and the quotient each rounded once.
        A NaN is the positive quiet one without payload; any NaN conforms, and so does zero where x or the result is
        subnormal.

    Rules:
        stateless_dropout.R1  seed holds two integers of at most 64 bits.
        stateless_dropout.R2  rng_alg is "philox", "threefry" or "auto_select" (case, - and _ do not count), or 1, 2, 3,
                              or None, which is auto_select. compiled is True or False.
        stateless_dropout.R3  u is `stateless_uniform`, bit for bit. auto_select is philox.

    compiled: as XLA does, whose numbers differ. That is open for auto_select, where TensorFlow's documentation says
    that they depend on the device; it does not say so of philox, where XLA takes the highest bits of a word and kernels
    the lowest. threefry runs in XLA only, and is the same either way.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: tf.nn.experimental.stateless_dropout.
    """
    sampler = partial(stateless_uniform, seed=seed, rng_alg=rng_alg, compiled=compiled)
    return general_dropout(x, rate, sampler, noise_shape, name)


def scaled(x: Array, rate: Rate) -> Array:
    """
    Return what x becomes where it is kept: x * scale, or x / (1 - rate) for a rate that is an array.

    16-bit results are taken in float32 and rounded, which is the same as rounding once: float32 has 24 bits, two more
    than twice the 11 of float16.

    >>> scaled(np.array([3.0], np.float32), 0.75)
    array([12.], dtype=float32)
    """
    with np.errstate(all="ignore"):
        if not is_number(rate):
            return np.asarray(x / (x.dtype.type(1) - rate))
        one = type(rate)(1)  # NumPy before 2 leaves the rate's precision for that of Python's 1
        return np.asarray(x * round_to(np.asarray(one / (one - rate), np.float64), format_of(x.dtype)))


def keeps(uniform: Array, rate: Rate) -> Array:
    """
    Say which uniform numbers keep an element: those not below rate, rounded once to their dtype.

    >>> keeps(np.array([0.0, 0.25, 0.5], np.float32), 0.25)
    array([False,  True,  True])
    """
    bound = round_to(np.asarray(rate, np.float64), format_of(uniform.dtype))
    with np.errstate(invalid="ignore"):
        return np.asarray(uniform >= bound)


def kept_mask(x: Array, rate: Rate, uniform_sampler: Sampler, noise_shape: NoiseShape = None) -> Array:
    """Return which elements of x dropout keeps: booleans of x's shape. Rules R6 to R8 of `general_dropout`."""
    uniform = uniform_sampler(_noise_shape(x.shape, noise_shape), x.dtype)
    return np.asarray(np.broadcast_to(keeps(uniform, rate), x.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """
    What an observed result says about a mask nobody knows.

    A cell is what one uniform number decides: the elements that share it along the axes that noise_shape broadcasts.
    """

    kept: Array  # bool, noise_shape with x's rank: every element of the cell may have been kept
    dropped: Array  # bool, likewise: every element of the cell may have been dropped
    allowed: Array  # bool, x's shape: the element lies in a cell that was kept or dropped, as a whole
    ambiguous: Array  # bool, as kept: the cell need not tell, since kept it may be zeros; leave it out when counting


def possible(x: Array, rate: Rate, noise_shape: NoiseShape, observed: Array) -> Possible:
    """
    Judge a result of dropout that any generator may have made.

    It conforms where it is exactly scaled(x, rate), or exactly +0; all elements of a cell alike (R10); none dropped
    where rate is 0 or less, none kept where it is 1 or more or NaN, as every uniform number lies in [0, 1). Kept NaN
    are NaN of any kind, kept zeros have any sign; a kept subnormal, of x or of the result, may be 0: some processors
    flush them.

    Shapes:
        observed has x's shape and dtype.
    """
    x, rate = read(x, "x", rate)
    value = scaled(x, rate) if not (is_number(rate) and rate == 0) else x
    tiny = format_of(x.dtype).smallest_normal
    mute = (np.abs(x) < tiny) | (np.abs(value) < tiny)  # whatever came: else the dropped ones would be left out alone
    flushed = mute & (observed == 0)
    same = (observed == value) | (np.isnan(observed) & np.isnan(value)) | flushed
    zero = (observed == 0) & ~np.signbit(observed)
    sizes = _noise_shape(x.shape, noise_shape)
    shared = tuple(axis for axis, size in enumerate((1,) * (x.ndim - len(sizes)) + sizes) if size == 1)
    bound = float(rate)
    kept = np.all(same, axis=shared, keepdims=True) & (bound < 1)
    dropped = np.all(zero, axis=shared, keepdims=True) & (not bound <= 0)
    ambiguous = np.all(mute, axis=shared, keepdims=True)
    allowed = np.asarray(np.broadcast_to(kept | dropped, x.shape))
    return Possible(kept=kept, dropped=dropped, allowed=allowed, ambiguous=ambiguous)


def kept_shares(rate: Rate, dtype: np.dtype[Any]) -> tuple[float, ...]:
    """
    Return which share of its elements a fair generator may keep: 1 - rate, or what the uniform numbers make of it.

    TensorFlow's uniform numbers have one bit less than the dtype's precision, 7 for bfloat16: of 128 different ones,
    none or one lies below 0.001.

    >>> kept_shares(0.001, np.dtype("float16"))
    (0.999, 0.998046875)
    """
    fmt = format_of(dtype)
    numbers = 2 ** (fmt.precision - 1)
    bound = float(np.clip(round_to(np.asarray(rate, np.float64), fmt).astype(np.float64), 0, 1))
    return 1 - float(rate), 1 - math.ceil(bound * numbers) / numbers


def is_number(rate: Rate) -> bool:
    """Say whether TensorFlow takes a rate for a number: Python's and NumPy's scalars are, ml_dtypes' are not."""
    return isinstance(rate, (int, float, np.integer, np.floating))


def read(x: Any, name: str, rate: Any) -> tuple[Array, Any]:  # noqa: ANN401 -- whatever the caller was given
    """Return x as an array, and rate as a number or an array without axes: rules R1 to R3."""
    x = read_array("dropout.R1", name, x)
    if x.dtype.name not in FORMATS:
        reason = f"{name} is {x.dtype.name}: only {', '.join(FORMATS)} can be scaled"
        raise SpecError("dropout.R1", reason, values={f"{name}.dtype": x.dtype.name})
    if is_number(rate):
        if not 0 <= rate < 1:
            fault = Fault.RANGE if rate == rate else Fault.NOT_A_NUMBER  # noqa: PLR0124 -- numbers of any type
            raise SpecError("dropout.R2", f"rate is {shown(rate)}, outside [0, 1)", fault=fault, values={"rate": rate})
        return x, rate
    tensor = read_array("dropout.R2", "rate", rate)
    if tensor.ndim or not hasattr(rate, "__array__"):
        reason = f"rate is {shown(rate)}: neither a real number nor a 0-d array"
        raise SpecError("dropout.R2", reason, values={"rate": rate})
    if tensor.dtype != x.dtype:
        reason = f"rate is an array of {tensor.dtype}, {name} of {x.dtype}: they must be the same"
        raise SpecError("dropout.R3", reason, values={"rate.dtype": tensor.dtype.name, f"{name}.dtype": x.dtype.name})
    return x, tensor


def _noise_shape(shape: tuple[int, ...], noise_shape: NoiseShape) -> tuple[int, ...]:
    """Return the shape of the uniform numbers: rules R6 and R7."""
    if noise_shape is None:
        return shape
    entries = _noise_entries(noise_shape)
    if None in entries and len(entries) != len(shape):
        reason = f"noise_shape {entries} has None, but not as many entries as x's shape {list(shape)}"
        raise SpecError("dropout.R6", reason, values={"noise_shape": entries, "x.shape": shape})
    sizes = tuple(shape[axis] if entry is None else entry for axis, entry in enumerate(entries))
    if any(size < 0 for size in sizes):
        raise SpecError(
            "dropout.R6", f"noise_shape {shown(entries)} has a negative size", values={"noise_shape": entries}
        )
    axes = shape[len(shape) - len(sizes) :] if len(sizes) <= len(shape) else ()
    if len(axes) != len(sizes) or any(size not in {1, axis} for size, axis in zip(sizes, axes, strict=True)):
        reason = f"noise_shape {shown(entries)} does not broadcast to x's shape {list(shape)}"
        raise SpecError("dropout.R7", reason, values={"noise_shape": entries, "x.shape": shape})
    return sizes


def _noise_entries(noise_shape: Any) -> list[int | None]:  # noqa: ANN401 -- whatever the caller was given
    """Read a list of integers and None, or an array of integers."""
    if not isinstance(noise_shape, list | tuple):
        check_rank("dropout.R6", "noise_shape", read_array("dropout.R6", "noise_shape", noise_shape).shape, 1)
        return list(whole_numbers("dropout.R6", "noise_shape", noise_shape))
    entries = (
        [entry] if entry is None else whole_numbers("dropout.R6", "noise_shape", [entry]) for entry in noise_shape
    )
    return [entry for (entry,) in entries]
