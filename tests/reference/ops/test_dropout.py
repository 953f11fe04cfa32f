"""Tests of dropout's rules, by hand: u is given, or the result is printed in TensorFlow's documentation."""

from typing import Any

import numpy as np
import pytest

from reference.errors import SpecError
from reference.floats import Array, bfloat16
from reference.ops.dropout import (
    Sampler,
    dropout,
    general_dropout,
    keeps,
    kept_mask,
    scaled,
    stateless_dropout,
)
from reference.ops.dropout_grad import dropout_grad
from reference.ops.masks import possible

DTYPES = ["float16", bfloat16, "float32", "float64"]
INF, NAN = float("inf"), float("nan")


def floats(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return a 1-d array, float32 by default."""
    return np.array(values).astype(dtype)


def numbers(*values: float) -> Sampler:
    """Return a source of the given uniform numbers."""
    return lambda shape, dtype: np.array(values).astype(dtype).reshape(shape)


def bits(values: Array) -> bytes:
    """Return the bytes of an array: what tells -0 from +0."""
    return values.tobytes()


def test_survivors_are_scaled_and_the_others_zero() -> None:
    """Rate 0.75 multiplies what is kept by 4."""
    out = general_dropout(floats(1, 2, 3), 0.75, numbers(0.8, 0.1, 0.9))

    assert out.tolist() == [4, 0, 12]


def test_the_documented_result_of_dropout() -> None:
    """dropout.R11: the first example of tf.nn.dropout's page, global seed 0 and seed 1."""
    out = dropout(np.ones((3, 5), np.float32), rate=0.5, seed=1, global_seed=0)

    assert out.tolist() == [[2, 0, 0, 2, 2], [2, 2, 2, 2, 2], [2, 0, 2, 0, 2]]


def test_the_documented_result_of_dropout_with_a_noise_shape() -> None:
    """dropout.R10: the last example of tf.nn.dropout's page drops whole columns."""
    out = dropout(np.ones((3, 10), np.float32), rate=2 / 3, noise_shape=[1, 10], seed=1, global_seed=0)

    assert (out > 0).tolist() == [[False, False, False, True, True, False, True, True, True, False]] * 3


@pytest.mark.parametrize(
    ("rate", "seed", "kept"),
    [
        (0.5, [1, 0], [[1, 0, 1, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 1]]),
        (0.8, [1, 0], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]]),
        (0.8, [2, 0], [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]),
    ],
)
def test_the_documented_results_of_stateless_dropout(rate: float, seed: list[int], kept: list[list[int]]) -> None:
    """stateless_dropout.R3: the examples of tf.nn.experimental.stateless_dropout's page."""
    out = stateless_dropout(np.ones((3, 5), np.float32), rate, seed)

    assert (out != 0).astype(int).tolist() == kept


@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.complex64, np.uint8])
@pytest.mark.parametrize("rate", [0, 0.5])
def test_x_is_of_a_floating_dtype(dtype: type, rate: float) -> None:
    """dropout.R1: integers, booleans and complex numbers are refused, even at rate 0."""
    with pytest.raises(SpecError, match=r"dropout\.R1"):
        dropout(np.ones(3, dtype), rate, seed=1)


@pytest.mark.parametrize("rate", [1, 1.0, 2, -0.1, NAN, INF, -INF, True, 1 - 1e-17])
def test_a_number_outside_0_to_1_is_no_rate(rate: float) -> None:
    """dropout.R2: 1 - 1e-17 is 1 in float64."""
    with pytest.raises(SpecError, match=r"dropout\.R2"):
        dropout(floats(1), rate, seed=1)


@pytest.mark.parametrize("rate", ["0.5", None, [0.5], 0.5 + 0j, np.array([0.5], np.float32)])
def test_what_is_no_number_is_no_rate(rate: Any) -> None:  # noqa: ANN401 -- of no type in common
    """dropout.R2: text, lists, complex numbers and arrays with axes are refused."""
    with pytest.raises(SpecError, match=r"dropout\.R2"):
        dropout(floats(1), rate, seed=1)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_an_array_rate_has_the_dtype_of_x(dtype: type) -> None:
    """dropout.R3: TensorFlow converts no tensor."""
    with pytest.raises(SpecError, match=r"dropout\.R3"):
        dropout(floats(1), np.array(0, dtype), seed=1)


@pytest.mark.parametrize(("rate", "out"), [(1, [0, 0]), (2, [0, 0]), (NAN, [0, 0]), (-1, [0.5, 1]), (0, [1, 2])])
def test_the_value_of_an_array_rate_is_not_looked_at(rate: float, out: list[float]) -> None:
    """dropout.R4: u is in [0, 1), so rate 1 keeps nothing; rate -1 keeps all and divides it by 2."""
    assert general_dropout(floats(1, 2), np.array(rate, np.float32), numbers(0, 0.5)).tolist() == out


def test_rate_0_gives_x_and_looks_at_nothing_else() -> None:
    """dropout.R5: neither a wrong seed nor a wrong noise_shape matters."""
    x = floats(-0.0, NAN, INF, 1e-45)

    assert bits(stateless_dropout(x, 0, [1], "mersenne", noise_shape=[9])) == bits(x)


@pytest.mark.parametrize("noise_shape", [[2.0, 3], ["a", 3], 6, [None], [None, 2, 3], [-1, 3]])
def test_noise_shape_is_a_list_of_sizes(noise_shape: Any) -> None:  # noqa: ANN401 -- of no type in common
    """dropout.R6: floats, text, a bare number, None in a list of another length, negative sizes are refused."""
    with pytest.raises(SpecError, match=r"dropout\.R6"):
        dropout(np.ones((2, 3), np.float32), 0.5, noise_shape, seed=1)


def test_none_in_noise_shape_is_the_size_of_x() -> None:
    """dropout.R6: [None, 1] on shape [2, 3] draws two numbers."""
    out = general_dropout(np.ones((2, 3), np.float32), 0.5, numbers(0.1, 0.6), [None, 1])

    assert out.tolist() == [[0, 0, 0], [2, 2, 2]]


@pytest.mark.parametrize("noise_shape", [[2, 2], [3, 1], [2], [1, 2, 3], [2, 0]])
def test_noise_shape_broadcasts_to_the_shape_of_x(noise_shape: list[int]) -> None:
    """dropout.R7: on shape [2, 3]; a result larger than x would not be x with elements dropped."""
    with pytest.raises(SpecError, match=r"dropout\.R7"):
        dropout(np.ones((2, 3), np.float32), 0.5, noise_shape, seed=1)


@pytest.mark.parametrize("shape", [(1, 3), (0, 3)])
def test_noise_shape_may_not_enlarge_x(shape: tuple[int, int]) -> None:
    """dropout.R7: noise of 5 rows on an x of one row, or none, is refused."""
    with pytest.raises(SpecError, match=r"dropout\.R7"):
        dropout(np.ones(shape, np.float32), 0.5, [5, 3], seed=1)


@pytest.mark.parametrize(
    ("noise_shape", "out"), [([3], [[0, 2, 0], [0, 2, 0]]), ([], [[0, 0, 0], [0, 0, 0]]), ([1, 1], [[0] * 3] * 2)]
)
def test_a_shorter_noise_shape_counts_from_the_last_axis(noise_shape: list[int], out: list[list[float]]) -> None:
    """dropout.R7: as NumPy broadcasts."""
    count = int(np.prod(noise_shape))

    drawn = general_dropout(np.ones((2, 3), np.float32), 0.5, numbers(*[0.1, 0.6, 0.1][:count]), noise_shape)

    assert drawn.tolist() == out


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_number_equal_to_the_rate_keeps(dtype: Any) -> None:  # noqa: ANN401 -- whatever np.dtype takes
    """dropout.R8: 0.25 is in every format."""
    assert keeps(floats(0.125, 0.25, 0.5, dtype=dtype), 0.25).tolist() == [False, True, True]


def test_the_rate_is_rounded_to_the_dtype_before_it_is_compared() -> None:
    """dropout.R8: 0.3 is 0.30004883 in float16; the number next below, 0.29980469, does not keep."""
    assert keeps(floats(0.29980469, 0.30004883, dtype=np.float16), 0.3).tolist() == [False, True]
    assert keeps(floats(0.30000001, dtype=np.float32), 0.3).tolist() == [True]


def test_a_rate_that_rounds_down_keeps_a_number_below_it() -> None:
    """dropout.R8: 0.5 + 2^-12 is 0.5 in bfloat16, so that 0.5 keeps there and not in float64."""
    assert keeps(floats(0.5, dtype=bfloat16), 0.5 + 2**-12).tolist() == [True]
    assert keeps(floats(0.5, dtype=np.float64), 0.5 + 2**-12).tolist() == [False]


@pytest.mark.parametrize("value", [NAN, INF, -INF, -0.0, -3.0])
def test_what_is_dropped_is_positive_zero(value: float) -> None:
    """dropout.R9: elements are selected, not multiplied by zero."""
    out = general_dropout(floats(value), 0.5, numbers(0.25))

    assert bits(out) == bits(floats(0.0))


def test_what_is_kept_keeps_its_kind() -> None:
    """dropout.R9: a kept -0 is -0, infinity stays, NaN stays."""
    out = general_dropout(floats(-0.0, -INF, NAN), 0.5, numbers(0.5, 0.5, 0.5))

    assert bits(out[:2]) == bits(floats(-0.0, -INF))
    assert np.isnan(out[2])


def test_one_number_decides_along_an_axis_of_1() -> None:
    """dropout.R10: noise shape [2, 1, 1] keeps or drops whole images."""
    x = np.ones((2, 3, 4), np.float32)

    kept = kept_mask(x, 0.5, numbers(0.7, 0.2), [2, 1, 1])

    assert kept.reshape(2, -1).all(axis=1).tolist() == [True, False]
    assert not kept[1].any()


def test_without_seeds_masks_differ_and_are_possible() -> None:
    """dropout.R12: two masks of 200 elements are the same once in 2^200."""
    x = np.ones(200, np.float32)

    first, second = dropout(x, 0.5), dropout(x, 0.5)

    assert bits(first) != bits(second)
    assert possible(x, 0.5, None, first).allowed.all()


def test_a_seed_alone_goes_with_the_default_global_seed() -> None:
    """dropout.R11: it is 87654321."""
    x = np.ones(50, np.float32)

    assert bits(dropout(x, 0.5, seed=3)) == bits(dropout(x, 0.5, seed=3, global_seed=87654321))


@pytest.mark.parametrize("seed", [[1], [1.0, 2.0]])
def test_stateless_dropout_takes_two_integers(seed: list[int]) -> None:
    """stateless_dropout.R1: other seeds are refused."""
    with pytest.raises(SpecError, match=r"stateless_dropout\.R1"):
        stateless_dropout(floats(1), 0.5, seed)


def test_stateless_dropout_knows_its_algorithms() -> None:
    """stateless_dropout.R2: another is refused by name."""
    with pytest.raises(SpecError, match=r"stateless_dropout\.R2.*'xorshift'"):
        stateless_dropout(floats(1), 0.5, [1, 2], "xorshift")


def test_auto_select_drops_as_philox() -> None:
    """stateless_dropout.R3: the default algorithm of kernels."""
    x = np.ones(99, np.float32)

    assert bits(stateless_dropout(x, 0.5, [1, 2])) == bits(stateless_dropout(x, 0.5, [1, 2], "philox"))


def test_compiled_programs_drop_other_elements() -> None:
    """stateless_dropout.R3: two masks of 999 elements made of different bits are the same once in 2^999."""
    x = np.ones(999, np.float32)

    compiled = stateless_dropout(x, 0.5, [1, 2], "philox", compiled=True)

    assert bits(compiled) != bits(stateless_dropout(x, 0.5, [1, 2], "philox"))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_result_has_the_dtype_and_shape_of_x(dtype: Any) -> None:  # noqa: ANN401 -- whatever np.dtype takes
    """Also where it is empty or has no axes."""
    for shape in ((), (0, 3), (2, 3)):
        out = stateless_dropout(np.ones(shape).astype(dtype), 0.5, [1, 2])

        assert (out.dtype, out.shape) == (np.dtype(dtype), shape)


def test_scale_is_rounded_once() -> None:
    """
    1 / (1 - rate) = 1 + 2^-8 + 2^-30 or more rounds to 1 + 2^-7 in bfloat16.

    By way of float32 it would be 1 + 2^-8 there, a tie, and then 1.
    """
    rate = 1 - 1 / (1 + 2**-8 + 2**-30)

    assert scaled(floats(1, dtype=bfloat16), rate).astype(np.float32).tolist() == [1 + 2**-7]


def test_an_array_rate_divides() -> None:
    """
    At rate 0.9 in float16, 1 - rate is 0.1 rounded to 205 / 2048.

    2048 / 205 = 9.9902... rounds to 9.9921875 = 1279 / 128; a number 0.9 scales by 10.
    """
    x = floats(1, dtype=np.float16)

    assert scaled(x, np.array(0.9, np.float16)).tolist() == [1279 / 128]
    assert scaled(x, 0.9).tolist() == [10.0]


def test_a_numpy_number_is_a_number_of_its_own_precision() -> None:
    """1 - float16(0.3) is 0.7001953125 in float16, and its reciprocal 1.427734375 there, also for a float64 x."""
    assert scaled(floats(1, dtype=np.float64), np.float16(0.3)).tolist() == [1.427734375]


def test_the_gradient_goes_where_elements_were_kept() -> None:
    """Rate 0.75 multiplies by 4."""
    out = dropout_grad(floats(1, 2, 3), np.array([True, False, True]), 0.75)

    assert out.tolist() == [4, 0, 12]


@pytest.mark.parametrize("kept", [np.ones(2, bool), np.ones(3, np.float32), np.array(True)])
def test_the_gradient_takes_a_mask_of_its_shape(kept: Array) -> None:
    """dropout_grad.R1: another shape, or numbers, are refused."""
    with pytest.raises(SpecError, match=r"dropout_grad\.R1"):
        dropout_grad(floats(1, 2, 3), kept, 0.5)


def test_the_gradient_at_rate_0_is_grad_itself() -> None:
    """Rate 0 drops nothing, whatever a mask says: dropout returns x, and its gradient is 1."""
    assert dropout_grad(floats(3, 5), np.array([True, False]), 0).tolist() == [3, 5]


def test_the_gradient_of_what_was_dropped_is_zero_whatever_the_scale() -> None:
    """dropout_grad.R2: 1 / (1 - 0.99999) is beyond float16; zero times infinity does not come in."""
    out = dropout_grad(floats(1, NAN, dtype=np.float16), np.array([False, False]), 0.99999)

    assert bits(out) == bits(floats(0, 0, dtype=np.float16))


@pytest.mark.parametrize("seeds", [{"seed": 1.5}, {"seed": "1"}, {"global_seed": [1]}])
def test_a_seed_that_is_no_integer_is_refused(seeds: dict[str, Any]) -> None:
    """dropout.R11."""
    with pytest.raises(SpecError, match=r"dropout\.R11: .*seed is .*: neither an integer nor None"):
        dropout(np.ones(2), 0.5, **seeds)


def test_an_algorithm_that_is_a_list_is_refused() -> None:
    """stateless_dropout.R2."""
    with pytest.raises(SpecError, match=r"stateless_dropout\.R2: rng_alg is \[1\]"):
        stateless_dropout(np.ones(2), 0.5, [1, 2], [1])  # type: ignore[arg-type]
