"""What the stages of a pattern make of the numbers that an element may be, by hand."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from reference import spans
from reference.activations import ACTIVATIONS
from reference.bounds import ARITHMETICS, Within, exactly, within
from reference.floats import Array
from reference.ops.conv2d import conv2d, forward
from reference.spans import Span

FLOAT32, GRADUAL, TF32 = (ARITHMETICS[name] for name in ("float32", "float32-gradual", "tf32"))
U = 2.0**-24
NAN, INF = np.nan, np.inf


def one(*values: float, dtype: str = "float32") -> Array:
    """Return a row of numbers."""
    return np.array(values, np.float64).astype(dtype)


def known(value: float, bound: float = 0.0, size: float = 0.0, count: int = 1, dtype: str = "float32") -> Within:
    """Return the set of one element: within `bound` of a value."""
    low, high = one(value - bound, dtype=dtype), one(value + bound, dtype=dtype)
    parts = {name: np.array([float(part)]) for name, part in (("bound", bound), ("size", size), ("count", count))}
    return Within(value=one(value, dtype=dtype), low=low, high=high, nan=np.array([False]), **parts)


def exact(*values: float, whole: bool = False) -> Span:
    """Return the span of numbers that are known."""
    return spans.opened(exactly(one(*values)), FLOAT32, whole=whole)


def ends(span: Span) -> tuple[list[float], list[float], list[bool]]:
    """Return lowest and highest numbers, and whether NaN is allowed."""
    return span.low.tolist(), span.high.tolist(), span.nan.tolist()


def test_a_number_that_is_known_stays_what_it_is() -> None:
    """Without an error, nothing rounds to it but itself."""
    assert ends(exact(1.5)) == ([1.5], [1.5], [False])


def test_what_is_rounded_may_have_been_half_a_spacing_away() -> None:
    """1 and its neighbours of float32 are 2^-23 apart above."""
    span = spans.opened(known(1.0, bound=2.0**-23, size=1.0), FLOAT32, whole=False)

    assert span.high.tolist() == [1 + 2.0**-23 + U]


def test_a_term_adds_its_own_roundings_and_one_of_the_sum() -> None:
    """Of two products that add up to 3, and a term of 4: u 3 + (2 + 1) u 4 = 15 u, and half a spacing of 3, 2 u."""
    span = spans.added(spans.opened(known(3.0, bound=2 * U * 3, size=3.0, count=2), FLOAT32, whole=False), one(4.0))

    assert span.high[0] - 7.0 == pytest.approx((2 * 3 + 2 + 15) * U, rel=0.1)
    assert (span.size.tolist(), span.count.tolist()) == ([7.0], [3])


def test_whole_numbers_add_exactly() -> None:
    """3 + 4 is 7 in every order; where one of them is no whole number it is not held to that."""
    span = spans.opened(known(3.0, bound=U, size=3.0), FLOAT32, whole=True)

    assert ends(spans.added(span, one(4.0)))[:2] == ([7.0], [7.0])
    assert spans.added(span, one(4.5)).high[0] > 7.5


def test_a_unit_that_truncates_errs_twice_as_much() -> None:
    """2 u for each addition."""
    near, twice = (
        spans.added(spans.opened(exactly(one(1.0)), arithmetic, whole=False), one(0.5)).high[0] - 1.5
        for arithmetic in (FLOAT32, TF32)
    )

    assert twice == pytest.approx(2 * near, rel=1e-3)


@pytest.mark.parametrize(
    ("first", "term", "out"),
    [(INF, -INF, NAN), (INF, 1.0, INF), (1.0, -INF, -INF), (NAN, 1.0, NAN), (1.0, NAN, NAN)],
)
def test_infinity_and_nan_add_as_ieee_has_them(first: float, term: float, out: float) -> None:
    """Infinity less infinity is NaN, and nothing else."""
    low, high, nan = ends(spans.added(exact(first), one(term)))

    assert np.array_equal([*low, *high], [out, out], equal_nan=True)
    assert nan == [np.isnan(out)]


def test_where_the_sum_overflows_anything_is_allowed() -> None:
    """3e38 and 3e38 are beyond float32: infinity of either sign meets on the way, and NaN."""
    assert ends(spans.added(exact(3e38), one(3e38))) == ([-INF], [INF], [True])


def test_an_infinity_of_float16_may_have_been_finite_in_the_accumulator() -> None:
    """70,000 is beyond float16, not beyond float32: 70,000 less 60,000 may be 10,000, or infinity."""
    result = known(INF, size=70000.0, dtype="float16")

    span = spans.added(spans.opened(result, FLOAT32, whole=False), one(-60000.0, dtype="float16").astype(np.float64))

    assert span.low[0] <= 10000
    assert span.high.tolist() == [INF]


def test_rounding_between_stages_is_allowed_and_so_is_none() -> None:
    """1 + 2^-12 is 1 in float16: less 1 it is 0 where it is rounded first, else 2^-12."""
    half = spans.opened(exactly(one(1.0, dtype="float16")), FLOAT32, whole=False)
    first = spans.added(half, one(2.0**-12))

    second = spans.added(first, one(-1.0))

    assert second.low[0] <= 0
    assert second.high[0] >= 2.0**-12


def test_a_subnormal_number_may_be_zero_where_those_are_flushed() -> None:
    """As an operand and as a result; under gradual underflow neither."""
    tiny = 2.0**-140

    flushed, kept = (
        spans.added(spans.opened(exactly(one(0.0)), arithmetic, whole=False), np.array([tiny]))
        for arithmetic in (FLOAT32, GRADUAL)
    )

    assert flushed.low[0] <= 0 < kept.low[0]


def mixed(first: Span, value: Array, *weights: float) -> Span:
    """Return what a 1x1 convolution with one filter makes of the channels of one pixel; value: the reference's."""
    pixel, filters = value.reshape(1, 1, 1, -1), one(*weights).reshape(1, 1, -1, 1)
    result = within(forward(pixel, filters, 1, "VALID"), FLOAT32)
    mix = partial(conv2d, strides=1, padding="VALID")
    out = spans.mixed(reshaped(first, (1, 1, 1, -1)), pixel, result, filters, mix)
    return reshaped(out, (-1,))


def reshaped(span: Span, shape: tuple[int, ...]) -> Span:
    """Return a span with its elements in another shape."""
    parts = ("low", "high", "nan", "size", "count")
    return replace(span, **{name: getattr(span, name).reshape(shape) for name in parts})


def test_a_1x1_convolution_of_whole_numbers_is_exact() -> None:
    """1 2 + 3 (-4) = -10."""
    assert ends(mixed(exact(1.0, 3.0, whole=True), one(1.0, 3.0), 2.0, -4.0)) == ([-10.0], [-10.0], [False])


def test_what_a_1x1_convolution_takes_may_be_apart_from_the_reference() -> None:
    """1, or 2^-8 to either side, 4 times, and 3 twice: 10, within 4 2^-8 and a few u."""
    first = exact(1.0, 3.0)
    first = replace(first, low=np.array([1 - 2.0**-8, 3]), high=np.array([1 + 2.0**-8, 3]))

    out = mixed(first, one(1.0, 3.0), 4.0, 2.0)

    assert out.high.item() - 10 == pytest.approx(2.0**-6, abs=40 * U)
    assert 10 - out.low.item() == pytest.approx(2.0**-6, abs=40 * U)
    assert min(out.high.item() - 10, 10 - out.low.item()) > 2.0**-6


@pytest.mark.parametrize(
    ("channels", "weights", "out"),
    [((INF, 1), (1, 1), INF), ((INF, 1), (0, 1), NAN), ((INF, -INF), (1, 1), NAN), ((NAN, 1), (0, 1), NAN)],
)
def test_a_1x1_convolution_takes_infinity_and_nan_as_ieee_has_them(
    channels: tuple[float, float], weights: tuple[float, float], out: float
) -> None:
    """Infinity times 0, and less infinity, is NaN, and nothing else."""
    low, high, nan = ends(mixed(exact(*channels), one(*channels), *weights))

    assert np.array_equal([*low, *high], [out, out], equal_nan=True)
    assert nan == [np.isnan(out)]


@pytest.mark.parametrize(("low", "weight"), [(-INF, 1.0), (0.5, INF)])
def test_where_a_1x1_convolution_meets_what_may_be_infinite_anything_is_allowed(low: float, weight: float) -> None:
    """An element that may be infinite, or one that may be another times infinity."""
    first = replace(exact(1.0), low=np.array([low]))

    assert ends(mixed(first, one(1.0), weight)) == ([-INF], [INF], [True])


def test_batch_norm_maps_both_ends_and_may_turn_them_round() -> None:
    """(1 - 3) times -2, and 5, is 9: within ten roundings of |1 (-2)| + |3 (-2)| + |5| = 13."""
    span = spans.normalised(exact(1.0), *(np.array([value]) for value in (-2.0, 3.0, 5.0)))

    assert span.low[0] <= 9 <= span.high[0]
    assert span.high[0] - 9 == pytest.approx(130 * U, rel=0.01)
    assert span.size.tolist() == [13.0]


def test_relu_is_exact_and_keeps_nan() -> None:
    """pattern.R2: what is below 0 becomes 0, NaN stays."""
    low, high, nan = ends(spans.activated(exact(-2.0, 3.0, NAN, -INF), ACTIVATIONS["relu"], 0.2))

    assert np.array_equal(low, [0, 3, NAN, 0], equal_nan=True)
    assert np.array_equal(low, high, equal_nan=True)
    assert nan == [False, False, True, False]


def test_a_slope_may_be_rounded_to_the_dtype() -> None:
    """0.1 in bfloat16 is 0.10009765625: of -1 either product, each rounded or not."""
    span = spans.opened(exactly(one(-1.0, dtype="bfloat16")), FLOAT32, whole=False)

    out = spans.activated(span, ACTIVATIONS["leaky_relu"], 0.1)

    assert out.low[0] <= -0.10009765625 < -0.1 <= out.high[0]


@pytest.mark.parametrize(("activation", "units"), [("tanh", 10), ("sigmoid", 12)])
def test_an_activation_errs_by_units_of_its_result(activation: str, units: int) -> None:
    """tanh(0.5) = 0.46211716, 1 / (1 + exp(-0.5)) = 0.62245933, on both sides."""
    value = {"tanh": 0.46211715726, "sigmoid": 0.62245933120}[activation]

    span = spans.activated(exact(0.5), ACTIVATIONS[activation], 0.2)

    assert (span.high[0] - span.low[0]) / 2 == pytest.approx(units * U * value, rel=0.2)
    assert (span.high[0] + span.low[0]) / 2 == pytest.approx(value, abs=U)


def test_elu_errs_by_units_of_the_exponential() -> None:
    """Near 0 exp(x) - 1 loses all digits: of -2^-30 it may be 0, or six units of 1 below."""
    span = spans.activated(exact(-(2.0**-30)), ACTIVATIONS["elu"], 0.2)

    assert span.low[0] == pytest.approx(-6 * U, rel=0.01)
    assert span.high[0] == pytest.approx(6 * U, rel=0.01)


def test_what_may_be_is_rounded_at_the_end() -> None:
    """From the float32 below to the one above, of which the reference's is one."""
    span = spans.added(exact(1.0), one(2.0**-30))

    result = spans.within(span, one(1.0))

    assert result.admits(one(1.0)).all()
    assert not result.admits(one(1.0 + 2.0**-20)).any()
    assert result.bound[0] > 0
