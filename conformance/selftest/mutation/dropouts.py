"""Faults of dropout: scale, rate, mask, noise_shape, seed, and generators that are none."""

from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np

from conformance.model import Array
from conformance.selftest.mutation.calls import Call, Fault, when
from conformance.selftest.mutation.variants import Variant, variants
from reference.ops.dropout import general_dropout, kept_mask, scaled
from reference.random_bits import stateful_uniform, stateless_uniform

__all__ = ["TABLE", "generated", "numbers"]

BOTH = ("dropout", "stateless_dropout")
Sampler = Callable[[tuple[int, ...], np.dtype[Any]], Array]


def sampler(call: Call) -> Sampler:
    """Return what draws the numbers of a call."""
    seed = call.arguments.get("seed")
    if seed is None or np.ndim(seed) == 0:  # the global seed counts, too
        return partial(stateful_uniform, seed=seed, global_seed=call.arguments.get("global_seed"))
    return partial(stateless_uniform, seed=seed, rng_alg=call.arguments.get("rng_alg", "auto_select"))


def rate(call: Call) -> float:
    """Return the rate as a number."""
    return float(call.arguments["rate"])


def drawn(change: Callable[[Array], Array]) -> Fault:
    """Compute with the uniform numbers changed."""

    def fault(call: Call) -> object:
        draw = sampler(call)
        call.run()
        return general_dropout(
            call.arguments["x"],
            call.arguments["rate"],
            lambda shape, dtype: change(draw(shape, dtype)),
            call.arguments.get("noise_shape"),
        )

    return fault


def masked(change: Callable[[Array, Call], Array]) -> Fault:
    """Compute with the mask changed."""

    def fault(call: Call) -> object:
        result = call.run()
        if rate(call) == 0:
            return result
        x = call.arguments["x"]
        mask = kept_mask(x, call.arguments["rate"], sampler(call), call.arguments.get("noise_shape"))
        return np.where(change(mask, call), scaled(x, call.arguments["rate"]), x.dtype.type(0))

    return fault


def valued(change: Callable[[Call, Array], Array], name: str = "x") -> Fault:
    """Give kept elements another value."""

    def fault(call: Call) -> object:
        result, x = call.run(), call.arguments[name]
        kept = (result != 0) | np.isnan(result)
        return np.where(kept, change(call, x), result).astype(x.dtype)

    return fault


def multiplied(call: Call) -> object:
    """Multiply by the mask instead of selecting."""
    x = call.arguments["x"] if "x" in call.arguments else call.arguments["grad"]
    result = call.run()
    if rate(call) == 0 and "x" in call.arguments:
        return result
    mask = call.arguments.get("kept")
    if mask is None:
        mask = kept_mask(x, call.arguments["rate"], sampler(call), call.arguments.get("noise_shape"))
    return scaled(x, call.arguments["rate"]) * mask.astype(x.dtype)


def numbers(call: Call, salt: object = "") -> np.random.Generator:
    """Return a generator of its own, seeded by what seeds the call."""
    seeds = [np.asarray(call.arguments[name]).tolist() for name in ("seed", "global_seed") if name in call.arguments]
    if not seeds:
        return np.random.Generator(np.random.PCG64())
    return np.random.Generator(np.random.PCG64(crc32(repr((seeds, salt)).encode())))


def generated(
    bias: float = 0.0, change: Callable[[Array], Array] = lambda u: u, salt: Callable[[Call], object] = lambda _: ""
) -> Fault:
    """Drop by another generator: rates below 1 by so much more, numbers changed, seeded by the salt too."""

    def fault(call: Call) -> object:
        call.run()
        if str(call.arguments.get("rng_alg", "auto_select")).lower()[:4] != "auto":
            raise NotImplementedError("only auto_select")

        def draw(shape: tuple[int, ...], _dtype: np.dtype[Any]) -> Array:
            uniform = change(numbers(call, salt(call)).random(shape))
            return np.maximum(uniform - bias * rate(call), 0.0) if bias else uniform

        x, dropped, noise = call.arguments["x"], call.arguments["rate"], call.arguments.get("noise_shape")
        if not isinstance(dropped, np.ndarray) and rate(call) == 0:
            return x
        return np.where(kept_mask(x, dropped, draw, noise), scaled(x, dropped), x.dtype.type(0))

    return fault


def unseeded(call: Call) -> object:
    """Draw without a seed as with one seed."""
    given = {"seed", "global_seed"} & set(call.arguments)
    return generated()(call if given else Call(call.op, {**call.arguments, "seed": 0}))


def pairs_alike(uniform: Array) -> Array:
    """Give every second number the value of the one before."""
    flat = uniform.ravel().copy()
    flat[1::2] = flat[: len(flat) // 2 * 2 : 2]
    return flat.reshape(uniform.shape)


def some_alike(uniform: Array) -> Array:
    """Give one number in eight the value of the one before."""
    flat = uniform.ravel().copy()
    flat[1::8] = flat[: len(flat[1::8]) * 8 : 8]
    return flat.reshape(uniform.shape)


def alternating(uniform: Array) -> Array:
    """Give every second number what the one before lacks to 1."""
    flat = uniform.ravel().copy()
    flat[1::2] = 1 - flat[: len(flat) // 2 * 2 : 2]
    return np.clip(flat.reshape(uniform.shape), 0, 1 - 2.0**-53)


def repeated(uniform: Array) -> Array:
    """Repeat the first row along the first axis."""
    return np.broadcast_to(uniform[:1], uniform.shape) if uniform.ndim > 1 and len(uniform) else uniform


def every(period: int) -> Callable[[Array], Array]:
    """Return what repeats the first so many numbers."""
    return lambda uniform: np.resize(uniform.ravel()[:period], uniform.shape) if uniform.size > period else uniform


def counted() -> Fault:
    """Return a fault that draws otherwise at every call."""
    calls: list[int] = []

    def salt(_call: Call) -> object:
        calls.append(0)
        return len(calls)

    return generated(salt=salt)


def narrow_seed(call: Call) -> object:
    """Take seeds modulo 2^32."""
    call.run()
    return call.run(seed=[int(part) % 2**32 for part in np.asarray(call.arguments["seed"]).tolist()])


def one_seed(call: Call) -> object:
    """Leave the second part of the seed out."""
    call.run()
    return call.run(seed=[int(np.asarray(call.arguments["seed"])[0]), 0])


def first_noise_ignored(call: Call) -> object:
    """Take noise_shape's first entry for the size of the axis."""
    call.run()
    noise = call.arguments.get("noise_shape")
    if not noise or len(noise) != call.arguments["x"].ndim:
        return call.run()
    return call.run(noise_shape=[call.arguments["x"].shape[0], *noise[1:]])


def keep_all(mask: Array, _call: Call) -> Array:
    """Keep everything."""
    return np.ones_like(mask)


def rescaled(call: Call, x: Array) -> Array:
    """Divide by 1 - rate rounded, for a number too: two roundings where the scale has one."""
    return np.asarray(x / (x.dtype.type(1) - x.dtype.type(rate(call))))


def multiplied_own(call: Call) -> object:
    """Drop by another generator, multiplying by the mask."""
    result = generated()(call)
    x = call.arguments["x"]
    return np.where((result == 0) & ~np.isfinite(x), x * x.dtype.type(0), result)


TABLE: list[Variant] = [
    *variants(
        BOTH,
        ("not scaled", "kept elements stay as they were", valued(lambda _, x: x)),
        ("scaled by 1 - rate", "kept elements are multiplied by 1 - rate",
         valued(lambda call, x: x * x.dtype.type(1 - rate(call)))),
        ("scaled by 1 / rate", "kept elements are divided by the rate",
         valued(lambda call, x: x / x.dtype.type(rate(call) or 1))),
        ("scaled by a quotient", "x / (1 - rate) for a number's rate, too", valued(rescaled)),
        ("scaled in float16", "the scale in 11 bits",
         valued(lambda call, x: x * x.dtype.type(np.float16(1 / max(1 - rate(call), 1e-9))))),
        ("rate for its complement", "elements are kept where they should be dropped",
         masked(lambda mask, _: ~mask)),
        ("keeps all", "nothing is dropped", masked(keep_all)),
        ("u equal to rate dropped", "kept where u > rate", drawn(lambda u: np.nextafter(u, u.dtype.type(-1)))),
        ("mask multiplied", "dropped NaN and infinity are NaN", multiplied),
        ("rate 1% more", "a hundredth of the rate more is dropped",
         drawn(lambda u: (u.astype(np.float64) * 0.99).astype(u.dtype))),
        ("neighbours alike", "every second number is the one before", drawn(pairs_alike)),
        ("numbers reversed", "the numbers from the last to the first",
         drawn(lambda u: u.ravel()[::-1].reshape(u.shape))),
        ("noise_shape ignored", "every element decides alone",
         lambda call: (call.run(), call.run(noise_shape=None))[1]),
        ("first entry of noise_shape ignored", "the first axis is not shared", first_noise_ignored),
        ("large masks repeat", "past 4,096 numbers they begin again", drawn(every(4096))),
        ("masks past 1,024 repeat", "past 1,024 numbers they begin again", drawn(every(1024))),
        ("mask mirrored in rank 4", "the last axis reversed in rank 4",
         when(lambda call: call.first.ndim == 4, drawn(lambda u: u[..., ::-1]))),
    ),
    *variants(
        ["dropout"],
        ("seed ignored", "a seed of the op's own is not looked at",
         when(lambda call: {"seed", "global_seed"} <= set(call.arguments), lambda call: call.run(seed=None))),
        ("global seed ignored", "the global seed is not looked at",
         when(lambda call: "global_seed" in call.arguments, lambda call: call.run(global_seed=0))),
        ("negative seeds", "the sign of the seed is lost",
         lambda call: call.run(seed=abs(call.arguments["seed"])) if call.arguments.get("seed") else call.run()),
    ),
    *variants(
        ["stateless_dropout"],
        ("second seed ignored", "the second part of the seed is not looked at", one_seed),
        ("seed constant", "every seed is the same", lambda call: (call.run(), call.run(seed=[1, 2]))[1]),
        ("seeds in 32 bits", "the upper half of each seed is lost", narrow_seed),
        ("philox always", "rng_alg is not looked at", lambda call: (call.run(), call.run(rng_alg="philox"))[1]),
    ),
    *variants(
        ["dropout_grad"],
        ("not scaled", "gradients are not scaled",
         lambda call: (call.run(), np.where(call.arguments["kept"], call.first, call.first.dtype.type(0)))[1]),
        ("mask inverted", "dropped elements get the gradient",
         lambda call: (call.run(), call.run(kept=~call.arguments["kept"]))[1]),
        ("mask multiplied", "NaN and infinity come through", multiplied),
        ("mask ignored", "every element gets the gradient",
         lambda call: (call.run(), call.run(kept=np.ones_like(call.arguments["kept"])))[1]),
    ),
    *variants(
        ["dropout"],
        ("own numbers, without a seed alike", "another generator, begins alike at every call without a seed", unseeded),
        own_masks=True,
    ),
    *variants(
        BOTH,
        ("own numbers, 1% of the rate more", "another generator, a hundredth of the rate more is dropped",
         generated(bias=0.01)),
        ("own numbers, 1% of the rate less", "another generator, a hundredth of the rate less is dropped",
         generated(bias=-0.01)),
        ("own numbers, pairs alike", "another generator, every second number is the one before",
         generated(change=pairs_alike)),
        ("own numbers, one in eight alike", "another generator, one number in eight is the one before",
         generated(change=some_alike)),
        ("own numbers, alternating", "another generator, neighbours make each other up", generated(change=alternating)),
        ("own numbers, rows alike", "another generator, the first row's mask for all", generated(change=repeated)),
        ("own numbers, from 256 again", "another generator, begins again after 256", generated(change=every(256))),
        ("own numbers, mask multiplied", "another generator, dropped NaN stay NaN",
         multiplied_own),
        own_masks=True,
    ),
]  # fmt: skip
