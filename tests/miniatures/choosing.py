"""
Namespaces that decide a choice otherwise than TensorFlow does, and are right; and others that look alike, and are not.

Each is the reference but for some functions, and says by an empty profile that its choices are open.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import reference
from reference.ops.dropout import kept_mask
from reference.ops.masks import kept
from reference.ops.pools import pool
from reference.random_bits import stateless_uniform

Array = np.ndarray[Any, np.dtype[Any]]


class Choosing:
    """The reference, with some functions exchanged, and all its choices open."""

    PROFILE: Mapping[str, Any]

    def __init__(self, profile: Mapping[str, Any] | None = None, **functions: Callable[..., Any]) -> None:
        self.PROFILE = {"deterministic": True, "own_masks": "*", **(profile or {})}
        self._functions = functions

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the reference has
        return self._functions.get(name) or getattr(reference, name)


def propagates(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.max_pool
    """Give NaN where a window holds one, as PyTorch and JAX do."""
    out = reference.max_pool(**call)
    image = call["input"]
    if image.dtype.kind in "iu" or not np.isnan(image).any():
        return out
    nan = reference.max_pool(**{**call, "input": np.isnan(image).astype(np.float32)})
    return np.where(nan == 1, image.dtype.type(np.nan), out)


def by_position(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.max_pool
    """Give NaN where it comes first in its window, else drop it: a comparison turned round."""
    out = reference.max_pool(**call)
    image = call["input"]
    if image.dtype.kind in "iu" or not np.isnan(image).any() or call.get("data_format") == "NCHW":
        return out
    nhwc, geometry = pool("max_pool", image, call["ksize"], call["strides"], call["padding"], "NHWC")
    if geometry.depth > 1:
        return out
    places = np.broadcast_to(np.arange(nhwc[0].size).reshape(nhwc.shape[1:]), nhwc.shape)
    first = geometry.reduce(np.minimum, places, nhwc[0].size)
    cells = np.take_along_axis(nhwc.reshape(len(nhwc), -1), first.reshape(len(nhwc), -1), 1).reshape(out.shape)
    return np.where(np.isnan(cells), cells, out)


def mask_of(call: Mapping[str, Any]) -> Array:
    """Return the mask that a call of a dropout draws."""
    seed = call.get("seed")
    pair = [
        int(part) & 0x7FFFFFFF for part in (np.ravel(seed) if seed is not None else (call.get("global_seed", 7), 1))
    ]
    draw = [*pair, 3][:2]
    return kept_mask(
        call["x"],
        call["rate"],
        lambda shape, dtype: stateless_uniform(shape, dtype, seed=draw, rng_alg="philox"),
        call.get("noise_shape"),
    )


def dropping(how: str, *, multiplied: bool = False) -> Callable[..., Array]:
    """Return a dropout that scales what it keeps in one way, and selects zeros or multiplies by them."""

    def dropout(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.dropout
        reference.dropout(**call)  # what it refuses
        x, rate = call["x"], call["rate"]
        if not isinstance(rate, np.ndarray) and rate == 0:
            return np.asarray(x)
        mask = mask_of(call)
        rules = {"dropout.R14": how, "dropout.R15": how}
        with np.errstate(all="ignore"):
            lost = x * x.dtype.type(0) if multiplied else np.zeros(x.shape, x.dtype)
        return np.where(mask, kept(x, rate, rules)[0], lost)

    return dropout


def wrong_divisor(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.dropout
    """Divide by the rate, not by what remains."""
    reference.dropout(**call)
    x, rate = call["x"], call["rate"]
    if not isinstance(rate, np.ndarray) and rate == 0:
        return np.asarray(x)
    with np.errstate(all="ignore"):
        return np.asarray(np.where(mask_of(call), x / x.dtype.type(rate), x.dtype.type(0)))


def scales_all(**call: Any) -> Array:  # noqa: ANN401 - called as dropout_grad
    """Scale the gradient by the rate, not by what remains of it: wrong for every mask, dtype and shape."""
    reference.dropout_grad(**call)
    grad, rate = call["grad"], call["rate"]
    with np.errstate(all="ignore"):
        scaled = grad if not isinstance(rate, np.ndarray) and rate == 0 else grad / grad.dtype.type(rate)
    return np.asarray(np.where(call["kept"], scaled, grad.dtype.type(0)))


def clamped(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.conv2d
    """Give the largest number for an infinity."""
    out = reference.conv2d(**call)
    return np.where(np.isinf(out), np.sign(out) * out.dtype.type(1e4), out).astype(out.dtype)


def of_whole_windows(**call: Any) -> Array:  # noqa: ANN401 - called as avg_pool_grad
    """Return the gradient of a mean that counts its padding."""
    renamed = {"grad": "input", "orig_input_shape": "output_shape"}
    shares = reference.avg_unpool(**{renamed.get(name, name): value for name, value in call.items()})
    sizes = np.ravel(call["ksize"])
    return np.asarray(shares / shares.dtype.type(np.prod(sizes) ** (2 if sizes.size == 1 else 1)))


def adds_one(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.conv2d
    """Add one to every element."""
    return np.asarray(reference.conv2d(**call) + 1)


def numbers(value: Any) -> Any:  # noqa: ANN401 - an argument
    """Return an argument as a language has it that knows one kind of number: 5.0 is 5."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [numbers(entry) for entry in value] if isinstance(value, list) else value


def of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of a language with one kind of number."""

    def of(**call: Any) -> Any:  # noqa: ANN401
        return function(**{name: value if name == "rate" else numbers(value) for name, value in call.items()})

    return of


def rounded_seeds(**call: Any) -> Array:  # noqa: ANN401 - called as stateless_dropout
    """Keep seeds as doubles."""
    parts = np.asarray(call["seed"])
    if parts.dtype.kind in "iu" and parts.shape == (2,):
        call = {**call, "seed": [int(float(part)) % 2**64 for part in parts.tolist()]}
    return reference.stateless_dropout(**call)


propagating = Choosing(max_pool=propagates)
positional = Choosing(max_pool=by_position)
dividing = Choosing(dropout=dropping("divided"))
multiplying = Choosing(dropout=dropping("multiplied", multiplied=True))
rounding = Choosing(dropout=dropping("rounded", multiplied=True))
wrong = Choosing(dropout=wrong_divisor)
misgraded = Choosing(dropout_grad=scales_all)
narrow = Choosing({"ops": ["conv2d"], "dtypes": ["float32"], "layouts": ["NHWC"]}, conv2d=adds_one)
canonical = Choosing({"ops": ["conv2d"], "dtypes": ["float32"], "spelling": "canonical"}, conv2d=adds_one)
one_kind = Choosing(
    conv2d=of_numbers(reference.conv2d),
    conv2d_transpose=of_numbers(reference.conv2d_transpose),
    max_pool=of_numbers(reference.max_pool),
)
doubles = Choosing(stateless_dropout=rounded_seeds)
clamping = Choosing(conv2d=clamped)
padded_means = Choosing(avg_pool_grad=of_whole_windows)
