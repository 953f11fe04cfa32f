"""The lines of a finding's script that print what is expected and what came, compare, and end it."""

import json
import textwrap
from collections.abc import Sequence

import numpy as np

from conformance.judge.allowed import AnyMask, Refused, Results, Totals, Unspecified
from conformance.judge.verdicts import unlikely
from conformance.model import Array
from conformance.sets import Made, Option
from reference.bounds import Within
from reference.floats import format_of
from reference.ops.masks import kept, possible

__all__ = ["compared", "numbers", "plain"]

WIDTH = 100  # of the lines of an array's numbers


def compared(several: Sequence[Option], kind: str) -> list[str]:
    """Return the lines that print what is expected and what came, compare, and end; several: one must be met."""
    kinds = (Unspecified, AnyMask, Results, Refused)
    widest = next(some for some in kinds if any(isinstance(option, some) for option in several))
    found = [option for option in several if isinstance(option, widest)]
    if isinstance(first := found[0], Refused):
        told = f"print('expected: an error, since', {first.reason!r}, 'got:', *map(repr, got), sep='\\n')"
        return [told, "sys.exit(1)"]
    if isinstance(first, Unspecified):
        lines, fits = ["print('expected: anything; got:', *got, sep='\\n')"], "True"
    elif isinstance(first, AnyMask):
        lines, fits = _masked([mask for mask in found if isinstance(mask, AnyMask)])
    else:
        lines, fits = _within(_outermost([results for results in found if isinstance(results, Results)]))
    if kind == "nondeterministic":
        lines += [
            "print('expected: the same bits the second time; got:', *(again := arrays(dict(a))), sep='\\n')",
            "first, second = ([(g.dtype, g.shape, g.tobytes()) for g in each] for each in (got, again))",
        ]
        fits += " and first == second"
    return [*lines, f"sys.exit(0 if {fits} else 1)"]


def _outermost(several: Sequence[Results]) -> list[Results]:
    """Return the results that none of the others holds: of several that are alike the first."""
    kept: list[Results] = []
    for number, each in enumerate(several):
        others = [*kept, *several[number + 1 :]]
        if not any(_holds(other, each) for other in others):
            kept.append(each)
    return kept


def _holds(outer: Results, inner: Results) -> bool:
    """Return whether whatever the inner set allows the outer one does, too, but for sums of elements."""
    return all(
        ((np.isnan(one.low) | ((other.low <= one.low) & (one.high <= other.high))) & (other.nan | ~one.nan)).all()
        for other, one in zip(outer.arrays, inner.arrays, strict=True)
    )


def _within(several: Sequence[Results]) -> tuple[list[str], str]:
    """Return the lines that compare numbers, shapes, dtypes and values, and the condition that all are right."""
    sets = ",\n    ".join(f"[{', '.join(map(_set, results.arrays))}]" for results in several)
    lines = [
        f"allowed = [{sets}]" if len(several) > 1 else f"allowed = {sets}",
        "print('expected (from, to, or NaN, dtype):', *allowed, 'got:', *((g, g.dtype.name) for g in got), sep='\\n')",
        "def fits(sets): return len(got) == len(sets) and all(g.shape == l.shape and g.dtype == d and",
        "    ((l <= g) & (g <= h) | n & (g != g)).all() for g, (l, h, n, d) in zip(got, sets))",
    ]
    condition = "fits(allowed)" if len(several) == 1 else "any(map(fits, allowed))"
    totals = next((results.totals for results in several if results.totals), None)
    return (lines, condition) if totals is None else (lines + _added(totals), f"{condition} and added(got[0])")


def _set(result: Within) -> str:
    """Return the source text of one result's set: from, to, whether NaN, dtype."""
    return f"({plain(result.low)}, {plain(result.high)}, {plain(result.nan)}, '{result.value.dtype.name}')"


def _added(totals: Totals) -> list[str]:
    """Return the lines that compare what the elements add up to."""
    return [
        f"least, most = {plain(totals.low)}, {plain(totals.high)}",
        "def added(g):  # the sums of its elements are those of what went in",
        f"    g = g.astype('float64').sum({totals.axes}, keepdims=True)",
        "    return ((least <= g) & (g <= most) | np.isinf(least)).all()",
    ]


def _masked(several: Sequence[AnyMask]) -> tuple[list[str], str]:
    """Return the lines that compare a dropout under an unknown mask with what it may keep, and how much of it."""
    mask = several[0]
    x, rate = mask.x, float(mask.rate)
    with np.errstate(all="ignore"):
        ways = [(*kept(x, mask.rate, each.made), _lost(x, each.made)) for each in several]
        cells = possible(x, mask.rate, mask.noise_shape, np.zeros_like(x), mask.made).ambiguous
        tiny = format_of(x.dtype).smallest_normal
        mute = (np.abs(x) < tiny) | (np.abs(ways[0][0]) < tiny)
    axes = tuple(axis for axis, size in enumerate(cells.shape) if size == 1)
    total = int((~cells).sum())
    judged = total and 0 < rate < 1  # as a verdict looks at them
    counts = [number for number in range(total + 1) if not judged or not unlikely(total, number, 1 - rate)]
    least, most = counts[0], counts[-1]
    shown = ", ".join(f"({', '.join(map(plain, way))})" for way in ways)
    lines = [
        f"ways, mute = [{shown}], {plain(mute)}",
        f"print('expected {x.dtype.name}: from, to or', *ways, 'and {least} to {most} kept; got:', *map(repr, got))",
        f"def whole(cells): return cells.all({axes}, keepdims=True)",
        "def fair(g, low, high, lost):",
        f"    kept = whole((low <= g) & (g <= high) | (g != g) & (low != low) | mute & (g == 0)) & {rate < 1}",
        "    zero = (g == lost) & (np.signbit(g) == np.signbit(lost)) | (g != g) & (lost != lost)",
        f"    return (kept | whole(zero) & {not rate <= 0}).all() and {least} <= (kept & ~whole(mute)).sum() <= {most}",
    ]
    form = f"got[0].shape == ways[0][0].shape and got[0].dtype == '{x.dtype.name}'"
    return lines, f"len(got) == 1 and {form} and any(fair(got[0], *way) for way in ways)"


def _lost(x: Array, made: Made) -> Array:
    """Return what a dropped element becomes."""
    zero = np.zeros(x.shape, x.dtype)
    zero = np.copysign(zero, x).astype(x.dtype) if made.get("dropout.R13") == "signed" else zero
    nan = x.dtype.type(np.nan)
    return np.where(np.isfinite(x), zero, nan) if made.get("dropout.R9") == "NaN" else zero


def numbers(array: Array) -> str:
    """
    Return the source text of an array's numbers, row by row, in the digits that their own dtype needs; one, if alike.

    >>> numbers(np.array([[0.1, np.inf]], np.float32)), numbers(np.ones(3, np.int8))
    ('[0.1, inf]', '1')
    """
    flat = array.astype(np.float32).ravel() if array.dtype.name == "bfloat16" else array.ravel()
    texts = [str(value) for value in flat]
    alike = flat.size > 1 and flat.tobytes() == flat[0].tobytes() * flat.size
    return texts[0] if alike else _short(f"[{', '.join(texts)}]")


def plain(array: Array) -> str:
    """Return the source text of an array's values, exact: bfloat16 as float32 of the same value, complex as pairs."""
    if array.dtype.kind == "c":
        pairs = np.ascontiguousarray(array).view(array.real.dtype)
        return f"{plain(pairs)}.view('{array.dtype.name}').reshape({list(array.shape)})"
    values = array.astype(np.float32) if array.dtype.name == "bfloat16" else array
    alike = values.size > 1 and values.tobytes() == values.flat[0].tobytes() * values.size
    text = json.dumps(values.flat[0].item() if alike else values.tolist())
    for word, name in (("NaN", "nan"), ("Infinity", "inf"), ("true", "True"), ("false", "False")):
        text = text.replace(word, name)
    shape, dtype = list(values.shape), values.dtype.name
    # A shape with a zero is lost in nested lists.
    return f"np.full({shape}, {text}, '{dtype}')" if alike else f"np.array({_short(text)}, '{dtype}').reshape({shape})"


def _short(text: str) -> str:
    """Break the text of a list between its numbers."""
    return "\n    ".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))
