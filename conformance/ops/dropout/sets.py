"""What the dropouts may give: a set for every way to make their choices."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from conformance.cases.op import Arguments, Permits
from conformance.model import Array
from conformance.ops.sums import always
from conformance.sets import AnyMask, Made, Option, Refused, Results, any_of, ways
from reference import dropout_grad
from reference.bounds import Within, exactly
from reference.floats import format_of, one_nan
from reference.ops import CHOICES
from reference.ops.dropout import is_number, kept_mask, mask_shape, read
from reference.ops.masks import kept, scaling
from reference.random_bits import algorithm, stateful_uniform, stateless_uniform

__all__ = ["flushed", "of_dropout", "of_dropout_grad", "of_stateless_dropout"]


def of_dropout(arguments: Arguments) -> Permits:
    """dropout: by a seed the mask of TensorFlow's kernels, or any (R11); without one any (R12)."""
    seeds = {name: arguments.get(name) for name in ("seed", "global_seed")}
    if all(seed is None for seed in seeds.values()):
        return _unless_refused(arguments, _by_any_mask(arguments, {}))
    sampler = partial(stateful_uniform, seed=seeds["seed"], global_seed=seeds["global_seed"])
    known = _by_sampler(arguments, sampler, {"dropout.R11": "kernels"})
    return _unless_refused(arguments, (*known, *_by_any_mask(arguments, {"dropout.R11": "own"})))


def of_stateless_dropout(arguments: Arguments) -> Permits:
    """stateless_dropout: a named algorithm is the same everywhere; by which others draw is a choice (R3)."""
    named = arguments.get("rng_alg", "auto_select")
    which = {"stateless_dropout.R3": "kernels"} if algorithm(named) == "auto_select" else {}
    found: list[Option] = []
    for made, seed in _seeds(arguments["seed"]):
        found += _by_sampler(arguments, partial(stateless_uniform, seed=seed, rng_alg=named), {**which, **made})
    own = _by_any_mask(arguments, {"stateless_dropout.R3": "own"}) if which else ()
    return _unless_refused(arguments, (*found, *own))


def of_dropout_grad(arguments: Arguments) -> Permits:
    """dropout_grad: by the mask that is given."""
    grad, rate = read(arguments["grad"], "grad", arguments["rate"])
    value = dropout_grad(**arguments)
    rules = _scalings(grad, rate) | ({"dropout_grad.R2": ("zero", "multiplied")} if _special(grad) else {})
    if is_number(rate) and rate == 0:
        return always(Results((exactly(value),)))
    options = (_masked(grad, rate, arguments["kept"], value, made) for made in ways(rules))
    return _unless_refused(arguments, options)


def _unless_refused(arguments: Arguments, options: Iterable[Option]) -> Permits:
    """Leave open whether the value of an array for rate is looked at: dropout.R4."""
    options = tuple(options)  # what the call breaks comes to light here
    rate = arguments["rate"]
    if is_number(rate) or 0 <= float(rate) < 1:
        return always(any_of(options))
    refused = Refused("dropout.R2", f"rate is {rate}", made={"dropout.R4": "refused"})
    ignored = (replace(option, made={**option.made, "dropout.R4": "ignored"}) for option in options)
    return always(any_of((*ignored, refused)))


def _seeds(seed: Any) -> Iterator[tuple[Made, Any]]:  # noqa: ANN401 -- whatever the caller was given
    """Yield a seed, and what doubles make of it where that is another one: common.R5."""
    parts = np.asarray(seed).tolist()
    known = isinstance(parts, list) and all(type(part) is int for part in parts)
    if not known or all(float(part) == part for part in parts):
        yield {}, seed
        return
    yield {"common.R5": "all"}, seed
    yield {"common.R5": "53 bits"}, [int(float(part)) % 2**64 for part in parts]


def _by_sampler(arguments: Arguments, sampler: Any, made: Made) -> Iterator[Option]:  # noqa: ANN401 -- Sampler
    """Yield what a known mask gives."""
    x, rate = read(arguments["x"], "x", arguments["rate"])
    if is_number(rate) and rate == 0:
        yield Results((exactly(x),), made=made)
        return
    keeps = kept_mask(x, rate, sampler, arguments.get("noise_shape"))
    value = one_nan(np.where(keeps, kept(x, rate)[0], x.dtype.type(0)))
    rules = _scalings(x, rate) | ({"dropout.R9": ("zero", "NaN")} if _special(x) else {})
    for each in ways(rules):
        yield _masked(x, rate, keeps, value, {**made, **each})


def _by_any_mask(arguments: Arguments, made: Made) -> Iterator[Option]:
    """Yield what any mask gives."""
    x, rate = read(arguments["x"], "x", arguments["rate"])
    noise = arguments.get("noise_shape")
    rules: dict[str, tuple[str, ...]] = {}
    if not (is_number(rate) and rate == 0):
        mask_shape(x.shape, noise)  # what it refuses
        rules = _scalings(x, rate)
        rules |= {"dropout.R9": ("zero", "NaN")} if _special(x) else {}
        rules |= {"dropout.R13": ("positive", "signed")} if np.signbit(x).any() else {}
    for each in ways(rules):
        yield AnyMask(x, rate, noise, made={**made, **each})


def _scalings(x: Array, rate: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401 -- Rate
    """Return the alternatives of the rule by which a kept element is scaled; none where all give the same."""
    rule = scaling(rate)
    names = tuple(each.name for each in CHOICES[rule])
    first, *others = (end for name in names for end in kept(x, rate, {rule: name}))
    return {} if all(np.array_equal(first, end, equal_nan=True) for end in others) else {rule: names}


def _special(x: Array) -> bool:
    """Return whether an array holds a NaN or an infinity."""
    return not np.isfinite(x).all()


def _masked(x: Array, rate: Any, keeps: Array, value: Array, made: Made) -> Results:  # noqa: ANN401 -- Rate
    """Return the set of a known mask, the choices being made so; value: what the reference gives."""
    low, high = (np.where(keeps, end, x.dtype.type(0)) for end in kept(x, rate, made))
    nan = np.isnan(low)
    if "NaN" in made.values() or made.get("dropout_grad.R2") == "multiplied":
        lost = ~keeps & ~np.isfinite(x)
        low, high, nan = (
            np.where(lost, x.dtype.type(np.nan), low),
            np.where(lost, x.dtype.type(np.nan), high),
            nan | lost,
        )
    return Results((flushed(x, replace(exactly(value), low=low, high=high, nan=nan)),), made=made)


def flushed(x: Array, result: Within) -> Within:
    """Allow zero, too, where an element of x or of the result is subnormal."""
    least, zero, low, high = format_of(x.dtype).smallest_normal, x.dtype.type(0), result.low, result.high
    tiny = (np.minimum(np.abs(low), np.abs(high)) < least) | (np.abs(x) < least)
    return replace(result, low=np.where(tiny & (low > 0), zero, low), high=np.where(tiny & (high < 0), zero, high))
