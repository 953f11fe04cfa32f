"""Tests of what must hold of any mask, and of the choices of what is kept and what is dropped, by hand."""

from typing import Any

import numpy as np
import pytest

from reference.floats import Array
from reference.ops.masks import dropped, kept, possible

INF, NAN = float("inf"), float("nan")


def floats(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return a 1-d array, float32 by default."""
    return np.array(values).astype(dtype)


@pytest.mark.parametrize(
    ("observed", "allowed"), [(2.0, True), (0.0, True), (-0.0, False), (1.0, False), (2.0000002, False), (NAN, False)]
)
def test_only_the_scaled_element_and_zero_are_possible(observed: float, allowed: bool) -> None:
    """At rate 0.5, 1 gives 2 or 0; one ulp off is off, and a negative zero is a product with zero, not a zero."""
    assert possible(floats(1), 0.5, None, floats(observed)).allowed.tolist() == [allowed]


def test_what_was_kept_is_read_off_the_result() -> None:
    """1 gives 2 or 0; 0 gives 0 either way and tells nothing."""
    seen = possible(floats(1, 1, 0), 0.5, None, floats(2, 0, 0))

    assert seen.kept.tolist() == [True, False, True]
    assert seen.dropped.tolist() == [False, True, True]
    assert seen.ambiguous.tolist() == [False, False, True]


@pytest.mark.parametrize("x", [0.0, -0.0, 2.0**-140])
@pytest.mark.parametrize("observed", [0.0, 2.0**-139, -0.0])
def test_what_may_be_zero_when_kept_is_left_out_whatever_came(x: float, observed: float) -> None:
    """Were subnormals counted only where they were seen kept, too many would seem kept."""
    assert possible(floats(x), 0.5, None, floats(observed)).ambiguous.all()


def test_cells_are_kept_or_dropped_as_a_whole() -> None:
    """dropout.R10: under noise shape [2, 1] the second row, half dropped, is not possible."""
    x, observed = np.ones((2, 2), np.float32), np.array([[2, 2], [2, 0]], np.float32)

    seen = possible(x, 0.5, [2, 1], observed)

    assert seen.allowed.tolist() == [[True, True], [False, False]]
    assert seen.kept.tolist() == [[True], [False]]


def test_a_shorter_noise_shape_shares_the_leading_axes() -> None:
    """dropout.R10: under noise shape [2] column 1, kept in one row only, is not possible."""
    x, observed = np.ones((2, 2), np.float32), np.array([[2, 2], [2, 0]], np.float32)

    assert possible(x, 0.5, [2], observed).allowed.tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize(
    ("rate", "observed", "allowed"),
    [(0, 1, True), (0, 0, False), (np.array(0, np.float32), 0, False), (np.array(1, np.float32), 0, True)],
)
def test_the_ends_of_the_range_leave_no_choice(rate: Any, observed: float, allowed: bool) -> None:  # noqa: ANN401
    """Rate 0 drops nothing; an array 1 drops all."""
    assert possible(floats(1), rate, None, floats(observed)).allowed.tolist() == [allowed]


def test_an_array_rate_of_1_keeps_nothing() -> None:
    """Though 1 / (1 - 1) is infinity, infinity is not possible."""
    assert not possible(floats(1), np.array(1, np.float32), None, floats(INF)).allowed.any()


def test_a_kept_subnormal_may_be_flushed() -> None:
    """2^-140 kept at rate 0.5 is 2^-139, or 0 on a processor that flushes subnormals: the cell tells nothing then."""
    x = floats(2.0**-140)

    assert possible(x, 0.5, None, floats(2.0**-139)).kept.all()
    assert possible(x, 0.5, None, floats(0)).ambiguous.all()


@pytest.mark.parametrize("how", ["multiplied", "divided", "rounded"])
@pytest.mark.parametrize("rate", [0.5, 0.3, 1 - 2.0**-30])
def test_kept_nan_and_infinity_are_possible(rate: float, how: str) -> None:
    """NaN kept is NaN of any kind, infinity itself, whatever it is scaled by; dropped, both are 0."""
    choices = {"dropout.R14": how}

    assert possible(floats(NAN, INF, NAN, INF), rate, None, floats(NAN, INF, 0, 0), choices).allowed.all()
    assert not possible(floats(INF), rate, None, floats(NAN), choices).allowed.any()


def test_25_at_rate_a_quarter_is_multiplied_divided_or_rounded_at_each_step() -> None:
    """
    dropout.R14: 4/3 rounds to 11184811 * 2^-23, 25 of which to 8738134 * 2^-18; 25 / 0.75 = 8738133.33 * 2^-18.

    The error of 3.33 u is 3.33 * 2^-24 * 33.3, less than two spacings of 2^-18.
    """
    unit = 2.0**-18
    ends = {how: kept(floats(25), 0.25, {"dropout.R14": how}) for how in ("multiplied", "divided", "rounded")}

    assert [end.tolist() for end in ends["multiplied"]] == [[8738134 * unit]] * 2
    assert [end.tolist() for end in ends["divided"]] == [[8738133 * unit]] * 2
    assert [end.tolist() for end in ends["rounded"]] == [[8738131 * unit], [8738136 * unit]]


def test_an_array_rate_divides_or_multiplies() -> None:
    """dropout.R15: the same two, the other way round."""
    rate = np.array(0.25, np.float32)

    assert kept(floats(25), rate)[0].tolist() == [8738133 * 2.0**-18]
    assert kept(floats(25), rate, {"dropout.R15": "multiplied"})[0].tolist() == [8738134 * 2.0**-18]


def test_a_dropped_element_is_selected_or_multiplied_by_zero() -> None:
    """dropout.R9, dropout.R13: 0 where it is selected; times 0, NaN and infinity are NaN, and -1 is -0."""
    x = floats(-1, NAN, INF)

    assert dropped(x, floats(0, 0, 0)).all()
    assert dropped(x, floats(-0.0, NAN, NAN), {"dropout.R9": "NaN", "dropout.R13": "signed"}).all()
    assert dropped(x, floats(-0.0, NAN, NAN)).tolist() == [False] * 3
    assert dropped(x, floats(-0.0, 0, 0), {"dropout.R13": "signed"}).tolist() == [True, True, True]


def test_a_wrong_divisor_is_none_of_the_choices() -> None:
    """25 at rate 0.25, divided by 0.25 or by 0.7."""
    for how in ("multiplied", "divided", "rounded"):
        for wrong in (100, 35.714287):
            assert not possible(floats(25), 0.25, None, floats(wrong), {"dropout.R14": how}).allowed.any()


def test_a_dropped_nan_that_stays_nan_tells_nothing_of_the_mask() -> None:
    """dropout.R9 made NaN: kept and dropped it looks alike; 2 at rate 1/2 was kept."""
    found = possible(floats(NAN, 1), 0.5, None, floats(NAN, 2), {"dropout.R9": "NaN"})

    assert found.ambiguous.tolist() == [True, False]
    assert found.allowed.all()
