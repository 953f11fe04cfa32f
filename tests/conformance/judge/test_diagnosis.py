"""An arithmetic is named where differences look like its rounding, not where a tap, a count or a divisor is wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from conformance.judge.allowed import permits
from conformance.judge.diagnosis import ARITHMETIC
from conformance.judge.judging import judge
from conformance.model import Array, ArraySpec, Case, Json, Returned, Symptom, Verdict
from conformance.selftest.emulations import EMULATIONS
from conformance.targets.target import Target
from reference.floats import FORMATS, ulp
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward

PLAIN = Target(name="plain", about="declares float32")
CALL: Mapping[str, Json] = {"strides": 1, "padding": "VALID"}


def normal(*shape: int, dtype: Any = np.float32, seed: int = 1) -> Array:  # noqa: ANN401 -- what astype takes
    """Return normal numbers."""
    return np.random.Generator(np.random.PCG64(seed)).normal(size=shape).astype(dtype)


def judged(op: str, given: Array, attributes: Mapping[str, Json], **arrays: Array) -> Verdict:
    """Judge what a target that declares float32 gave."""
    specs = {name: ArraySpec(array.shape, array.dtype.name) for name, array in arrays.items()}
    case = Case(op=op, arrays=specs, attributes=attributes, regime="normal", seed=0)
    return judge(case, permits(case, {**attributes, **arrays}), Returned((given,), 0.0), PLAIN)


def named(verdict: Verdict) -> tuple[str, ...]:
    """Return the arithmetics that the symptoms of wrong values name."""
    assert verdict.kind == "wrong-value"
    return tuple(symptom for symptom in verdict.symptoms if symptom in ARITHMETIC)


@pytest.mark.parametrize(
    ("emulation", "symptom"),
    [
        ("TF32 rounded", "tf32-factors"),
        ("TF32 truncated", "tf32-factors"),
        ("bfloat16", "bfloat16-factors"),
        ("Winograd F(4, 3)", "winograd-4"),
        ("FFT", "fft"),
    ],
)
def test_an_undeclared_arithmetic_of_convolutions_is_named(emulation: str, symptom: str) -> None:
    """
    On 12 x 12 x 4 through 3 x 3: no transform is called TF32.

    One large element makes transforms err by more than a sum may: Winograd's near it, Fourier's everywhere.
    """
    image, filters = normal(1, 12, 12, 4), normal(3, 3, 4, 4, seed=2)
    image[0, 3, 3, 0] = {"Winograd F(4, 3)": 1e4, "FFT": 1e6}.get(emulation, 1)
    given = EMULATIONS[emulation].compute(forward(image, filters, 1, "VALID"))

    assert named(judged("conv2d", given, CALL, input=image, filters=filters)) == (symptom,)


@pytest.mark.parametrize("channels", [8, 512])
def test_a_tap_that_is_left_out_is_no_arithmetic(channels: int) -> None:
    """Of 9 x 512 products one is less than factors in TF32 could err by; it is not what they err by."""
    image, filters = normal(1, 6, 6, channels), normal(3, 3, channels, 2, seed=2)
    short = filters.copy()
    short[1, 1, 3] = 0
    given = EMULATIONS["float32 in order"].compute(forward(image, short, 1, "VALID"))

    assert named(judged("conv2d", given, CALL, input=image, filters=filters)) == ()


@pytest.mark.parametrize(("row", "name"), [(0, ("bfloat16-sums",)), (1, ())])
def test_a_sum_that_does_not_round_is_not_explained_by_rounding(row: int, name: tuple[str, ...]) -> None:
    """Of 264 ones, and of 100: kept in bfloat16, where 256 + 1 is 256, the first sum is 8 too low; no other rounds."""
    image = np.zeros((1, 8, 264, 1), "bfloat16")
    image[0, 0], image[0, 1:, :100] = 1, 1
    given = image.astype(np.float64).sum(2, keepdims=True).astype(image.dtype)
    given[0, row] -= np.array(8, image.dtype)

    assert named(judged("conv2d", given, CALL, input=image, filters=np.ones((1, 264, 1, 1), image.dtype))) == name


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_wrong_divisor_is_no_arithmetic(dtype: str) -> None:
    """Means of 3 x 3 elements, divided by 8: in bfloat16 sums in the storage type might err by 9/256 of S."""
    image = normal(1, 12, 12, 1, seed=3).astype(dtype)
    attributes: dict[str, Json] = {"ksize": 3, "strides": 1, "padding": "VALID"}
    given = (average(image, 3, 1, "VALID").rounded().astype(np.float64) * 9 / 8).astype(dtype)

    assert named(judged("avg_pool", given, attributes, input=image)) == ()


def test_a_wrong_divisor_in_many_elements_is_none_in_16_bits() -> None:
    """Means of 40 x 40 elements, divided by 1500: less than sums in bfloat16 err by, and always the same share."""
    image = np.abs(normal(1, 42, 42, 1, seed=3)).astype("bfloat16")
    attributes: dict[str, Json] = {"ksize": 40, "strides": 1, "padding": "VALID"}
    given = (average(image, 40, 1, "VALID").rounded().astype(np.float64) * 1600 / 1500).astype(image.dtype)

    assert named(judged("avg_pool", given, attributes, input=image)) == ()


def test_a_mean_over_another_number_of_elements_is_told_as_such() -> None:
    """Counted in bfloat16, 264 elements are 256."""
    image = np.zeros((2, 6, 44, 1), "bfloat16")
    image[:, 0, 0, 0] = [8, -9]
    attributes: dict[str, Json] = {"ksize": [6, 44], "strides": 1, "padding": "VALID"}
    given = np.array([8 / 256, -9 / 256], "bfloat16").reshape(2, 1, 1, 1)

    assert Symptom.DIVISOR in judged("avg_pool", given, attributes, input=image).symptoms


@pytest.mark.parametrize("counted", [256, 320])
def test_a_mean_of_one_element_tells_where_counting_stops(counted: int) -> None:
    """Of 16 x 17 elements: 272 of them counted in bfloat16 are 256; 320 may be any number's rounding."""
    image = np.zeros((1, 16, 17, 1), "bfloat16")
    image[0, 0, 0, 0] = -5
    attributes: dict[str, Json] = {"ksize": [16, 17], "strides": 1, "padding": "VALID"}
    given = np.array([-5 / counted], "bfloat16").reshape(1, 1, 1, 1)

    assert (Symptom.DIVISOR in judged("avg_pool", given, attributes, input=image).symptoms) == (counted == 256)


def test_an_infinite_mean_is_of_no_number_of_elements() -> None:
    """60,000 and 60,000 overflow in float16 before they are halved."""
    image = np.full((1, 1, 2, 1), 60000, "float16")
    attributes: dict[str, Json] = {"ksize": [1, 2], "strides": 1, "padding": "VALID"}
    given = np.full((1, 1, 1, 1), np.inf, "float16")

    assert Symptom.DIVISOR not in judged("avg_pool", given, attributes, input=image).symptoms


@pytest.mark.parametrize("factor", [0, -1])
def test_no_mean_is_over_no_or_fewer_elements(factor: int) -> None:
    """Zeros, or the means of another sign, are no other count's; nor are they what sums in the storage type give."""
    image = np.abs(normal(1, 42, 42, 1, seed=3)).astype("bfloat16")
    attributes: dict[str, Json] = {"ksize": 40, "strides": 1, "padding": "VALID"}
    given = (factor * average(image, 40, 1, "VALID").rounded().astype(np.float64)).astype(image.dtype)
    symptoms = judged("avg_pool", given, attributes, input=image).symptoms

    assert not {Symptom.DIVISOR, Symptom.BFLOAT16_SUMS} & set(symptoms)


def test_some_divisor_fits_any_mean_of_many_elements_in_16_bits() -> None:
    """Of 128 elements: sums in bfloat16 may err by a spacing, and so may a mean divided by 127."""
    image = np.abs(normal(1, 8, 16, 1, seed=3)).astype("bfloat16")
    attributes: dict[str, Json] = {"ksize": [8, 16], "strides": 1, "padding": "VALID"}
    mean = average(image, (8, 16), 1, "VALID").rounded()
    given = (mean.astype(np.float64) + ulp(mean, FORMATS["bfloat16"])).astype(image.dtype)

    assert named(judged("avg_pool", given, attributes, input=image)) == ("bfloat16-sums",)


def test_a_few_wrong_elements_are_no_arithmetic() -> None:
    """One of four hundred, by as much as TF32 may err."""
    image, filters = normal(1, 12, 12, 4), normal(3, 3, 4, 4, seed=2)
    given = forward(image, filters, 1, "VALID").rounded()
    given[0, 5, 5, 0] += np.float32(2e-3)

    assert named(judged("conv2d", given, CALL, input=image, filters=filters)) == ()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sums_in_16_bits_are_named(dtype: str) -> None:
    """Of 36 products, one after the other."""
    image, filters = normal(1, 6, 6, 4, dtype=dtype), normal(3, 3, 4, 2, dtype=dtype, seed=2)
    given = EMULATIONS["sums in the storage type"].compute(forward(image, filters, 1, "VALID"))

    assert named(judged("conv2d", given, CALL, input=image, filters=filters)) == (f"{dtype}-sums",)


def test_sums_are_looked_at_beside_the_alternative_that_is_nearest() -> None:
    """
    Of a tie any element may be credited; where all of a sum lies elsewhere, no difference looks like rounding.

    Windows of two over 1 1 2 3 ... 16 1: of the tie the second 1 is credited. The last two windows credit 16:
    1 + 2^-7 + 2^-9, which is 1 + 2^-7 in bfloat16; a spacing more is given.
    """
    image = np.array([1, *range(1, 17), 1], "bfloat16").reshape(1, 1, 18, 1)
    gradient = np.ones((1, 1, 17, 1), "bfloat16")
    gradient[0, 0, -2:, 0] = [1 + 2.0**-7, 2.0**-9]
    given = np.array([0, *np.ones(15), 1 + 2.0**-6, 0], "bfloat16").reshape(image.shape)
    attributes: dict[str, Json] = {"ksize": [1, 2], "strides": 1, "padding": "VALID"}
    arrays = {"orig_input": image, "orig_output": np.maximum(image[:, :, 1:], image[:, :, :-1]), "grad": gradient}

    assert named(judged("max_pool_grad", given, attributes, **arrays)) == ("bfloat16-sums",)


@pytest.mark.parametrize(("spacings", "symptoms"), [(1, ("bfloat16-sums",)), (3, ())])
def test_one_spacing_in_one_element_is_rounding_in_16_bits(spacings: int, symptoms: tuple[str, ...]) -> None:
    """Of 144 products of one sign the spacing is more than a tenth of the mean one; sums in bfloat16 err by both."""
    image, filters = (np.abs(normal(*shape, dtype="bfloat16")) for shape in ((1, 6, 6, 16), (3, 3, 16, 1)))
    given = forward(image, filters, 1, "VALID").rounded()
    given[0, 2, 2, 0] += spacings * ulp(given[0, 2, 2, 0], FORMATS["bfloat16"])

    assert named(judged("conv2d", given, CALL, input=image, filters=filters)) == symptoms


@pytest.mark.parametrize(("given", "symptoms"), [(7.0, ("bfloat16-sums",)), (8.0, ())])
def test_one_spacing_of_a_sum_that_cancels_is_rounding_in_16_bits(given: float, symptoms: tuple[str, ...]) -> None:
    """128 - 127 + 4 is 5, and numbers as large as 128 + 127 + 4 are 2 apart; of 64 products most are 0."""
    image = np.zeros((1, 1, 10, 64), FORMATS["bfloat16"].dtype)
    image[..., 0], image[0, 0, 0, :3] = 1, (128, -127, 4)
    filters = np.ones((1, 1, 64, 1), image.dtype)
    sums = forward(image, filters, 1, "VALID").rounded()
    sums[0, 0, 0, 0] = given

    assert named(judged("conv2d", sums, CALL, input=image, filters=filters)) == symptoms


@pytest.mark.parametrize(("given", "name"), [((1, 4), ("float16-sums",)), ((0, 4), ())])
def test_sums_in_the_storage_type_are_named_in_a_chain_of_ops(
    given: tuple[float, float], name: tuple[str, ...]
) -> None:
    """
    1 + 4 x 2^-11 tap by tap in float16 is 1 each time, as ties go to even; 1 + 2^-9 is right, and 0 is no rounding.

    The other sum, 4, is exact.
    """
    image = np.array([1, *[2**-11] * 4, 4, 0, 0, 0, 0], np.float16).reshape(1, 1, 10, 1)
    arrays = {
        "input": image,
        "filters": np.ones((1, 5, 1, 1), np.float16),
        "pointwise_filter": np.ones((1, 1, 1, 1), np.float16),
    }
    chain: Mapping[str, Json] = {**CALL, "strides": [1, 5, 5, 1], "stages": ["depthwise_conv2d", "pointwise_conv2d"]}

    assert named(judged("pattern", np.array(given, np.float16).reshape(1, 1, 2, 1), chain, **arrays)) == name
