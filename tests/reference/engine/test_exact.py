"""Sums of products are the exact value rounded once: proven against Python's integers, element by element."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import avg_pool, conv2d, conv2d_backprop_filter, conv2d_transpose, max_unpool
from reference.engine.exact import (
    SumOfProducts,
    chunked_product,
    exact_sum,
    rounded_to_multiples,
    slices,
    two_product,
    two_sum,
)
from reference.floats import FORMATS, Array, Format, round_ratio, round_to
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward
from reference.ops.max_unpool import scattered
from reference.ops.pools import spread

Values = Callable[[tuple[int, ...]], Array]
NAN, INF = math.nan, math.inf


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw -1 and 1."""
    return rng.choice([-1.0, 1.0], shape)


def powers(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Array:
    """Draw numbers of both signs whose logarithms are uniform from 2^low to 2^high."""
    return signs(rng, shape) * np.exp2(rng.uniform(low, high, shape))


REGIMES: dict[str, Callable[[np.random.Generator, tuple[int, ...], Format], Array]] = {
    "lattice": lambda rng, shape, _: rng.integers(-4, 5, shape) * 1.0,
    "normal": lambda rng, shape, _: rng.standard_normal(shape),
    "wide": lambda rng, shape, fmt: powers(rng, shape, fmt.emin / 2, fmt.emax / 2),
    # Few magnitudes, a last bit apart, in both signs: what is left of a sum is far smaller than its terms.
    "ill-conditioned": lambda rng, shape, fmt: (
        signs(rng, shape) * rng.choice([1, 1 + 2 * fmt.u, fmt.u, fmt.u**3], shape)
    ),
    # Products of numbers with half the format's bits, which sum to ties.
    "ties": lambda rng, shape, fmt: rng.integers(-(2 ** (fmt.precision // 2)), 2 ** (fmt.precision // 2), shape) * 1.0,
    "overflowing": lambda rng, shape, fmt: powers(rng, shape, fmt.emax / 2 - 2, fmt.emax / 2 + 1),
    "subnormal": lambda rng, shape, fmt: powers(rng, shape, (fmt.emin - fmt.precision) / 2 - 2, fmt.emin / 2),
    "zero": lambda _rng, shape, _fmt: np.zeros(shape),
}

OPS: dict[str, Callable[[Values], SumOfProducts]] = {
    "conv2d": lambda draw: forward(draw((1, 4, 5, 4)), draw((3, 2, 2, 4)), (1, 2), "SAME"),
    "conv2d_backprop_filter": lambda draw: filter_gradient(
        draw((1, 4, 5, 4)), (3, 2, 2, 4), draw((1, 4, 3, 4)), (1, 2), "SAME"
    ),
    "conv2d_transpose": lambda draw: backward(
        "conv2d_transpose", (1, 4, 5, 4), draw((3, 2, 2, 4)), draw((1, 4, 3, 4)), (1, 2), "SAME"
    ),
    "avg_pool": lambda draw: average(draw((1, 5, 5, 2)), 3, 2, "SAME"),
    "avg_pool_grad": lambda draw: spread("avg_pool_grad", (1, 5, 5, 2), draw((1, 5, 5, 2)), 3, 1, "SAME"),
    "avg_unpool": lambda draw: spread("avg_unpool", (1, 5, 5, 2), draw((1, 5, 5, 2)), 3, 1, "SAME"),
    "max_unpool": lambda draw: scattered(draw((2, 4, 4, 2)), np.arange(64).reshape(2, 4, 4, 2) * 5 % 9, (2, 3, 2, 2)),
}


def drawn(op: str, dtype: str, regime: str, seed: int = 0) -> SumOfProducts:
    """Return a call of the op with numbers of the regime."""
    rng, fmt = np.random.default_rng(seed), FORMATS[dtype]
    return OPS[op](lambda shape: round_to(REGIMES[regime](rng, shape, fmt), fmt))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("op", OPS)
def test_a_result_is_the_exact_sum_rounded_once(op: str, dtype: str, regime: str) -> None:
    """Every element, from the fractions of its products; and nothing warns on the way."""
    call = drawn(op, dtype, regime)

    out = call.rounded()

    assert (out.dtype, out.shape) == (FORMATS[dtype].dtype, call.shape)
    for index in np.ndindex(*call.shape):
        exact = call.exact(index)
        assert float(out[index]) == round_ratio(exact.numerator, exact.denominator, FORMATS[dtype]), index


@pytest.mark.parametrize("op", OPS)
def test_the_terms_of_an_element_are_those_that_are_summed(op: str) -> None:
    """On the lattice sums are exact in float64, so that the fractions must be they."""
    call = drawn(op, "float64", "lattice", seed=1)
    sums = call.contract(call.left, call.right)
    divisor = np.broadcast_to(1.0 if (given := call.divisor()) is None else given, call.shape)

    for index in np.ndindex(*call.shape):
        assert call.exact(index) * int(divisor[index]) == Fraction(float(sums[index])), index


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("op", OPS)
def test_an_enclosure_holds_the_exact_sum(op: str, dtype: str, regime: str) -> None:
    """In plain float64 (no products of float64, which underflow), and with 2 slices of each operand and with 8."""
    call = drawn(op, dtype, regime, seed=2)
    with np.errstate(over="ignore"):
        sizes = call.size()
    divisor = np.broadcast_to(1.0 if (given := call.divisor()) is None else given, call.shape)

    for most in (2, 8) if dtype == "float64" else (0, 2, 8):
        sums = call.enclosure(sizes, most)
        high, low, error = (np.broadcast_to(part, call.shape) for part in (sums.high, sums.low, sums.error))
        for index in np.ndindex(*call.shape):
            scaled = call.exact(index) * int(divisor[index]) / Fraction(2) ** sums.exponent
            assert abs(scaled - Fraction(float(high[index])) - Fraction(float(low[index]))) <= Fraction(
                float(error[index])
            )


@pytest.mark.parametrize("op", OPS)
def test_size_is_no_less_than_the_sum_of_absolute_values(op: str) -> None:
    """The bound by norms, and S itself, against S as a fraction."""
    call = drawn(op, "float32", "wide", seed=3)
    sizes, absolute = np.broadcast_to(call.size(), call.shape), call.absolute()

    for index in np.ndindex(*call.shape):
        least = exact_sum(*(np.abs(side.astype(np.float64)) for side in call.terms(index)))
        assert least <= Fraction(float(absolute[index])) <= least * (1 + Fraction(1, 2**40))
        assert least <= Fraction(float(sizes[index])) * (1 + Fraction(1, 2**40))


@pytest.mark.parametrize("op", OPS)
def test_count_is_the_number_of_products(op: str) -> None:
    """Taps over padding are none."""
    call = drawn(op, "float32", "normal")
    count = np.broadcast_to(call.count(), call.shape)

    for index in np.ndindex(*call.shape):
        assert count[index] == len(call.terms(index)[0]), index


@pytest.mark.parametrize("dtype", FORMATS)
def test_many_undecided_sums_are_refined(dtype: str) -> None:
    """
    Sums of a large number, its negative, and one of three that decide a tie: 1 + u, or a very little more or less.

    Of 300 outputs all are undecided in float64 and most in few slices; by hand they are 1 or its neighbour above.
    """
    fmt = FORMATS[dtype]
    little = fmt.smallest_subnormal
    taps = np.array([1.0, 1.0, fmt.u, 1.0, -1.0])
    image = np.tile([1.0, 0.0, 1.0, 0.0, 0.0], (300, 1))
    image[:, 3] = np.arange(300) % 3 * little
    call = forward(round_to(image.reshape(300, 1, 5, 1), fmt), round_to(taps.reshape(1, 5, 1, 1), fmt), 1, "VALID")

    out = call.rounded().astype(np.float64).ravel()

    assert out.tolist() == [1.0 if tap == 0 else 1 + 2 * fmt.u for tap in range(3)] * 100


def test_numbers_too_small_to_be_squared_are_summed_exactly() -> None:
    """2.5 and 2^-60 units of 2^-1074, the smallest subnormal, are 3; 2.5 alone would be 2. 2^-560 squared is 0."""
    image = np.ldexp([2.5, 2.0**-60], -514).reshape(1, 1, 2, 1)

    assert conv2d(image, np.full((1, 2, 1, 1), 2.0**-560), 1, "VALID").item() == 3 * 2.0**-1074


@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose"])
def test_zero_times_the_largest_number_is_zero(op: str) -> None:
    """0 * 1.8e308 + 1/4 + 2^-62 rounds to 1/4: the large number is too large to be cut in halves."""
    image = np.array([0.0, 0.5, 0.25]).reshape(1, 1, 1, 3)
    filters = np.array([np.finfo(np.float64).max, 0.5, 2.0**-60])

    if op == "conv2d":
        out = conv2d(image, filters.reshape(1, 1, 3, 1), 1, "VALID")
    else:
        out = conv2d_transpose(image, filters.reshape(1, 1, 1, 3), [1, 1, 1, 1], 1)

    assert out.item() == 0.25


def test_sums_of_zeros_beside_numbers_far_apart_are_decided_without_their_terms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Slices of filters of 1 leave 2^-1000 out, of more sums than are looked at one by one: all products are zero."""
    monkeypatch.setattr(SumOfProducts, "_summed", None)
    far = np.tile([1.0, 2.0**-1000], 64)

    assert not conv2d(np.zeros((1, 1, 1, 1)), far.reshape(1, 1, 1, -1), 1, "VALID").any()


def test_products_far_apart_are_rounded_once_without_their_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.5 units of 2^-1074, the smallest subnormal, beside 1.25, each alone in its sum: ties go to the even 2."""
    monkeypatch.setattr(SumOfProducts, "_summed", None)
    far = np.tile([1.0, 2.0**-1073], 512)

    out = conv2d(np.full((1, 1, 1, 1), 1.25), far.reshape(1, 1, 1, -1), 1, "VALID")

    assert out.ravel().tolist() == [1.25, 2.0**-1073] * 512


def test_a_mean_half_way_is_decided_without_its_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of 2^52 - 1/2, 2^52 + 5 and seven of 2^52 is 2^52 + 1/2, a tie, which goes to the even 2^52."""
    image = np.array([2.0**52 - 0.5, 2.0**52 + 5, *[2.0**52] * 7]).reshape(1, 3, 3, 1)
    monkeypatch.setattr(SumOfProducts, "_summed", None)

    assert avg_pool(image, 3, 1, "VALID").item() == 2.0**52


@pytest.mark.parametrize("dtype", FORMATS)
def test_many_undecided_means_are_refined(dtype: str) -> None:
    """Windows of 3, 3u and at most the smallest number of either sign: a third is 1 + u, a tie, and its sides."""
    fmt = FORMATS[dtype]
    windows = np.tile([3.0, 3 * fmt.u, 0.0], (300, 1))
    windows[:, 2] = (np.arange(300) % 3 - 1) * fmt.smallest_subnormal

    out = average(round_to(windows.reshape(300, 1, 3, 1), fmt), [1, 3], 1, "VALID").rounded()

    assert out.astype(np.float64).ravel().tolist() == [1.0, 1.0, 1 + 2 * fmt.u] * 100


@pytest.mark.parametrize("far", [2.0**-60, 2.0**-100, 2.0**-200])
def test_a_mean_half_way_is_decided_by_its_smallest_element(far: float) -> None:
    """The mean of 4, 4, 2^-50 and 0 is 2 + 2^-52, a tie, which goes to 2; more goes to 2 + 2^-51, less to 2."""
    images = np.array([[4.0, 4.0, 2.0**-50, rest] for rest in (0.0, far, -far)]).reshape(3, 2, 2, 1)

    assert avg_pool(images, 2, 1, "VALID").ravel().tolist() == [2, 2 + 2.0**-51, 2]


def test_shares_without_a_small_common_multiple() -> None:
    """
    Windows of 60 rows over 60, padded: their counts run from 31 to 60, whose least common multiple is above 2^53.

    The gradients of avg_pool are then sums of quotients; here against fractions, in all formats.
    """
    for fmt in FORMATS.values():
        grad = round_to(np.random.default_rng(4).standard_normal((1, 60, 1, 2)), fmt)
        call = spread("avg_pool_grad", (1, 60, 1, 2), grad, (60, 1), 1, "SAME")
        out = call.rounded()
        for index in np.ndindex(*call.shape):
            exact = sum(
                Fraction(float(grad[0, window, 0, index[3]])) / int(call.shares[window, 0])
                for window in range(max(index[1] - 30, 0), min(index[1] + 30, 60))
            )
            assert call.exact(index) == exact
            assert float(out[index]) == round_ratio(exact.numerator, exact.denominator, fmt), (fmt.name, index)


SPECIALS = [NAN, INF, -INF, 0.0, -0.0, 1.0, -2.0]


def ieee(pairs: list[tuple[float, float]]) -> float:
    """Return the sum of products as IEEE 754 gives it, in float64."""
    with np.errstate(invalid="ignore"):
        return float(sum(np.float64(a) * np.float64(b) for a, b in pairs))


def test_nan_and_infinity_in_two_taps_propagate_as_ieee_says() -> None:
    """conv2d.R11: all 7^4 sums of two products of NaN, infinities, zeros and numbers."""
    taps = list(itertools.product(SPECIALS, repeat=2))
    image = np.array(taps).reshape(-1, 1, 2, 1)

    out = conv2d(image, np.array(taps).T.reshape(1, 2, 1, -1), 1, "VALID")[:, 0, 0]

    expected = [[ieee([(a, c), (b, d)]) for c, d in taps] for a, b in taps]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", FORMATS)
def test_gradients_propagate_nan_and_infinity_too(dtype: str) -> None:
    """One cell is reached by two taps, and one filter element meets two cells: all 7^4 sums of both."""
    taps = np.array(list(itertools.product(SPECIALS, repeat=2))).astype(FORMATS[dtype].dtype)
    expected = [[ieee([(a, d), (b, c)]) for c, d in taps] for a, b in taps]

    filters = taps.T.reshape(1, 2, -1, 1)
    back = conv2d_transpose(taps.reshape(-1, 1, 2, 1), filters, (len(taps), 1, 3, len(taps)), 1, "VALID")
    both = np.concatenate([taps.T.reshape(1, 1, 2, -1), np.zeros((1, 1, 2, 1), taps.dtype)], 3)
    one = [
        conv2d_backprop_filter(both[..., [i]], (1, 1, 1, len(taps)), taps.T[::-1].reshape(1, 1, 2, -1), 1, "VALID")
        for i in range(len(taps))
    ]

    np.testing.assert_array_equal(back[:, 0, 1].astype(np.float64), expected)
    np.testing.assert_array_equal(np.array(one).reshape(len(taps), -1).astype(np.float64), expected)


def test_means_and_unpoolings_propagate_nan_and_infinity() -> None:
    """Two elements of a window, and two values of one index: all 7^2 sums."""
    taps = np.array(list(itertools.product(SPECIALS, repeat=2)))
    expected = [ieee([(a, 1), (b, 1)]) for a, b in taps]
    pairs = taps.reshape(-1, 1, 2, 1)

    means = avg_pool(pairs, [1, 2], 1, "VALID").ravel()
    sums = max_unpool(pairs, np.zeros(pairs.shape, np.int64), (len(taps), 1, 1, 1)).ravel()

    np.testing.assert_array_equal(means * 2, expected)
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("special", [NAN, INF, -INF])
def test_padding_is_absent(special: float) -> None:
    """conv2d.R10: only the middle tap of 3x3 lies inside an image of 1x1; 2 * 3 is 6 whatever the others are."""
    filters = np.full((3, 3, 1, 1), special)
    filters[1, 1] = 3

    assert conv2d(np.full((1, 1, 1, 1), 2.0), filters, 1, "SAME").item() == 6


@pytest.mark.parametrize("special", [NAN, INF, -INF])
def test_inserted_zeros_are_absent(special: float) -> None:
    """conv2d_transpose.R13: from 2 to 4 in steps of 2 under two taps, each cell is reached by one of them."""
    filters = np.array([special, 3]).reshape(1, 2, 1, 1)

    out = conv2d_transpose(np.array([1.0, 2]).reshape(1, 1, 2, 1), filters, (1, 1, 4, 1), 2)

    assert out.ravel()[1::2].tolist() == [3, 6]


def test_a_tap_that_only_meets_padding_has_no_gradient() -> None:
    """conv2d.R10: its sum is empty, whatever the gradient is."""
    out = conv2d_backprop_filter(np.ones((1, 1, 1, 1)), (3, 1, 1, 1), np.full((1, 1, 1, 1), NAN), 1, "SAME")

    np.testing.assert_array_equal(out.ravel(), [0, NAN, 0])


@pytest.mark.parametrize(
    ("image", "filters", "out"),
    [
        ([2**31 - 1, 1], [1, 1], -(2**31)),
        ([-(2**31), -1], [1, 1], 2**31 - 1),
        ([2**16, 0], [2**16, 0], 0),
        ([-(2**31), 0], [-1, 0], -(2**31)),
        ([2**31 - 1, 0], [2**31 - 1, 0], 1),  # 2^62 - 2^32 + 1
        ([-(2**31), -(2**31)], [-(2**31), 2**31 - 1], -(2**31)),  # 2^62 - (2^62 - 2^31) = 2^31
    ],
)
def test_int32_wraps(image: list[int], filters: list[int], out: int) -> None:
    """conv2d.R12 and conv2d_transpose.R14: sums are taken modulo 2^32, from -2^31 to 2^31 - 1."""
    row, column = np.array(image, np.int32), np.array(filters, np.int32)

    assert conv2d(row.reshape(1, 1, 2, 1), column.reshape(1, 2, 1, 1), 1, "VALID").item() == out
    assert conv2d_transpose(row.reshape(1, 1, 1, 2), column.reshape(1, 1, 1, 2), (1, 1, 1, 1), 1).item() == out


def test_long_int32_sums_wrap() -> None:
    """conv2d.R12: 5000 products over all of int32, against Python's integers."""
    rng = np.random.default_rng(5)
    left, right = rng.integers(-(2**31), 2**31, (2, 5000)).astype(np.int32)
    total = sum(int(a) * int(b) for a, b in zip(left, right, strict=True))

    out = conv2d(left.reshape(1, 1, 5000, 1), right.reshape(1, 5000, 1, 1), 1, "VALID").item()

    assert out == (total + 2**31) % 2**32 - 2**31


@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=8), st.integers(5, 26), st.integers(1, 12))
def test_slices_add_up(numbers: list[float], bits: int, most: int) -> None:
    """The parts and a rest smaller than said give the values back; each part has the bits it may have."""
    cut = slices(np.array(numbers), bits, most)

    for i, value in enumerate(numbers):
        parts = [Fraction(float(part[i])) for part in cut.parts]
        rest = Fraction(value) / Fraction(2) ** cut.exponent - sum(parts)
        assert abs(rest) <= (Fraction(2) ** (-bits * most) if cut.rest else 0)
        for k, part in enumerate(parts):
            assert (part * 2 ** (bits * (k + 1))).denominator == 1
            assert abs(part) <= Fraction(1, 2 ** (bits * k))


def test_slices_of_numbers_too_far_apart_say_that_something_is_missing() -> None:
    """Next to 2^1000, 2^-1074 is no number any more."""
    assert slices(np.array([2.0**1000, 5e-324]), 26, 200).rest


moderate = st.floats(-(2.0**400), 2.0**400).filter(lambda value: value == 0 or abs(value) > 2.0**-400)


@given(moderate, moderate)
def test_two_sum_is_exact(a: float, b: float) -> None:
    """Sum and rest, as fractions."""
    total, rest = two_sum(np.array(a), np.array(b))

    assert Fraction(float(total)) + Fraction(float(rest)) == Fraction(a) + Fraction(b)
    assert float(total) == a + b


@given(moderate, moderate)
def test_two_product_is_exact(a: float, b: float) -> None:
    """Product and rest, as fractions."""
    product, rest = two_product(np.array(a), np.array(b))

    assert Fraction(float(product)) + Fraction(float(rest)) == Fraction(a) * Fraction(b)
    assert float(product) == a * b


def test_a_rest_is_what_was_rounded_off() -> None:
    """1 + 2^-60 is 1 and 2^-60; (1 + 2^-30)^2 is 1 + 2^-29 and 2^-60."""
    assert [float(part) for part in two_sum(np.array(1.0), np.array(2.0**-60))] == [1, 2.0**-60]
    assert [float(part) for part in two_product(np.array(1 + 2.0**-30), np.array(1 + 2.0**-30))] == [
        1 + 2.0**-29,
        2.0**-60,
    ]


@given(st.floats(2.0**-900, 1e308))
def test_the_float64_below_is_a_product(value: float) -> None:
    """What rounding to float64 takes for the spacing below a number."""
    assert value * (1 - 2.0**-53) == math.nextafter(value, 0)


def test_an_exact_sum_cancels_without_loss() -> None:
    """2^600 * 2^400 - 2^500 * 2^500 + 2^-600 * 2^-400 is 2^-1000."""
    left, right = np.array([2.0**600, -(2.0**500), 2.0**-600]), np.array([2.0**400, 2.0**500, 2.0**-400])

    assert exact_sum(left, right) == Fraction(1, 2**1000)


def test_an_empty_sum_is_zero() -> None:
    """No products."""
    assert exact_sum(np.zeros(0), np.zeros(0)) == 0


@pytest.mark.parametrize("terms", [1, 127, 128, 129, 300])
def test_a_product_in_chunks_is_the_product(terms: int) -> None:
    """Ones: each element is the number of terms."""
    assert (chunked_product(np.ones((2, terms)), np.ones((terms, 3))) == terms).all()


@given(st.floats(-1, 1), st.integers(1, 50))
def test_rounding_to_multiples(value: float, bits: int) -> None:
    """The nearest multiple of 2^-bits, ties to even."""
    out = rounded_to_multiples(np.array([value]), -bits)

    assert Fraction(float(out[0])) * 2**bits == round(Fraction(value) * 2**bits)
