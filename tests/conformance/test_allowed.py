"""What a case may give: sets beside the one number that the specification prefers, each by hand."""

from typing import Any

import numpy as np
import pytest

from conformance.allowed import AnyMask, AnyOf, Refused, Results, allowed
from conformance.model import Array, ArraySpec, Case
from conformance.targets import registry
from conformance.trials import repeats


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
