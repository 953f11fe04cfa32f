"""The lines of a finding's script that print what is expected and what came, compare, and end it."""

import json
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from conformance.judge.allowed import AnyMask, Refused, Results, Totals, Unspecified
from conformance.judge.verdicts import unlikely
from conformance.model import Array
from reference.floats import format_of
from reference.ops.dropout import kept_shares, possible, scaled

__all__ = ["Option", "compared", "plain"]

Option: TypeAlias = Results | Refused | AnyMask | Unspecified


def compared(options: Sequence[Option], kind: str, *, own_masks: bool) -> list[str]:
    """Return the lines that print what is expected and what came, compare, and end."""
    masks: tuple[type[Option], ...] = (AnyMask, Results) if own_masks else (Results, AnyMask)
    # Of several sets of results the last one holds the others.
    widest = next(
        each for some in (Unspecified, *masks, Refused) for each in reversed(options) if isinstance(each, some)
    )
    match widest:
        case Refused(_, reason):
            return [
                f"print('expected: an error, since', {reason!r}, 'got:', *map(repr, got), sep='\\n')",
                "sys.exit(1)",
            ]
        case Unspecified():
            lines, fits = ["print('expected: anything; got:', *got, sep='\\n')"], "True"
        case AnyMask():
            lines, fits = _masked(widest)
        case Results():
            lines, fits = _within(widest)
    if kind == "nondeterministic":
        lines += [
            "print('expected: the same bits the second time; got:', *(again := arrays(dict(a))), sep='\\n')",
            "first, second = ([(g.dtype, g.shape, g.tobytes()) for g in each] for each in (got, again))",
        ]
        fits += " and first == second"
    return [*lines, f"sys.exit(0 if {fits} else 1)"]


def _within(results: Results) -> tuple[list[str], str]:
    """Return the lines that compare numbers, shapes, dtypes and values, and the condition that all are right."""
    sets = ", ".join(
        f"({plain(each.low)}, {plain(each.high)}, {plain(each.nan)}, '{each.value.dtype.name}')"
        for each in results.arrays
    )
    lines = [
        f"allowed = [{sets}]",
        "print('expected (from, to, or NaN, dtype):', *allowed, 'got:', *((g, g.dtype.name) for g in got), sep='\\n')",
        "fits = [g.shape == l.shape and g.dtype == d and ((l <= g) & (g <= h) | n & (g != g)).all()",
        "        for g, (l, h, n, d) in zip(got, allowed)]",
    ]
    condition = "len(got) == len(allowed) and all(fits)"
    if results.totals is None:
        return lines, condition
    return lines + _added(results.totals), f"{condition} and added(got[0])"


def _added(totals: Totals) -> list[str]:
    """Return the lines that compare what the elements add up to."""
    return [
        f"least, most = {plain(totals.low)}, {plain(totals.high)}",
        "def added(g):  # the sums of its elements are those of what went in",
        f"    g = g.astype('float64').sum({totals.axes}, keepdims=True)",
        "    return ((least <= g) & (g <= most) | np.isinf(least)).all()",
    ]


def _masked(mask: AnyMask) -> tuple[list[str], str]:
    """Return the lines that compare a dropout under an unknown mask with what it may keep, and how much of it."""
    x, rate = mask.x, float(mask.rate)
    with np.errstate(all="ignore"):
        value = x if rate == 0 and not isinstance(mask.rate, np.ndarray) else scaled(x, mask.rate)
        cells = possible(x, mask.rate, mask.noise_shape, np.zeros_like(x)).ambiguous
        tiny = format_of(x.dtype).smallest_normal
        mute = (np.abs(x) < tiny) | (np.abs(value) < tiny)
    axes = tuple(axis for axis, size in enumerate(cells.shape) if size == 1)
    total = int((~cells).sum())
    shares = kept_shares(mask.rate, x.dtype) if total and 0 < rate < 1 else ()  # as a verdict looks at them
    counts = [kept for kept in range(total + 1) if not shares or not all(unlikely(total, kept, s) for s in shares)]
    least, most = counts[0], counts[-1]
    lines = [
        f"y, mute = {plain(value)}, {plain(mute)}",
        f"print('expected {x.dtype.name}, each 0 or', y, 'and {least} to {most} kept; got:', *map(repr, got))",
        "def fair(g):",
        f"    kept = ((g == y) | (g != g) & (y != y) | mute & (g == 0)).all({axes}, keepdims=True) & {rate < 1}",
        f"    dropped = ((g == 0) & ~np.signbit(g)).all({axes}, keepdims=True) & {not rate <= 0}",
        f"    return (kept | dropped).all() and {least} <= (kept & ~mute.all({axes}, keepdims=True)).sum() <= {most}",
    ]
    return lines, f"len(got) == 1 and got[0].shape == y.shape and got[0].dtype == '{x.dtype.name}' and fair(got[0])"


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
    return f"np.full({shape}, {text}, '{dtype}')" if alike else f"np.array({text}, '{dtype}').reshape({shape})"
