"""Tests of the generators against published vectors, and of the way from words to numbers by hand."""

import numpy as np
import pytest

from reference.errors import SpecError
from reference.floats import Array, bfloat16
from reference.random_bits import op_seeds, philox, stateful_uniform, stateless_uniform, threefry, uniform

FLOAT16, BFLOAT16 = np.dtype(np.float16), bfloat16
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
DTYPES = [FLOAT16, BFLOAT16, FLOAT32, FLOAT64]


def words(*values: int) -> Array:
    """Return 32-bit words."""
    return np.array(values, np.uint32)


@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_published_blocks(
    counter: tuple[int, ...], key: tuple[int, ...], block: tuple[int, ...]
) -> None:
    """Random123's known answers, lines "philox4x32 10" of tests/kat_vectors."""
    assert tuple(philox(words(*counter), key).tolist()) == block


@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_threefry_gives_the_published_blocks(
    counter: tuple[int, ...], key: tuple[int, ...], block: tuple[int, ...]
) -> None:
    """Random123's known answers, lines "threefry2x32 20" of tests/kat_vectors."""
    assert tuple(threefry(words(*counter), key).tolist()) == block


@pytest.mark.filterwarnings("error")
def test_one_counter_wraps_as_quietly_as_many() -> None:
    """NumPy warns where a single number overflows; a generator overflows by design."""
    assert philox(words(*(0xFFFFFFFF,) * 4), (0xFFFFFFFF,) * 2).shape == (4,)
    assert threefry(words(*(0xFFFFFFFF,) * 2), (0xFFFFFFFF,) * 2).shape == (2,)


@pytest.mark.parametrize("seed", [[2**63, 1], (1, 2**64 - 1), [-(2**63), 2**64 - 1], np.array([2**63, 1], np.uint64)])
def test_a_seed_has_up_to_64_bits(seed: list[int]) -> None:
    """stateless_dropout.R1: a list of such numbers is no array of NumPy's integers; it counts modulo 2^64."""
    signed = [int(part) - 2**64 * (int(part) >= 2**63) for part in seed]

    assert stateless_uniform([9], FLOAT32, seed).tolist() == stateless_uniform([9], FLOAT32, signed).tolist()


def test_generators_take_many_counters_at_once() -> None:
    """Each block of an array of counters is the block of its counter alone."""
    counters = words(*range(24)).reshape(2, 3, 4)

    assert philox(counters, (5, 6))[1, 2].tolist() == philox(counters[1, 2], (5, 6)).tolist()


@pytest.mark.parametrize(
    ("dtype", "half"),
    [
        (FLOAT16, words(0xABCD0000 | 1 << 9)),
        (BFLOAT16, words(0xABCDEF00 | 1 << 6)),
        (FLOAT32, words(0xAB000000 | 1 << 22)),
        (FLOAT64, words(0xABC00000 | 1 << 19, 0)),
    ],
    ids=str,
)
def test_kernels_use_the_lowest_bits(dtype: np.dtype[np.generic], half: Array) -> None:
    """The highest of the m bits used is worth one half; what lies above it does not count."""
    assert uniform(half, dtype).tolist() == [0.5]


@pytest.mark.parametrize(
    ("dtype", "half"),
    [
        (FLOAT16, words(0xABCD0000 | 1 << 9)),
        (BFLOAT16, words(1 << 31 | 0xFF)),
        (FLOAT32, words(1 << 31 | 0xFF)),
        (FLOAT64, words(0x7FF, 1 << 31)),
    ],
    ids=str,
)
def test_compiled_programs_use_the_highest_bits_but_for_float16(dtype: np.dtype[np.generic], half: Array) -> None:
    """The highest bit of a word is worth one half, and the bits that do not fit are cut off."""
    assert uniform(half, dtype, compiled=True).tolist() == [0.5]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("dtype", "largest"), [(FLOAT16, 1 - 2**-10), (FLOAT32, 1 - 2**-23), (FLOAT64, 1 - 2**-52)], ids=str
)
def test_numbers_stay_below_one(dtype: np.dtype[np.generic], largest: float, compiled: bool) -> None:
    """All bits set give the multiple of 2^-m next to 1."""
    ones = words(0xFFFFFFFF, 0xFFFFFFFF)[: 2 if dtype == FLOAT64 else 1]

    assert uniform(ones, dtype, compiled=compiled).tolist() == [largest]


def test_compiled_bfloat16_is_cut_off_and_not_rounded() -> None:
    """float32's 1 - 2^-23 would round to 1; cut off after 8 significant bits it is 1 - 2^-8. Kernels have 7 bits."""
    ones = words(0xFFFFFFFF)

    assert uniform(ones, BFLOAT16, compiled=True).astype(np.float32).tolist() == [1 - 2**-8]
    assert uniform(ones, BFLOAT16).astype(np.float32).tolist() == [1 - 2**-7]


def test_compiled_bfloat16_is_finer_near_zero() -> None:
    """2^-9 stays 2^-9, which kernels, whose numbers are multiples of 2^-7, cannot draw."""
    assert uniform(words(1 << 23), BFLOAT16, compiled=True).astype(np.float32).tolist() == [2**-9]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_philox_numbers_do_not_depend_on_how_many_are_drawn(dtype: np.dtype[np.generic]) -> None:
    """Blocks are used in order, so that 5 numbers are the first 5 of 22."""
    few = stateless_uniform([5], dtype, [1, 2])

    assert few.tolist() == stateless_uniform([2, 11], dtype, [1, 2]).reshape(-1)[:5].tolist()


def test_numbers_come_from_counters_that_hold_the_seed_in_their_upper_half() -> None:
    """Seeds 3 and 4 make key (3, 0) and block i of counter (i, 0, 4, 0): 8 numbers are its blocks 0 and 1."""
    blocks = philox(words(0, 0, 4, 0, 1, 0, 4, 0).reshape(2, 4), (3, 0))

    assert stateful_uniform([8], FLOAT32, 4, global_seed=3).tolist() == uniform(blocks.reshape(-1), FLOAT32).tolist()


def test_auto_select_is_philox_in_kernels() -> None:
    """The default algorithm draws as philox, also for a negative seed."""
    drawn = [stateless_uniform([9], FLOAT32, [-1, 2], alg).tolist() for alg in ("philox", "auto_select", None, 1)]

    assert drawn.count(drawn[0]) == 4


def test_auto_select_in_compiled_programs_forgets_the_upper_half_of_a_seed() -> None:
    """A program compiled by XLA takes -1 for 2^32 - 1 under auto_select, and not under philox."""
    negative, positive = [-1, 2], [2**32 - 1, 2]

    def drawn(seed: list[int], alg: str) -> list[float]:
        return list(stateless_uniform([9], FLOAT32, seed, alg, compiled=True).tolist())

    assert drawn(negative, "auto_select") == drawn(positive, "auto_select")
    assert drawn(negative, "philox") != drawn(positive, "philox")


def test_philox_takes_seeds_modulo_two_to_the_64() -> None:
    """-1 and 2^64 - 1 have the same bits."""
    unsigned = np.array([2**64 - 1, 3], np.uint64)

    assert stateless_uniform([5], FLOAT32, [-1, 3]).tolist() == stateless_uniform([5], FLOAT32, unsigned).tolist()


def test_threefry_takes_seeds_modulo_two_to_the_32() -> None:
    """Seeds 5 and 2^32 + 5 draw alike."""
    low, high = (stateless_uniform([5], FLOAT32, [seed, 3], "threefry").tolist() for seed in (5, 2**32 + 5))

    assert low == high


def test_threefry_halves_the_first_even_axis() -> None:
    """In shape [2, 3] column j holds the two words of block j."""
    blocks = threefry(words(0, 0, 1, 0, 2, 0).reshape(3, 2), (7, 8))

    drawn = stateless_uniform([2, 3], FLOAT32, [7, 8], "threefry")

    assert drawn.T.reshape(-1).tolist() == uniform(blocks.reshape(-1), FLOAT32, compiled=True).tolist()


def test_threefry_halves_the_longest_axis_where_none_is_even() -> None:
    """In shape [1, 3], columns 0 and 1 hold block 0, and column 2 the first word of block 1."""
    blocks = threefry(words(0, 0, 1, 0).reshape(2, 2), (7, 8))

    drawn = stateless_uniform([1, 3], FLOAT32, [7, 8], "threefry")

    assert drawn.reshape(-1).tolist() == uniform(blocks.reshape(-1)[:3], FLOAT32, compiled=True).tolist()


def test_threefry_draws_one_number_for_a_scalar() -> None:
    """Shape [] takes the first word of block 0."""
    block = threefry(words(0, 0).reshape(1, 2), (7, 8))

    drawn = stateless_uniform([], FLOAT32, [7, 8], "threefry")

    assert drawn.shape == ()
    assert float(drawn) == uniform(block[0, :1], FLOAT32, compiled=True)[0]


def test_threefry_spends_a_block_on_each_float64() -> None:
    """In shape [2], element i is made of both words of block i, the first below the second."""
    blocks = threefry(words(0, 0, 1, 0).reshape(2, 2), (7, 8)).astype(np.uint64)

    mantissas = (blocks[:, 0] | blocks[:, 1] << np.uint64(32)) >> np.uint64(12)

    assert stateless_uniform([2], FLOAT64, [7, 8], "threefry").tolist() == (mantissas * 2.0**-52).tolist()


def test_two_zero_seeds_become_zero_and_the_largest() -> None:
    """Kernels take (0, 0) for no seed at all; 2^31 - 1 is 0 modulo 2^31 - 1."""
    assert op_seeds(0, 0) == op_seeds(2**31 - 1, 0) == (0, 2**31 - 1)


def test_no_seeds_differ_each_time() -> None:
    """Two draws of 128 bits from the operating system are the same once in 2^128."""
    assert op_seeds(None, None) != op_seeds(None, None)


def test_an_op_without_a_seed_gets_one_from_the_global_seed() -> None:
    """The same global seed gives the same op seed, another another; all within 0 .. 2^31 - 2."""
    first, again, other = op_seeds(1, None), op_seeds(1, None), op_seeds(2, None)

    assert first == again != other
    assert first[0] == 1
    assert 0 <= first[1] < 2**31 - 1


@pytest.mark.parametrize(
    "seed", [[1], [1, 2, 3], [[1, 2]], 5, [1.0, 2.0], ["a", "b"], [True, False], [2**64, 1], [0, -(2**63) - 1]]
)
def test_a_seed_is_two_integers(seed: list[int]) -> None:
    """stateless_dropout.R1: anything else is refused."""
    with pytest.raises(SpecError, match=r"stateless_dropout\.R1"):
        stateless_uniform([3], FLOAT32, seed)


@pytest.mark.parametrize("rng_alg", ["mersenne", "", 0, 4, 1.5])
def test_other_algorithms_are_refused(rng_alg: str) -> None:
    """stateless_dropout.R2: philox, threefry and auto_select are all there are."""
    with pytest.raises(SpecError, match=r"stateless_dropout\.R2"):
        stateless_uniform([3], FLOAT32, [1, 2], rng_alg)


@pytest.mark.parametrize("rng_alg", ["Philox", " PHI-LOX ", "phi_lox", 1])
def test_algorithm_names_are_read_leniently(rng_alg: str) -> None:
    """stateless_dropout.R2: case, hyphens and underscores do not count; numbers stand for names."""
    assert stateless_uniform([3], FLOAT32, [1, 2], rng_alg).tolist() == stateless_uniform([3], FLOAT32, [1, 2]).tolist()
