"""What a case may give: sets beside the one number that the specification prefers, each by hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import reference
from conformance import ops
from conformance.judge.allowed import Allowed, AnyMask, AnyOf, Refused, Results, allowed
from conformance.judge.judging import repeats
from conformance.judge.verdicts import verdict
from conformance.model import Array, ArraySpec, Case, Raised, Returned
from conformance.ops import OPS
from conformance.targets import registry


def of(op: str, first: str, **arguments: Any) -> Any:  # noqa: ANN401 -- whatever a call is made of
    """Return what this call may give; `first` names its first array."""
    spec = ArraySpec(arguments[first].shape, arguments[first].dtype.name)
    return allowed(Case(op=op, arrays={first: spec}, attributes={}, regime="", seed=0), arguments)


def ends(results: Any) -> list[tuple[Array, Array]]:  # noqa: ANN401
    """Return the lowest and highest numbers of each result."""
    assert isinstance(results, Results)
    return [(array.low, array.high) for array in results.arrays]


def test_a_subnormal_gradient_may_count_as_zero_though_its_scaled_self_is_normal() -> None:
    """2^-127 at rate 1/2 is 2^-126, a normal number; a processor that flushes 2^-127 makes 0 of it."""
    grad = np.array([2.0**-127, 1], np.float32)

    ((low, high),) = ends(of("dropout_grad", "grad", grad=grad, kept=np.array([True, True]), rate=0.5))

    assert low.tolist() == [0, 2]
    assert high.tolist() == [2.0**-126, 2]


@pytest.mark.parametrize("rng_alg", ["auto_select", "autoselect", 3, None])
def test_what_selects_itself_may_draw_any_mask(rng_alg: str | int | None) -> None:
    """However auto_select is spelt, the numbers may differ from device to device."""
    sets = of("stateless_dropout", "x", x=np.ones(8, np.float32), rate=0.5, seed=[1, 2], rng_alg=rng_alg)

    assert isinstance(sets, AnyOf)
    assert isinstance(sets.options[1], AnyMask)


@pytest.mark.parametrize("rng_alg", ["philox", "Philox", 1])
def test_a_named_algorithm_draws_one_mask(rng_alg: str | int) -> None:
    """Philox is the same everywhere."""
    sets = of("stateless_dropout", "x", x=np.ones(8, np.float32), rate=0.5, seed=[1, 2], rng_alg=rng_alg)

    assert isinstance(sets, Results)


def test_another_of_two_tied_cells_may_be_credited_with_nan() -> None:
    """A window of two equal elements, of gradient NaN: the second may get it, and the first then gets 0."""
    image, one = np.ones((1, 1, 2, 1), np.float32), np.ones((1, 1, 1, 1), np.float32)

    sets = of(
        "max_pool_grad",
        "orig_input",
        orig_input=image,
        orig_output=one,
        grad=one * np.nan,
        ksize=[1, 2],
        strides=2,
        padding="VALID",
    )

    (second,) = sets.options[1].arrays
    assert second.admits(np.array([0, np.nan], np.float32).reshape(1, 1, 2, 1)).all()


def test_the_gradient_of_an_empty_pool_is_zeros_or_refused() -> None:
    """A window of 4 over 2 elements with stride 2 has no place: the pool is refused, or empty with a gradient of 0."""
    none = np.zeros((1, 0, 0, 1), np.float32)
    image = np.ones((1, 2, 2, 1), np.float32)

    sets = of(
        "max_pool_grad",
        "orig_input",
        orig_input=image,
        orig_output=none,
        grad=none,
        ksize=4,
        strides=2,
        padding="VALID",
    )

    assert isinstance(sets, AnyOf)
    assert ends(sets.options[0])[0][1].ravel().tolist() == [0] * 4
    assert isinstance(sets.options[1], Refused)


@pytest.mark.parametrize(("seeds", "again"), [({}, False), ({"seed": 1}, True), ({"global_seed": 0}, True)])
def test_only_a_seeded_dropout_is_asked_for_the_same_bits(seeds: dict[str, Any], again: bool) -> None:
    """Without a seed two calls draw two masks, on any target."""
    case = Case(op="dropout", arrays={}, attributes={"rate": 0.5, **seeds}, regime="", seed=0)

    assert repeats(registry.find("tf-cpu-eager"), case) is again


# Every op's set is met by the reference, and by nothing that differs.


@pytest.mark.parametrize("op", OPS)
def test_the_reference_meets_every_valid_call(op: str) -> None:
    """Over the generators' own cases, in every regime: the correctly rounded results are among those allowed."""
    for case in ops.generate(op, 3, 0, 16, valid_share=1):
        arguments = ops.arguments(case)
        with np.errstate(all="ignore"):
            results = getattr(reference, op)(**arguments)
        arrays = results if isinstance(results, tuple) else (results,)
        judged = verdict(allowed(case, arguments), Returned(arrays, 0.0))

        assert judged.outcome == "agrees", (case, judged)


@pytest.mark.parametrize("op", OPS)
def test_calls_that_break_a_rule_are_refused_by_it(op: str) -> None:
    """The rule is the one that the generator broke."""
    for case in ops.generate(op, 3, 0, 40, valid_share=0):
        sets = allowed(case, ops.arguments(case))
        refused = sets.options[0] if isinstance(sets, AnyOf) else sets

        assert isinstance(refused, Refused), case
        assert refused.rule == case.breaks


def image(*numbers: float) -> Array:
    """Return one row of an image."""
    return np.array(numbers, np.float32).reshape(1, 1, -1, 1)


def judged(sets: Allowed, *arrays: Array) -> tuple[str, str]:
    """Return outcome and kind of these results."""
    seen = verdict(sets, Returned(arrays, 0.0))
    return seen.outcome, seen.kind


AGREES, WRONG = ("agrees", ""), ("disagrees", "wrong-value")


# Open rules.


@pytest.mark.parametrize(
    ("op", "first", "arguments"),
    [
        ("conv2d", "input", {"input": np.ones((1, 2, 2, 1)), "filters": np.ones((3, 3, 1, 1)), "padding": "VALID"}),
        ("conv2d", "input", {"input": np.ones((1, 2, 2, 1)), "filters": np.ones((1, 1, 1, 0)), "padding": "VALID"}),
        ("max_pool", "input", {"input": np.ones((1, 2, 2, 1)), "ksize": 3, "padding": "VALID"}),
        ("avg_pool", "input", {"input": np.ones((1, 2, 2, 1)), "ksize": 3, "padding": "VALID"}),
        (
            "conv2d_transpose",
            "input",
            {"input": np.ones((0, 2, 2, 1)), "filters": np.ones((1, 1, 1, 1)), "output_shape": [0, 2, 2, 1]},
        ),
        (
            "conv2d_backprop_filter",
            "input",
            {
                "input": np.ones((0, 2, 2, 1)),
                "out_backprop": np.ones((0, 2, 2, 1)),
                "filter_sizes": [1, 1, 1, 1],
                "padding": "VALID",
            },
        ),
        (
            "avg_pool_grad",
            "grad",
            {"orig_input_shape": [0, 2, 2, 1], "grad": np.ones((0, 2, 2, 1)), "ksize": 1, "padding": "VALID"},
        ),
    ],
)
def test_an_empty_result_may_be_refused(op: str, first: str, arguments: dict[str, Any]) -> None:
    """Both are met: the empty (or zero) result, and an error."""
    given = {
        name: value.astype(np.float32) if isinstance(value, np.ndarray) else value for name, value in arguments.items()
    }
    given["strides"] = 1
    sets = of(op, first, **given)

    assert isinstance(sets, AnyOf)
    assert verdict(sets, Raised("ValueError", "empty")).outcome == "agrees"
    assert judged(sets, getattr(reference, op)(**given)) == AGREES


def test_an_empty_maximum_with_argmax_may_be_refused() -> None:
    """max_pool_with_argmax.R8: eager kernels give two empty results, shape inference refuses the call."""
    sets = of("max_pool_with_argmax", "input", input=image(1, 2), ksize=3, strides=2, padding="VALID")

    assert isinstance(sets, AnyOf)
    assert verdict(sets, Raised("ValueError", "empty")).outcome == "agrees"


def test_a_window_too_long_for_any_output_may_give_an_empty_one() -> None:
    """A window of 4 over 2 elements with stride 1: refused, or left open where the rule says so."""
    sets = of("max_pool", "input", input=image(1, 2), ksize=[1, 1, 9, 1], strides=1, padding="VALID")

    assert verdict(sets, Raised("ValueError", "too long")).outcome == "agrees"
    assert judged(sets, np.zeros((1, 1, 2, 1), np.float32)) in (AGREES, ("disagrees", "accepted-invalid"))


# Layout and rank.


def test_sets_are_laid_out_as_the_results_are() -> None:
    """NCHW: the channels stand before rows and columns. A batch of two axes stays one of two axes."""
    nchw = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    ones = np.ones((1, 1, 3, 2), np.float32)
    sets = of("conv2d", "input", input=nchw, filters=ones, strides=1, padding="VALID", data_format="NCHW")
    assert ends(sets)[0][0].shape == (1, 2, 2, 2)

    deep = np.ones((2, 5, 4, 4, 3), np.float32)
    sets = of("conv2d", "input", input=deep, filters=ones, strides=1, padding="VALID")
    assert ends(sets)[0][0].shape == (2, 5, 4, 4, 2)


def test_the_name_of_a_call_decides_nothing() -> None:
    """It is dropped."""
    sets = of("avg_pool", "input", input=image(1, 2), ksize=[1, 2], strides=1, padding="VALID", name="mean")

    assert judged(sets, image(1.5)) == AGREES


# NaN, subnormals and ties in pools.


def pooled(op: str, *numbers: float) -> Allowed:
    """Return what a pool of one row by one window may be."""
    row = image(*numbers)
    ksize = [1, 1, len(numbers), 1]
    return of(op, "input", input=row, ksize=ksize, strides=1, padding="VALID")  # type: ignore[no-any-return]


def test_a_window_of_nan_alone_may_be_nan_or_the_least_number() -> None:
    """max_pool.R13: what a maximum starts from, minus infinity or the most negative number; or NaN."""
    least = float(np.finfo(np.float32).min)

    for number, seen in ((np.nan, AGREES), (-np.inf, AGREES), (least, AGREES), (0.0, WRONG)):
        assert judged(pooled("max_pool", np.nan, np.nan), image(number)) == seen
    assert judged(pooled("max_pool", np.nan, 3), image(3)) == AGREES


def test_subnormals_may_count_as_zero_in_a_maximum() -> None:
    """Of 2^-130 and 0 either is the largest; of 1 and 2^-130 only 1."""
    for number, seen in ((2.0**-130, AGREES), (0.0, AGREES), (1.0, WRONG)):
        assert judged(pooled("max_pool", 2.0**-130, 0), image(number)) == seen
    assert judged(pooled("max_pool", 2.0**-130, 1), image(0)) == WRONG


def index(number: int) -> Array:
    """Return one argmax."""
    return np.array([number], np.int64).reshape(1, 1, 1, 1)


def test_the_first_of_equal_elements_is_the_argmax() -> None:
    """No other index is allowed."""
    sets = pooled("max_pool_with_argmax", 1, 5, 5)

    assert judged(sets, image(5), index(1)) == AGREES
    assert judged(sets, image(5), index(2)) == WRONG


def test_what_a_window_with_nan_names_is_a_choice() -> None:
    """max_pool_with_argmax.R11: the number is at 1; NaN stays where it comes first, or always, with any index."""
    sets = pooled("max_pool_with_argmax", np.nan, 5)

    def made(*arrays: Array) -> Mapping[str, tuple[str, ...]]:
        return verdict(sets, Returned(arrays, 0.0)).made

    assert made(image(5), index(1)) == {"max_pool_with_argmax.R11": ("dropped",)}
    assert made(image(np.nan), index(0)) == {"max_pool_with_argmax.R11": ("first", "propagated")}
    assert made(image(np.nan), index(1)) == {"max_pool_with_argmax.R11": ("propagated",)}
    assert judged(sets, image(5), index(0)) == WRONG
    assert judged(sets, image(np.nan), index(-1)) == WRONG
    assert judged(sets, image(4), index(1)) == WRONG


def test_subnormals_that_tie_with_zero_leave_the_index_open() -> None:
    """Flushed, both are zero."""
    sets = pooled("max_pool_with_argmax", 0, 2.0**-130)

    assert judged(sets, image(0), index(0)) == AGREES
    assert judged(sets, image(2.0**-130), index(1)) == AGREES


def test_integers_have_one_argmax() -> None:
    """Nothing is open."""
    row = np.array([3, 7], np.int32).reshape(1, 1, 2, 1)
    sets = of("max_pool_with_argmax", "input", input=row, ksize=[1, 1, 2, 1], strides=1, padding="VALID")

    assert judged(sets, np.array(7, np.int32).reshape(1, 1, 1, 1), index(1)) == AGREES


def gradient(row: Array, grad: Array) -> Allowed:
    """Return what the gradient of one window over a row may be."""
    return of(  # type: ignore[no-any-return]
        "max_pool_grad",
        "orig_input",
        orig_input=row,
        orig_output=row.max(axis=2, keepdims=True),
        grad=grad,
        ksize=[1, 1, row.shape[2], 1],
        strides=1,
        padding="VALID",
    )


def test_the_gradient_goes_to_the_first_of_tied_elements_or_by_choice_to_another() -> None:
    """max_pool_grad.R11: 5 and 5: the second gets it from some; an element that is not the largest from none."""
    sets = gradient(image(5, 5, 1), image(2))

    assert judged(sets, image(2, 0, 0)) == AGREES
    assert judged(sets, image(0, 2, 0)) == AGREES
    assert judged(sets, image(0, 0, 2)) == WRONG


def test_tied_elements_share_what_one_of_them_would_get() -> None:
    """5 and 5, a gradient of 2: both, none, or one and a half of it is not what went in; a half each is."""
    sets = gradient(image(5, 5, 1), image(2))

    assert [judged(sets, image(*each, 0)) for each in ((2, 2), (0, 0), (3, 0))] == [WRONG] * 3
    assert judged(sets, image(1, 1, 0)) == AGREES


def test_a_gradient_of_nan_may_go_to_a_tied_element_too() -> None:
    """NaN and infinity are no more than other gradients, wherever they go."""
    for number in (np.nan, np.inf):
        sets = gradient(image(5, 5, 1), image(number))
        assert judged(sets, image(number, 0, 0)) == AGREES
        assert judged(sets, image(0, number, 0)) == AGREES


def test_integers_and_single_largest_elements_have_one_gradient() -> None:
    """Integers are compared exactly everywhere: the first one."""
    tied = np.array([5, 5], np.int32).reshape(1, 1, 2, 1)

    assert isinstance(gradient(image(5, 4, 1), image(2)), Results)
    assert isinstance(gradient(tied, np.array(2, np.int32).reshape(1, 1, 1, 1)), Results)


# Dropout.


def test_dropout_without_a_seed_is_any_fair_mask() -> None:
    """With one it is TensorFlow's own, or another generator's."""
    assert isinstance(of("dropout", "x", x=np.ones(8, np.float32), rate=0.5), AnyMask)
    assert isinstance(of("dropout", "x", x=np.ones(8, np.float32), rate=0.5, global_seed=3), AnyOf)


def test_a_scaled_subnormal_may_be_flushed() -> None:
    """2^-140 at rate 1/2 is 2^-139, either sign, or zero; nothing beyond."""
    grad = np.array([2.0**-140, -(2.0**-140)], np.float32)
    sets = of("dropout_grad", "grad", grad=grad, kept=np.array([True, True]), rate=0.5)

    assert judged(sets, 2 * grad) == AGREES
    assert judged(sets, np.zeros(2, np.float32)) == AGREES
    assert judged(sets, -2 * grad) == WRONG


def taken(row: Array, slopes: Array) -> Allowed:
    """Return what the second derivative of one window over a row may be."""
    return of(  # type: ignore[no-any-return]
        "max_pool_grad_grad",
        "orig_input",
        orig_input=row,
        orig_output=row.max(axis=2, keepdims=True),
        grad=slopes,
        ksize=[1, 1, row.shape[2], 1],
        strides=1,
        padding="VALID",
    )


def test_a_second_derivative_is_that_of_a_tied_element() -> None:
    """max_pool_grad_grad.R11: 5 and 5: what stands at the first, or by choice at the second, never at the third."""
    sets = taken(image(5, 5, 1), image(7, 8, 9))

    assert [judged(sets, image(number)) for number in (7, 8, 9)] == [AGREES, AGREES, WRONG]


def test_a_second_derivative_without_a_tie_is_one_number() -> None:
    """The second of 4 5 1: 8, and nothing between."""
    sets = taken(image(4, 5, 1), image(7, 8, 9))

    assert [judged(sets, image(number)) for number in (7, 8, 7.5)] == [WRONG, AGREES, WRONG]


def test_the_sum_of_a_bias_is_rounded_right_everywhere() -> None:
    """1 and 2^-23 have one sum in float32; 1 is none of it, though it errs by less than a unit."""
    ((low, high),) = ends(
        of("bias_add", "value", value=np.ones((1, 1), np.float32), bias=np.array([2.0**-23], np.float32))
    )

    assert low.tolist() == high.tolist() == [[1 + 2.0**-23]]


def test_a_subnormal_bias_may_count_as_zero() -> None:
    """2^-127 added to 0 is itself, or 0; added to 2^-126 it may be lost."""
    ((low, high),) = ends(
        of("bias_add", "value", value=np.array([[0], [2.0**-126]], np.float32), bias=np.array([2.0**-127], np.float32))
    )

    assert low.ravel().tolist() == [0, 2.0**-126]
    assert high.ravel().tolist() == [2.0**-127, 1.5 * 2.0**-126]


def test_the_gradient_of_unpooling_is_an_element_of_what_came() -> None:
    """Index 2, twice: 9 both times."""
    argmax = np.array([2, 2]).reshape(1, 1, 2, 1)
    ((low, high),) = ends(of("max_unpool_grad", "grad", grad=image(7, 8, 9), argmax=argmax))

    assert low.ravel().tolist() == high.ravel().tolist() == [9, 9]
