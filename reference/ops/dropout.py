"""
Dropout: setting elements to zero at random and scaling the others, so that the expected value stays.

`general_dropout` takes the source of uniform numbers as an argument; `dropout` and `stateless_dropout` are it with two
sources. `reference.ops.masks` has what must hold whatever the source.

Source: TensorFlow 2.21.0, python/ops/nn_ops.py, _dropout; Srivastava et al., Dropout, JMLR 15, 2014.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from reference.checks import check_rank
from reference.choices import TENSORFLOW, Alternative, Choices
from reference.errors import Fault, SpecError, shown
from reference.floats import FORMATS, Array, format_of, one_nan, round_to
from reference.random_bits import stateful_uniform, stateless_uniform
from reference.reading import read_array, whole_numbers

__all__ = [
    "CHOICES",
    "NoiseShape",
    "Rate",
    "Sampler",
    "definition",
    "dropout",
    "general_dropout",
    "is_number",
    "keeps",
    "kept_mask",
    "mask_shape",
    "read",
    "scaled",
    "stateless_dropout",
]

CHOICES: Choices = {
    "dropout.R4": (
        Alternative("ignored", "a result", (TENSORFLOW,), "python/ops/nn_ops.py, _dropout"),
        Alternative("refused", "an error", ("TensorFlow's documentation",), "tf.nn.dropout: rate in [0, 1)"),
    ),
    "dropout.R9": (
        Alternative("zero", "0: it is selected", (TENSORFLOW, "JAX"), "python/ops/nn_ops.py, where; jax stax.Dropout"),
        Alternative("NaN", "NaN: it is multiplied by 0", ("PyTorch", "ONNX Runtime"), "ATen/native/Dropout.cpp"),
    ),
    "dropout.R11": (
        Alternative("kernels", "the mask of TensorFlow's kernels", (TENSORFLOW,), "core/lib/random/philox_random.h"),
        Alternative("own", "any fair mask", (TENSORFLOW, "PyTorch", "JAX"), "XLA heeds no seed; other generators"),
    ),
    "dropout.R13": (
        Alternative("positive", "+0: it is selected", (TENSORFLOW, "JAX"), "as R9"),
        Alternative("signed", "the element times 0", ("PyTorch", "ONNX Runtime"), "as R9"),
    ),
    "dropout.R14": (
        Alternative(
            "multiplied", "x times the rounded 1 / (1 - rate)", (TENSORFLOW,), "python/ops/nn_ops.py, _dropout"
        ),
        Alternative("divided", "x divided by the rounded 1 - rate", ("JAX", "Keras"), "jax stax.Dropout"),
        Alternative("rounded", "each of its steps rounded", ("PyTorch", "ONNX Runtime"), "ATen/native/Dropout.cpp"),
    ),
    "dropout.R15": (
        Alternative("divided", "x divided by the rounded 1 - rate", (TENSORFLOW,), "python/ops/nn_ops.py, _dropout"),
        Alternative("multiplied", "x times the rounded 1 / (1 - rate)", ("JAX",), "jax stax.Dropout"),
        Alternative("rounded", "each of its steps rounded", ("ONNX Runtime",), "cpu/nn/dropout_op.h"),
    ),
    "stateless_dropout.R3": (
        Alternative(
            "kernels", "the numbers of TensorFlow's kernels", (TENSORFLOW,), "core/kernels/stateless_random_ops"
        ),
        Alternative("XLA", "those of XLA's Philox", (TENSORFLOW,), "compiler/tf2xla/kernels/stateless_random_ops.cc"),
        Alternative("own", "any fair mask", ("JAX", "PyTorch"), "generators of their own"),
    ),
}

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

    Interface:
        dropout.R1   x is float16, bfloat16, float32 or float64.
        dropout.R2   rate is a real number with 0 <= rate < 1 (NaN is not), or a 0-d array, which stands for a tensor.
        dropout.R3   A rate that is an array has x's dtype.
        dropout.R6   noise_shape holds integers of at least 0, or None for x's size where it is as long as x's shape.
        dropout.R7   noise_shape broadcasts to x's shape, so that out has x's shape.

    Mathematics:
        dropout.R5   A number 0 gives x itself; neither noise_shape nor seed is looked at.
        dropout.R8   An element is kept where u >= rate, rate rounded once to x's dtype: u equal to rate is kept.
        dropout.R10  One number decides along each axis where noise_shape has 1 or nothing.
        dropout.R16  An element is kept with a probability of 1 - rate, to within the bits of u: TensorFlow's kernels
                     draw 10 for float16 and 7 for bfloat16. A generator of another kind keeps that share exactly.

    Choices:
        dropout.R4   The value of a rate that is an array is not looked at: all are dropped for 1, more and NaN, and
                     none below 0.
        dropout.R9   A dropped NaN or infinity is zero; a kept -0 stays -0.
        dropout.R13  A dropped element is +0, whatever its sign was.
        dropout.R14  Given a number for rate, a kept element is multiplied by scale.
        dropout.R15  Given an array for rate, a kept element is divided by 1 - rate.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: tf.nn.experimental.general_dropout. TensorFlow 2.21.0 itself rounds a Python float to bfloat16, and eagerly
    to float16, by way of float32, which is twice.
    """
    x, rate = read(x, "x", rate)
    if is_number(rate) and rate == 0:
        return x
    return definition(x, rate, uniform_sampler(mask_shape(x.shape, noise_shape), x.dtype))


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

    Its rules are those of `general_dropout`, and:

    Mathematics:
        dropout.R12  Given neither, every mask conforms; the one returned comes from the operating system.

    Choices:
        dropout.R11  Given global_seed or seed, integers, u is `stateful_uniform`, bit for bit.

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
    rounded once to x's dtype (dropout.R8), and scaled (dropout.R14, dropout.R15); a dropped one is +0 whatever it was
    (dropout.R9, dropout.R13); one number decides along each axis where noise_shape has 1 or nothing (dropout.R10).

    Shapes:
        x any -> out the same, of the same dtype. noise_shape None: x's shape.

    Rounding:
        scale = 1 / (1 - rate) in float64 (or in a NumPy number's own precision), rounded once to x's dtype; x * scale
        is rounded once. For a rate that is an array x / (1 - rate), the difference and the quotient each rounded once.
        A NaN is the positive quiet one without payload; any NaN conforms, and so does zero where x or the result is
        subnormal.

    Interface:
        stateless_dropout.R1  seed holds two integers of at most 64 bits.
        stateless_dropout.R2  rng_alg is "philox", "threefry" or "auto_select" (case, - and _ do not count), or 1, 2, 3,
                              or None, which is auto_select. compiled is True or False.

    Choices:
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
    uniform = uniform_sampler(mask_shape(x.shape, noise_shape), x.dtype)
    return np.asarray(np.broadcast_to(keeps(uniform, rate), x.shape))


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


def mask_shape(shape: tuple[int, ...], noise_shape: NoiseShape) -> tuple[int, ...]:
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
