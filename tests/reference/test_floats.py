"""Rounding to a format: by hand, and against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.floats import FORMATS, Format, format_of, round_ratio, round_to, to_odd, ulp

formats = st.sampled_from(list(FORMATS.values()))
narrow = [FORMATS[name] for name in ("float16", "bfloat16", "float32")]
INF = math.inf


def rounded(value: float, name: str) -> float:
    """Return one number rounded to a format."""
    return float(round_to(np.array(value), FORMATS[name]))


@pytest.mark.parametrize(
    ("name", "u", "largest", "normal", "subnormal"),
    [
        ("float16", 2**-11, 65504.0, 2**-14, 2**-24),
        ("bfloat16", 2**-8, 255 * 2.0**120, 2**-126, 2**-133),
        ("float32", 2**-24, 16777215 * 2.0**104, 2**-126, 2**-149),
        ("float64", 2**-53, 1.7976931348623157e308, 2**-1022, 5e-324),
    ],
)
def test_formats_have_their_published_constants(
    name: str, u: float, largest: float, normal: float, subnormal: float
) -> None:
    """IEEE 754-2019, table 3.5; bfloat16 has float32's exponents and 8 bits."""
    fmt = FORMATS[name]

    assert (fmt.name, fmt.u, fmt.largest, fmt.smallest_normal, fmt.smallest_subnormal) == (
        name,
        u,
        largest,
        normal,
        subnormal,
    )


def test_format_of_a_dtype() -> None:
    """By dtype, type or name."""
    assert format_of(np.dtype("float32")) is format_of(np.float32) is format_of("float32") is FORMATS["float32"]


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (2049.0, 2048.0),  # between 2048 and 2050, whose last bits are 0 and 1
        (2051.0, 2052.0),  # between 2050 and 2052
        (2049.0000001, 2050.0),
        (65519.999, 65504.0),
        (65520.0, INF),  # halfway from 65504 to 65536
        (-65520.0, -INF),
        (2.0**-25, 0.0),  # halfway from 0 to the smallest subnormal
        (2.0**-25 * (1 + 2.0**-52), 2.0**-24),
        (3 * 2.0**-25, 2.0**-23),
        (1 + 2.0**-11, 1.0),
        (1 + 3 * 2.0**-11, 1 + 2.0**-9),
    ],
)
def test_float16_rounds_ties_to_even(value: float, out: float) -> None:
    """Spacing is 2 from 2048 on, 32 below 65536, 2^-24 below 2^-13, 2^-10 from 1 on."""
    assert rounded(value, "float16") == out


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (257.0, 256.0),
        (259.0, 260.0),
        (2.0**-134, 0.0),
        (3 * 2.0**-134, 2.0**-132),
        (255.5 * 2.0**120, INF),  # halfway from the largest number to 2^128
        (-255.499 * 2.0**120, -255 * 2.0**120),
        (1e300, INF),
        (1e-300, 0.0),
    ],
)
def test_bfloat16_rounds_ties_to_even(value: float, out: float) -> None:
    """Spacing is 2 from 256 on, 2^-133 below 2^-125, 2^120 at the end."""
    assert rounded(value, "bfloat16") == out


@pytest.mark.parametrize(
    ("value", "out", "twice"),
    [
        (1 + 2.0**-8 + 2.0**-30, 1 + 2.0**-7, 1.0),
        (1 + 3 * 2.0**-8 - 2.0**-30, 1 + 2.0**-7, 1 + 2.0**-6),
        (-1 - 2.0**-8 - 2.0**-30, -1 - 2.0**-7, -1.0),
    ],
)
def test_bfloat16_is_rounded_once(value: float, out: float, twice: float) -> None:
    """A little past halfway, float32 drops the little, and rounding from there is a tie: it goes the wrong way."""
    from_float32 = float(round_to(np.array(float(np.float32(value))), FORMATS["bfloat16"]))

    assert (rounded(value, "bfloat16"), from_float32) == (out, twice)


@pytest.mark.parametrize("fmt", list(FORMATS.values()), ids=lambda fmt: fmt.name)
def test_nan_infinity_and_the_sign_of_zero_stay(fmt: Format) -> None:
    """They are numbers of every format."""
    out = round_to(np.array([math.nan, INF, -INF, 0.0, -0.0]), fmt)

    assert out.dtype == fmt.dtype
    assert np.isnan(out[0])
    assert out[1:].tolist() == [INF, -INF, 0, 0]
    assert np.signbit(out[1:]).tolist() == [False, True, False, True]


@given(st.floats(allow_nan=False, allow_infinity=False), formats)
def test_round_to_is_round_ratio(value: float, fmt: Format) -> None:
    """Two ways to round, by casts and by whole numbers, agree on every float64."""
    assert rounded(value, fmt.name) == round_ratio(*value.as_integer_ratio(), fmt)


@given(st.sampled_from(narrow), st.integers(0, 2**16 - 1), st.sampled_from([-1, 0, 1]))
def test_round_to_is_round_ratio_next_to_ties(fmt: Format, start: int, side: int) -> None:
    """Halfway between neighbours, and the next float64 on both sides of it, all over the range."""
    low = Fraction(start % 2**fmt.precision) * Fraction(2) ** (fmt.emin - fmt.precision + 1 + start % 200)
    tie = float(low + Fraction(2) ** (fmt.emin - fmt.precision + start % 200))
    value = math.nextafter(tie, side * INF) if side else tie

    assert rounded(value, fmt.name) == round_ratio(*value.as_integer_ratio(), fmt)


@pytest.mark.parametrize(
    ("numerator", "denominator", "name", "out"),
    [
        (1, 3, "bfloat16", 171 / 512),  # 128 / 384 has 8 bits: 170.67 / 512
        (-1, 3, "float16", -1365 / 4096),  # 1365.33 / 4096
        (1, 3, "float32", 11184811 / 2**25),  # 11184810.67 / 2^25
        (1, 3, "float64", 1 / 3),
        (2049, 1, "float16", 2048.0),
        (2051, 1, "float16", 2052.0),
        (4099, 2, "float16", 2050.0),
        (65519, 1, "float16", 65504.0),
        (65520, 1, "float16", INF),
        (-(10**40), 1, "float32", -INF),
        (1, 2**25, "float16", 0.0),
        (3, 2**25, "float16", 2.0**-23),
        (2**25 + 1, 2**50, "float16", 2.0**-24),
        (1, 2**1075, "float64", 0.0),
        (3, 2**1075, "float64", 2.0**-1073),
        (2**1024 - 2**970, 1, "float64", INF),
        (2**1024 - 2**970 - 1, 1, "float64", 1.7976931348623157e308),
        (0, 7, "float32", 0.0),
    ],
)
def test_round_ratio_by_hand(numerator: int, denominator: int, name: str, out: float) -> None:
    """Ties go to even, at the ends of the range too."""
    assert round_ratio(numerator, denominator, FORMATS[name]) == out


@given(st.integers(), st.integers(min_value=1))
def test_round_ratio_is_pythons_division_in_float64(numerator: int, denominator: int) -> None:
    """Python divides integers correctly rounded."""
    assert round_ratio(numerator, denominator, FORMATS["float64"]) == numerator / denominator


@pytest.mark.parametrize(
    ("value", "rest", "out"),
    [
        (1.0, 0.0, 1.0),
        (1.0, 1e-20, 1 + 2.0**-52),
        (1.0, -1e-20, 1 - 2.0**-53),
        (1 + 2.0**-52, 1e-20, 1 + 2.0**-52),  # odd already
        (1 + 2.0**-52, -1e-20, 1 + 2.0**-52),
        (-1.0, 1e-20, -1 + 2.0**-53),
        (INF, 1.0, INF),
    ],
)
def test_to_odd_marks_what_is_inexact(value: float, rest: float, out: float) -> None:
    """Of the two float64 around an inexact number, the one with an odd last bit."""
    assert to_odd(np.array(value), np.array(rest)).item() == out


@given(
    st.floats(2.0**-100, 2.0**100) | st.floats(-(2.0**100), -(2.0**-100)),
    st.floats(-1, 1),
    st.sampled_from(narrow),
)
def test_rounding_to_odd_first_is_rounding_once(value: float, part: float, fmt: Format) -> None:
    """A float64 and a rest of up to a quarter of its spacing, by way of float64 and from the sum as a fraction."""
    rest = part * math.ulp(value) / 4
    exact = Fraction(value) + Fraction(rest)

    out = round_to(to_odd(np.array(value), np.array(rest)), fmt)

    assert float(out) == round_ratio(exact.numerator, exact.denominator, fmt)


@pytest.mark.parametrize(
    ("value", "name", "out"),
    [
        (1.0, "float16", 2.0**-10),
        (-1.5, "bfloat16", 2.0**-7),
        (2.0, "float32", 2.0**-22),
        (0.0, "float32", 2.0**-149),
        (2.0**-149, "float32", 2.0**-149),
        (2.0**-126, "float32", 2.0**-149),
        (2.0**-125, "float32", 2.0**-148),
        (65504.0, "float16", 32.0),
    ],
)
def test_ulp_is_the_distance_to_the_next_number(value: float, name: str, out: float) -> None:
    """2^(exponent - p + 1), and no less than the smallest subnormal."""
    assert ulp(np.array(value), FORMATS[name]).item() == out


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ulp_of_float64_is_pythons(value: float) -> None:
    """math.ulp."""
    assert ulp(np.array(value), FORMATS["float64"]).item() == math.ulp(value)
