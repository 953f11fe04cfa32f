"""The verdict on one case and one target: what was observed, held against what is allowed."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from signal import SIGABRT

import numpy as np

from conformance.judge.allowed import Allowed, AnyMask, Refused, Results, Unspecified
from conformance.model import (
    Array,
    Crashed,
    Evidence,
    Observation,
    OutOfMemory,
    Raised,
    Symptom,
    TimedOut,
    Unsupported,
    Verdict,
)
from conformance.sets import Made, Option, options
from reference.bounds import Within
from reference.floats import FORMATS, format_of, ulp
from reference.ops.masks import possible

__all__ = ["verdict"]

# Messages from a layer that should never have been reached with a wrong argument: a missing check further up.
WRONG_LAYER = ("AbortedError", "InternalError", "UnknownError")

# Where in a graph a node was made: paths and lines of whoever traced it, which say nothing of the fault.
STACK = re.compile(r'Detected at node \S+ defined at \(most recent call last\):(\s*File "[^"]*", line \d+, in \S+)+')

FRAME = re.compile(r"\s*@ |\*\*\* ")  # of a stack, and its heading
LOGGED = re.compile(r"^.*?(?=[\w./-]+\.\w+:\d+\] )")  # what stands before the place in the source
LONGEST = 300  # characters of a message
UNWRITTEN = 0x5A  # the bytes that malloc hands out under MALLOC_PERTURB_ as the suite's workers set it

SHARE = "dropout.R16"  # the rule on how many elements are kept
# The share of all masks, of a fair generator, that a test of the number kept may reject.
MASK_RISK = 1e-12


def verdict(allowed: Allowed, observation: Observation, *, deterministic: bool = False) -> Verdict:
    """
    Judge one observation.

    allowed: of the alternatives of choices, those that the target may make; deterministic: whether it claims to give
    the same bits for the same call.
    """
    match observation:
        case Unsupported(reason):
            return Verdict(outcome="unsupported", evidence={"reason": reason})
        case TimedOut() | OutOfMemory() | Crashed():
            return of_broken(allowed, of_end(observation))
        case Raised():
            return of_error(allowed, observation)
    judged = of_arrays(allowed, observation.arrays)
    if judged.outcome == "agrees" and deterministic and observation.repeatable is False:
        return replace(judged, outcome="disagrees", kind="nondeterministic", symptoms=(Symptom.NOT_REPEATED,))
    return judged


def against(kind: str, *symptoms: Symptom, evidence: Evidence | None = None) -> Verdict:
    """Return a disagreement."""
    return Verdict(outcome="disagrees", kind=kind, symptoms=symptoms, evidence=evidence or {})


def of_end(end: TimedOut | OutOfMemory | Crashed) -> Verdict:
    """Judge a call that ended its worker, which nothing permits."""
    match end:
        case TimedOut(seconds):
            return against("hung", Symptom.NO_ANSWER, evidence={"seconds": seconds})
        case OutOfMemory(detail):
            return against("out-of-memory", Symptom.NO_MEMORY, evidence={"message": detail})
    words = end.reason or (last_words(end.stderr) if end.code == -SIGABRT else "")
    evidence: Evidence = {"message": words} if words else {}
    if end.code < 0:
        return against("crashed", Symptom.SIGNAL, evidence={"signal": -end.code, **evidence})
    return against("crashed", Symptom.EXIT, evidence={"exit_code": end.code, **evidence})


def last_words(printed: str) -> str:
    r"""
    Return the last line that a library printed before it ended its process, without date and thread; "" for none.

    >>> last_words("F0000 17.5 81 shape.cc:571] Check failed: n > 0\n*** Check failure stack trace: ***\n  @ 0x7f\n")
    'shape.cc:571] Check failed: n > 0'
    """
    lines = printed.partition("Fatal Python error")[0].splitlines()
    said = next((line for line in reversed(lines) if line.strip() and not FRAME.match(line)), "")
    return LOGGED.sub("", said).strip()[:LONGEST]


def of_broken(allowed: Allowed, ended: Verdict) -> Verdict:
    """Return how a call ended, with the rule that it breaks, where it does, and in which way."""
    for option in options(allowed):
        if isinstance(option, Refused):
            ways = (option.fault,) if option.fault else ()
            return replace(ended, rule=option.rule, symptoms=(*ended.symptoms, *ways))
    return ended


def of_error(allowed: Allowed, raised: Raised) -> Verdict:
    """Judge a clean exception: right for a refusal, whatever its type; wrong for a valid call."""
    message = " ".join(STACK.sub("", raised.message).split())[:LONGEST]
    evidence: Evidence = {"error": raised.type, "message": message}
    for option in options(allowed):
        if isinstance(option, Refused):
            late = raised.type.rpartition(".")[2] in WRONG_LAYER
            kind = "wrong-error" if late else ""
            made = {rule: (name,) for rule, name in option.made.items()}
            return Verdict(outcome="agrees", kind=kind, rule=option.rule, evidence=evidence, made=made)
    if any(isinstance(option, Unspecified) for option in options(allowed)):
        return Verdict(outcome="agrees", evidence=evidence)
    return against("refused-valid", Symptom.RAISED, evidence=evidence)


def of_arrays(allowed: Allowed, arrays: tuple[Array, ...]) -> Verdict:
    """
    Judge returned arrays: the first option that is met decides; if none is, the objection to the nearest one stands.

    The nearest is the first, or of those that elements are outside of the one with the fewest: an element that no
    choice allows is not told with others that one allows. Whoever may draw random numbers of its own is not told of
    those of TensorFlow's kernels: there any mask's stands.

    Of choices the others that are met are looked for, too: they say which alternatives the target may have made.
    """
    several = options(allowed)
    masks = [option for option in several if isinstance(option, AnyMask)]
    objections: list[Verdict] = []
    agreed: Verdict | None = None
    met: list[Made] = []
    for option in several:
        if agreed and not option.made:
            continue
        judged = of_option(option, arrays)
        if judged.outcome == "agrees":
            agreed = agreed or judged
            met.append(option.made)
        elif not masks or option is masks[0]:
            objections.append(judged)
    if agreed is None:
        return _nearest(objections)
    rules = dict.fromkeys(rule for made in met for rule in made)
    return replace(agreed, made={rule: _names(rule, met) for rule in rules}) if rules else agreed


def _nearest(objections: Sequence[Verdict]) -> Verdict:
    """Return the first objection, or where it is to elements the one to the fewest."""
    if not objections or "different" not in objections[0].evidence:
        return next(iter(objections), Verdict(outcome="undecided"))
    return min(objections, key=lambda each: each.evidence.get("different", np.inf))


def _names(rule: str, met: Sequence[Made]) -> tuple[str, ...]:
    """Return the alternatives of a rule among several ways to make choices."""
    return tuple(dict.fromkeys(made[rule] for made in met if rule in made))


def of_option(option: Option, arrays: tuple[Array, ...]) -> Verdict:
    """Judge returned arrays against one set."""
    match option:
        case Unspecified(why):
            return Verdict(outcome="agrees", evidence={"reason": why})
        case Refused(rule, reason, fault):
            accepted = against("accepted-invalid", evidence={"reason": reason})
            return replace(accepted, rule=rule, symptoms=(fault,) if fault else ())
        case AnyMask():
            return of_mask(option, arrays)
    return of_results(option, arrays)


def of_results(results: Results, arrays: tuple[Array, ...]) -> Verdict:
    """Judge arrays element by element; the worst of several results speaks."""
    if len(arrays) != len(results.arrays):
        return of_number(arrays, len(results.arrays))
    verdicts = [of_result(result, array) for result, array in zip(results.arrays, arrays, strict=True)]
    wrong = [judged for judged in verdicts if judged.outcome == "disagrees"]
    if wrong:
        return wrong[0]
    with np.errstate(all="ignore"):
        if results.totals and not results.totals.admits(arrays[0]).all():
            return against("wrong-value", Symptom.TOTALS_DIFFER)
    return verdicts[0]


def of_number(arrays: tuple[Array, ...], allowed: int) -> Verdict:
    """Judge another number of results than is due."""
    evidence: Evidence = {"observed_results": len(arrays), "allowed_results": allowed}
    return against("wrong-shape", Symptom.RESULTS, evidence=evidence)


def of_result(result: Within, array: Array) -> Verdict:
    """Judge one array: its shape, its dtype, its values."""
    wrong = of_form(result.value, array)
    if wrong:
        return wrong
    with np.errstate(all="ignore"):
        bad = ~result.admits(array)
        if not bad.any() and not result.size.any():
            return Verdict(outcome="agrees", bound_used=0.0, ulps=0.0)
        used, ulps = shares(result, array)
    if not bad.any():
        return Verdict(
            outcome="agrees",
            # Measured from the rounded value: what is allowed may lie half a spacing more from it.
            bound_used=min(float(np.nanmax(used, initial=0.0)), 1.0),
            ulps=float(np.nanmax(ulps, initial=0.0)),
            measures=measures(result, array),
        )
    severity = np.where(bad, np.where(np.isnan(used), np.inf, used), -1.0)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(severity)), severity.shape))
    return Verdict(
        outcome="disagrees",
        kind="wrong-value",
        symptoms=symptoms(result, array, bad),
        evidence={
            "different": int(bad.sum()),
            "elements": bad.size,
            "observed": str(array[worst]),
            "low": str(result.low[worst]),
            "high": str(result.high[worst]),
        },
        worst=worst,
        bound_used=float(severity[worst]),
        ulps=float(ulps[worst]),
    )


def symptoms(result: Within, array: Array, bad: Array) -> tuple[Symptom, ...]:
    """Return what all wrong elements have in common, and whether they still add up: that tells causes apart."""
    observed, low, high = (values[bad] for values in (array, result.low, result.high))
    lowest = -format_of(array.dtype).largest if array.dtype.name in FORMATS else -np.inf
    with np.errstate(all="ignore"):
        holds = {
            Symptom.NAN: np.isnan(observed),
            Symptom.INFINITE: np.isinf(observed),
            Symptom.ZERO: (observed == 0) | ((low <= 0) & (high >= 0)),
            Symptom.LOWEST: (observed == lowest) & (high == -np.inf),
            Symptom.NOT_ABOVE: ~(observed > high),
            Symptom.UNWRITTEN: np.frombuffer(observed.tobytes(), np.uint8) == UNWRITTEN,
            Symptom.TOTALS_AGREE: np.asarray(array.ndim == 4 and conserves(result, array)),
        }
    return tuple(symptom for symptom, everywhere in holds.items() if everywhere.all())


def conserves(result: Within, array: Array) -> bool:
    """
    Return whether each image and channel adds up to what it should, as [N, H, W, C] or as [N, C, H, W].

    Integers wrap. Floating terms dealt out otherwise, each rounded as often as an image has cells and four times more,
    miss the sum by that many units of the magnitudes; a sum that is not finite says nothing.
    """
    return any(_adds_up(result, array, axes) for axes in ((1, 2), (2, 3)))


def _adds_up(result: Within, array: Array, axes: tuple[int, int]) -> bool:
    """Compare the sums along two axes."""
    if array.dtype.kind in "iu":
        return bool((array.sum(axes, array.dtype) == result.value.sum(axes, array.dtype)).all())
    fmt, cells = format_of(array.dtype), array.shape[axes[0]] * array.shape[axes[1]]
    observed, right = (values.astype(np.float64).sum(axes) for values in (array, result.value))
    slack = (cells + 4) * (fmt.u * np.broadcast_to(result.size, array.shape).sum(axes) + cells * fmt.smallest_normal)
    return bool(((np.abs(observed - right) <= slack) | ~np.isfinite(right)).all())


def of_form(value: Array, array: Array) -> Verdict | None:
    """Judge shape and dtype; None if both are right."""
    if array.shape != value.shape:
        shapes: Evidence = {"observed_shape": list(array.shape), "allowed_shape": list(value.shape)}
        return against("wrong-shape", Symptom.SHAPE, evidence=shapes)
    if array.dtype != value.dtype:
        dtypes: Evidence = {"observed_dtype": array.dtype.name, "allowed_dtype": value.dtype.name}
        return against("wrong-dtype", Symptom.DTYPE, evidence=dtypes)
    return None


def shares(result: Within, array: Array) -> tuple[Array, Array]:
    """Return, for every element, the share of its bound that was used, and its distance in ulps, in float64."""
    value, observed = result.value.astype(np.float64), array.astype(np.float64)
    distance = np.where(value == observed, 0.0, np.abs(observed - value))
    used = np.where(distance == 0, 0.0, distance / result.bound)
    spacing = ulp(value, format_of(array.dtype)) if array.dtype.name in FORMATS else np.ones(value.shape)
    both_nan = np.isnan(value) & np.isnan(observed)
    return np.where(both_nan, 0.0, used), np.where(both_nan, 0.0, distance / spacing)


def measures(result: Within, array: Array) -> Mapping[str, float]:
    """
    Return what the fingerprint of the arithmetic is made from.

    array: floating. Over the elements that a sum can round and that underflow cannot touch: how many, and the sums of
    err / (u S), of its square, and of 1/n, where u is that of the output's dtype.
    """
    fmt, value = format_of(array.dtype), result.value.astype(np.float64)
    with np.errstate(all="ignore"):
        ratio = (array.astype(np.float64) - value) / (fmt.u * result.size)
        # A subnormal number that is flushed, result or operand, tells nothing of the precision.
        normal = (np.abs(value) >= fmt.smallest_normal) & (result.lost <= FORMATS["float64"].u * result.size)
        counted = (result.size > 0) & np.isfinite(ratio) & (result.bound > 0) & normal
    ratio = ratio[counted]
    if not ratio.size:
        return {}
    return {
        "elements": float(ratio.size),
        "sum": float(ratio.sum()),
        "squares": float(np.square(ratio).sum()),
        "inverse": float((1 / result.count[counted]).sum()),
    }


def of_mask(option: AnyMask, arrays: tuple[Array, ...]) -> Verdict:
    """Judge dropout under an unknown generator: every element kept or dropped, the mask constant where it must be."""
    if len(arrays) != 1:
        return of_number(arrays, 1)
    (array,) = arrays
    wrong = of_form(option.x, array)
    if wrong:
        return wrong
    found = possible(option.x, option.rate, option.noise_shape, array, option.made)
    if not found.allowed.all():
        return of_unscaled(option.x, array, ~found.allowed)
    clear = ~found.ambiguous
    total, kept = int(clear.sum()), int((found.kept & clear).sum())
    rate = float(option.rate)
    if total and 0 < rate < 1 and unlikely(total, kept, 1 - rate):
        evidence: Evidence = {"kept": kept, "cells": total, "rate": rate}
        return replace(against("wrong-value", Symptom.SHARE_KEPT, evidence=evidence), rule=SHARE)
    return Verdict(outcome="agrees", bound_used=0.0, ulps=0.0)


def of_unscaled(x: Array, array: Array, bad: Array) -> Verdict:
    """Judge elements of dropout that are neither those of x scaled nor dropped."""
    worst = tuple(int(i) for i in np.argwhere(bad)[0])
    infinite = (Symptom.INFINITE,) if np.isinf(array[bad]).all() else ()
    evidence: Evidence = {"observed": str(array[worst]), "input": str(x[worst])}
    return replace(against("wrong-value", Symptom.NOT_SCALED, *infinite, evidence=evidence), worst=worst)


def unlikely(total: int, kept: int, share: float) -> bool:
    """
    Return whether so many of `total` independent elements are kept in less than MASK_RISK of all fair masks.

    Hoeffding's and Chernoff's bound, exp(-total D(kept/total || share)): never smaller than the probability itself.
    """
    observed = kept / total
    if observed == share:
        return False
    parts = ((observed, share), (1 - observed, 1 - share))
    divergence = sum(a * math.log(a / b) if b > 0 else math.inf for a, b in parts if a > 0)
    return total * divergence > -math.log(MASK_RISK / 2)
