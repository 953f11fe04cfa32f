"""
The random bits behind TensorFlow's dropout: Philox 4x32-10 and ThreeFry 2x32-20, seeds, and uniform numbers.

Both generators are functions of a counter and a key. Block i of a sequence is the function of counter i, so that any
part of a sequence can be had without the rest.

A *kernel* is compiled ahead of time and runs in eager and graph mode; XLA compiles a program of its own. They draw the
same Philox words and make different numbers of them: see `uniform`.

Sources: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011, and its library Random123;
TensorFlow 2.21.0, tsl/lib/random/{philox_random,random_distributions}.h, core/kernels/stateless_random_ops.cc,
python/framework/random_seed.py; XLA, hlo/builder/lib/prng.cc.
"""

import math
import random
import secrets
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from reference.errors import SpecError, shown
from reference.floats import Array, bfloat16, format_of
from reference.reading import read_flag, whole_numbers

__all__ = ["algorithm", "op_seeds", "philox", "stateful_uniform", "stateless_uniform", "threefry", "uniform"]

_WORD = 0xFFFFFFFF
_LARGEST_SEED = 2**31 - 1  # also the modulus of seeds, TensorFlow's _MAXINT32
_DEFAULT_GLOBAL_SEED = 87654321
_ALGORITHMS = {
    "philox": "philox",
    "threefry": "threefry",
    "autoselect": "auto_select",
    1: "philox",
    2: "threefry",
    3: "auto_select",
    None: "auto_select",
}


def philox(counter: Array, key: Sequence[int]) -> Array:
    """
    Philox 4x32-10: scramble counters under a key.

    Ten rounds, with hi and lo the halves of a 64-bit product:

        c0, c1, c2, c3 = hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)

    with M0 = D2511F53, M1 = CD9E8D57. After each round k0 grows by 9E3779B9 (golden ratio), k1 by BB67AE85 (root 3).

    Shapes:
        counter uint32 [..., 4], least significant word first; key two 32-bit words -> uint32 [..., 4].

    Source: Salmon et al. 2011, section 3.3.
    """
    # Each word keeps an axis: NumPy warns where a single number wraps, and not where an array does.
    c0, c1, c2, c3 = (counter[..., word, None].astype(np.uint64) for word in range(4))
    k0, k1 = (int(word) for word in key)
    half = np.uint64(32)
    low = np.uint64(_WORD)
    for _ in range(10):
        first = c0 * np.uint64(0xD2511F53)
        second = c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (second >> half) ^ c1 ^ np.uint64(k0), second & low
        c2, c3 = (first >> half) ^ c3 ^ np.uint64(k1), first & low
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return np.concatenate([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def threefry(counter: Array, key: Sequence[int]) -> Array:
    """
    ThreeFry 2x32-20: scramble counters under a key.

    With a third key word k2 = k0 ^ k1 ^ 1BD11BDA, add k0, k1; then five groups, g = 0 to 4, of four rounds

        x0, x1 = x0 + x1, rotate(x1, r) ^ (x0 + x1)        r = 13, 15, 26, 6 for even g, 17, 29, 16, 24 for odd g

    each group followed by x0 += k[(g + 1) mod 3], x1 += k[(g + 2) mod 3] + g + 1.

    Shapes:
        counter uint32 [..., 2]; key two 32-bit words -> uint32 [..., 2].

    Source: Salmon et al. 2011, section 3.2; the constants are those of Random123 1.14.
    """
    k0, k1 = (int(word) for word in key)
    keys = (k0, k1, k0 ^ k1 ^ 0x1BD11BDA)
    x0, x1 = counter[..., 0, None] + np.uint32(k0), counter[..., 1, None] + np.uint32(k1)  # with an axis each, as above
    for group in range(5):
        for rotation in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))) ^ x0
        x0 = x0 + np.uint32(keys[(group + 1) % 3])
        x1 = x1 + np.uint32((keys[(group + 2) % 3] + group + 1) & _WORD)
    return np.concatenate([x0, x1], axis=-1)


def uniform(words: Array, dtype: np.dtype[Any], *, compiled: bool = False) -> Array:
    """
    Make numbers in [0, 1) of 32-bit words: multiples of 2^-m, m the stored bits of a significand.

    m is 10 for float16, 7 for bfloat16, 23 for float32, 52 for float64.

        kernels         (word mod 2^m) 2^-m                     the lowest m bits
        XLA             floor(word 2^(m - 32)) 2^-m             the highest m bits, float32
                        as the kernels                          float16
                        the float32 number cut off to bfloat16  bfloat16: finer than 2^-7 below 1/2

    float64 takes two words each: kernels (first mod 2^20) 2^32 + second; XLA floor((first + second 2^32) / 2^12).

    Shapes:
        words uint32 [n], or [2 n] for float64 -> dtype [n].
    """
    if compiled and dtype == bfloat16:
        bits = uniform(words, np.dtype(np.float32), compiled=True).view(np.uint32)
        return (bits >> np.uint32(16)).astype(np.uint16).view(bfloat16)
    m = format_of(dtype).precision - 1
    if dtype == np.float64:
        mantissas = _mantissas_of_pairs(words[0::2].astype(np.uint64), words[1::2].astype(np.uint64), compiled=compiled)
    elif compiled and dtype == np.float32:
        mantissas = words >> np.uint32(32 - m)
    else:
        mantissas = words & np.uint32(2**m - 1)
    # Exact: a mantissa has fewer bits than either format.
    wide = np.dtype(np.float64 if dtype == np.float64 else np.float32)
    return np.ldexp(mantissas.astype(wide), -m).astype(dtype)


def _mantissas_of_pairs(first: Array, second: Array, *, compiled: bool) -> Array:
    """Join two words to 52 bits: the kernels' way or XLA's."""
    if compiled:
        return np.asarray((first | (second << np.uint64(32))) >> np.uint64(12))
    return np.asarray(((first & np.uint64(0xFFFFF)) << np.uint64(32)) | second)


def stateless_uniform(
    shape: Sequence[int],
    dtype: np.dtype[Any],
    seed: Sequence[int] | Array,
    rng_alg: str | int | None = "auto_select",
    *,
    compiled: bool = False,
) -> Array:
    """
    Draw as tf.random.stateless_uniform(shape, seed, dtype=dtype, alg=rng_alg) does.

    seed: two integers. Philox takes them modulo 2^64 (negative ones in two's complement), ThreeFry modulo 2^32: seeds
    that differ by a multiple of that draw alike. auto_select is Philox; XLA then takes the seed modulo 2^32.
    compiled: as XLA does. ThreeFry runs in XLA only, so that there it makes no difference.

    Raises:
        SpecError: stateless_dropout.R1, R2, the rules of seed, rng_alg and compiled.
    """
    parts, kind = _seed(seed), algorithm(rng_alg)
    compiled = read_flag("stateless_dropout.R2", "compiled", compiled)
    if kind == "threefry":
        words = _threefry_words(parts, shape, paired=dtype == np.float64)
        return uniform(words, dtype, compiled=True).reshape(shape)
    bits = 32 if compiled and kind == "auto_select" else 64
    key, stream = _scramble([part % 2**bits for part in parts])
    return _philox_uniform(shape, dtype, key, stream, compiled=compiled)


def stateful_uniform(
    shape: Sequence[int], dtype: np.dtype[Any], seed: int | None = None, *, global_seed: int | None = None
) -> Array:
    """
    Draw as the first eager tf.random.uniform(shape, dtype=dtype, seed=seed) after tf.random.set_seed(global_seed) does.

    Philox with one of `op_seeds` as the key, the other as the upper half of the counter.
    """
    key, stream = op_seeds(global_seed, seed)
    return _philox_uniform(shape, dtype, key, stream, compiled=False)


def op_seeds(global_seed: int | None, seed: int | None) -> tuple[int, int]:
    """
    Return the two seeds that the kernel of a stateful op gets, eagerly, for the first call after tf.random.set_seed.

    Both are taken modulo 2^31 - 1; (0, 0) becomes (0, 2^31 - 1), since the kernel takes two zeros for "draw a seed".
    Without a global seed it is 87654321. Without an op's seed, it is the first integer in 0 .. 2^31 - 1 that Python's
    own generator draws from the global seed; in tf.function it is 0 for the first op instead. Without either, the seeds
    come from the operating system, as they do in TensorFlow.

    Raises:
        SpecError: dropout.R11, where a seed is no integer.

    >>> op_seeds(0, 0)
    (0, 2147483647)
    >>> op_seeds(None, -1)
    (87654321, 2147483646)
    """
    whole, own = _op_seed("global_seed", global_seed), _op_seed("seed", seed)
    if whole is None and own is None:
        return secrets.randbits(64), secrets.randbits(64)
    if whole is None:
        whole = _DEFAULT_GLOBAL_SEED
    if own is None:
        own = random.Random(whole).randint(0, _LARGEST_SEED)  # noqa: S311 -- TensorFlow's choice
    pair = (whole % _LARGEST_SEED, own % _LARGEST_SEED)
    return (0, _LARGEST_SEED) if pair == (0, 0) else pair


def _op_seed(name: str, value: Any) -> int | None:  # noqa: ANN401 -- whatever the caller was given
    """Read an integer of any size, or None: dropout.R11."""
    if value is None:
        return None
    if isinstance(value, Integral) and np.asarray(value).dtype.kind != "m":  # NumPy counts durations among the integers
        return int(value)
    reason = f"{name} is {shown(value)}: neither an integer nor None"
    raise SpecError("dropout.R11", reason, values={name: value})


def _seed(seed: Sequence[int] | Array) -> tuple[int, int]:
    """Return the two parts of a stateless seed."""
    parts = whole_numbers("stateless_dropout.R1", "seed", seed)
    if len(parts) != 2 or np.asarray(seed).dtype == np.bool_ or not all(-(2**63) <= part < 2**64 for part in parts):
        reason = f"seed is {shown(seed)}: not two integers of at most 64 bits"
        raise SpecError("stateless_dropout.R1", reason, values={"seed": seed})
    return parts[0], parts[1]


def algorithm(rng_alg: str | int | None) -> str:
    """Return the name of an algorithm given by name, by TensorFlow's number or not at all."""
    key = rng_alg.strip().lower().replace("-", "").replace("_", "") if isinstance(rng_alg, str) else rng_alg
    if not isinstance(key, str | int | None) or key not in _ALGORITHMS:
        reason = f"rng_alg is {shown(rng_alg)}: not philox, threefry or auto_select"
        raise SpecError("stateless_dropout.R2", reason, values={"rng_alg": rng_alg})
    return _ALGORITHMS[key]


def _scramble(seed: Sequence[int]) -> tuple[int, int]:
    """
    Return key and stream, 64 bits each, for a stateless seed of two 64-bit numbers.

    They are one Philox block of the seed under a fixed key: seeds that differ little give keys that differ much.
    Source: core/kernels/stateless_random_ops.cc, GenerateKey.
    """
    counter = np.array([part >> shift & _WORD for part in seed for shift in (0, 32)], dtype=np.uint32)
    w0, w1, w2, w3 = (int(word) for word in philox(counter, (0x3EC8F720, 0x02461E29)))
    return w0 | w1 << 32, w2 | w3 << 32


def _philox_uniform(shape: Sequence[int], dtype: np.dtype[Any], key: int, stream: int, *, compiled: bool) -> Array:
    """Draw numbers in row-major order from blocks stream 2^64 + 0, 1, ..., the four words of each in their order."""
    count = math.prod(shape) * (2 if dtype == np.float64 else 1)
    blocks = np.arange(-(-count // 4), dtype=np.uint64)
    counter = np.empty((blocks.size, 4), dtype=np.uint32)
    counter[:, 0] = blocks & np.uint64(_WORD)
    counter[:, 1] = blocks >> np.uint64(32)
    counter[:, 2:] = stream & _WORD, stream >> 32
    words = philox(counter, (key & _WORD, key >> 32)).reshape(-1)[:count]
    return uniform(words, dtype, compiled=compiled).reshape(shape)


def _threefry_words(seed: Sequence[int], shape: Sequence[int], *, paired: bool) -> Array:
    """
    Return ThreeFry's words for an array in row-major order: one for each element, or two where paired.

    Unpaired, an axis is halved (the first of even size, else the first of the greatest) and each block of two words
    serves two neighbours along it; counters run in row-major order over the halved shape.
    Source: prng.cc, SplitShapeIntoHalves.
    """
    key = [int(part) & _WORD for part in seed]
    if paired:
        return threefry(_pairs(math.prod(shape)), key).reshape(-1)
    sizes = list(shape) or [1]
    axis = next((a for a, size in enumerate(sizes) if size % 2 == 0), int(np.argmax(sizes)))
    halved = [*sizes[:axis], -(-sizes[axis] // 2), *sizes[axis + 1 :]]
    words = threefry(_pairs(math.prod(halved)), key).reshape([*halved, 2])
    spread = np.moveaxis(words, -1, axis + 1).reshape([*sizes[:axis], 2 * halved[axis], *sizes[axis + 1 :]])
    return spread[(slice(None),) * axis + (slice(sizes[axis]),)].reshape(-1)


def _pairs(count: int) -> Array:
    """Return the counters 0 .. count - 1 as pairs of words: uint32 [count, 2]."""
    counters = np.arange(count, dtype=np.uint64)
    return np.stack([counters & np.uint64(_WORD), counters >> np.uint64(32)], axis=-1).astype(np.uint32)
