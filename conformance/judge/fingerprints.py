"""
Fingerprints: which arithmetic a target's errors look like.

A loss of precision can hide under the bound n u S, but not in the mean and the root mean square of err / (u S) over all
elements of a run, where u is the unit roundoff of the result's dtype and 2^-p. Four regimes tell one thing each:

| regime | what is read | what it tells |
|---|---|---|
| normal | root mean square | the precision of operands and of sums |
| positive | mean | operands that are truncated: theirs is no accident |
| wide | root mean square far above a direct sum's | a transform: neighbours of other magnitudes leave their errors |
| lattice | most calls inexact | a transform whose factors are no powers of two; its size tells which |

What to expect on the regime "normal", of n products a sum. Rounding x = m 2^e to q bits errs evenly by up to 2^(e - q):
4^(e - q) / 3 is the mean square. Over the significands m of such data, which are nearly log-uniform, 4^e is on average
2 ln 2 / 3 of x^2. Hence, relative to a product's root mean square and with v = 2^-q,

    both operands rounded     2/3 sqrt(ln 2) v = 0.56 v
    both operands truncated   2/3 sqrt(2 + 4 ln 2) v = 1.46 v
    both in two parts         0.26 v^2: what is missing of either, 0.15 v^2, and the product of the lesser parts
    one rounding              1/3 sqrt(2 ln 2) v = 0.39 v

The products' errors add up as sqrt(n), while S grows as n: the ratio falls as 1/sqrt(n), and the mean of its square
over elements with other n as the mean of 1/n. The roundings of sums are of the first to the n-th partial sum, whose
squares grow as 1 to n: 0.39 sqrt(1/2 + 1/n) v of S, at any n; less in blocks or pairs. Where the result is narrower
than the sums, it is the correctly rounded one but where a tie lies within their error: then it is off by a spacing.

A kind of arithmetic is told from the next one at the geometric mean of what both lead to expect; a kind that lies
within a factor of two of the one before, at very large n, is not told from it. Winograd's F(2, 3) is about as precise
as float32 in some order: only the wide regime knows it, by calls of few channels. The root mean square over white data
of F(4, 3)'s terms is 10.8 times that of a direct sum's; three Fourier transforms err less than one rounding of those.
The size on the lattice is the geometric mean over calls: where a window holds little but padding, S says nothing of the
errors that its neighbours leave, and a single such call would outweigh all others in a mean of squares.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from conformance.ops import OPS
from reference.engine.winograd import MATRICES
from reference.floats import FORMATS

__all__ = ["Measured", "fingerprints", "from_sums", "named", "sums", "worse_than_declared"]

REGIMES = ("normal", "positive", "wide", "lattice")
KEYS = ("op", "target", "dtype")

LN2 = math.log(2)
ROUNDED = 2 / 3 * math.sqrt(LN2)
TRUNCATED = 2 / 3 * math.sqrt(2 + 4 * LN2)
ONCE = math.sqrt(2 * LN2) / 3
# The part left of x is even in its binades, 7/3 the mean of their m^2: rounding it errs by sqrt(1/7) of its own size.
SPLIT = ONCE * math.sqrt(2 / 7 + ONCE**2)

# Root mean square over mean magnitude of a product of two sums of four even numbers: (1/3) / (7/15)^2.
SPREAD = 75 / 49
# A direct sum's error is n u S at most, and sqrt(n) u S as a root mean square; no sum has 2^24 products.
DIRECT = 2.0**12
# Operands cut to 8 bits err by less than 2^-7 of themselves, their product by 2^-6; none are narrower.
NARROWEST = 2.0**-6
# Truncation to q bits takes 2^(e - q) of x in [0, 1), 2/3 of 2^-q of it on average; of both operands twice that.
BIAS = 4 / 3
# Root mean square over mean magnitude of a product of two numbers even around zero, as on the lattice: (1/3) / (1/2)^2.
EVEN = 4 / 3
# Results of 16 bits that fell to the other side of a tie by chance, each by at most 2 u S: so many prove nothing.
CHANCES = 4


@dataclass(frozen=True, slots=True)
class Kind:
    """An arithmetic as it shows: relative errors of a product's narrowed operands, the precision of sums."""

    name: str
    sums: int
    operands: float = 0.0
    truncated: float = 0.0  # the same, where the unit truncates; 0: operands are not narrowed, or never truncated


# From the most precise on; what lies beyond the last is "less than" that.
KINDS: Mapping[str, Sequence[Kind]] = {
    "float64": (Kind("float64", 53), Kind("float32", 24, ROUNDED * 2.0**-24)),
    "float32": (
        Kind("float64", 53),
        Kind("float32", 24),
        Kind("bf16x3", 24, SPLIT * 2.0**-16),
        Kind("TF32", 24, ROUNDED * 2.0**-11, TRUNCATED * 2.0**-11),
        Kind("bfloat16", 24, ROUNDED * 2.0**-8, TRUNCATED * 2.0**-8),
    ),
    "float16": (Kind("float32", 24), Kind("float16", 11)),
    "bfloat16": (Kind("float32", 24), Kind("bfloat16", 8)),
}

TRANSFORMS = ("FFT", "Winograd F(2, 3)", "Winograd F(4, 3)")
# From the best to the worst.
ORDER = (
    "correctly rounded",
    "float64",
    "float32",
    *TRANSFORMS,
    "bf16x3",
    "TF32 rounded",
    "TF32 truncated",
    "float16",
    "bfloat16 rounded",
    "bfloat16",  # sums in it
    "bfloat16 truncated",
)
DECLARED = {
    "correctly-rounded": "correctly rounded",
    "tf32-rounded": "TF32 rounded",
    "tf32": "TF32 truncated",
    "bf16x3": "bf16x3",
    "bfloat16": "bfloat16 rounded",
    "winograd-2": "Winograd F(2, 3)",
    "winograd-4": "Winograd F(4, 3)",
    "fft": "FFT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run shows of one op, target and dtype: err / (u S) over all elements of a regime; None: there are none."""

    elements: int  # of the normal regime, as are the next three
    mean: float
    rms: float
    inverse: float  # the mean of 1/n
    bias: float | None = None  # the mean of the positive regime
    wide: float | None = None  # the root mean square of the wide regime
    lattice: float | None = None  # root mean square over that of 1/sqrt(n), where the declared arithmetic may round


def fingerprints(observations: pl.LazyFrame) -> list[dict[str, Any]]:
    """Return the fingerprints of a run, as the footer has them: one for each op, target and dtype with normal data."""
    return from_sums(sums(observations).collect().to_dicts())


def sums(observations: pl.LazyFrame) -> pl.LazyFrame:
    """
    Add up what a run's observations measure: a row for each op, target, dtype and regime.

    Every column is a sum over calls, so that those of several runs can be added: elements, err / (u S), its square,
    1/n; the calls, how many of them are inexact, and log(rms(err / (u S)) / rms(1/sqrt(n))) over these.
    """
    measured = observations.filter((pl.col("elements") > 0) & pl.col("regime").is_in(REGIMES))
    squares, inexact = pl.col("squares"), pl.col("squares") > 0
    return (
        measured.group_by(*KEYS, "regime")
        .agg(
            pl.col("elements", "sum", "squares", "inverse").sum(),
            pl.len().alias("calls"),
            inexact.sum().alias("inexact"),
            ((squares / pl.col("inverse")).filter(inexact).log() / 2).sum().alias("level"),
        )
        .sort(*KEYS, "regime")
    )


def from_sums(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the fingerprints that rows of `sums` tell, those of normal data among them."""
    found: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in KEYS), {})[row["regime"]] = row
    return [
        dict(zip(KEYS, key, strict=True)) | _entry(key[2], _measured(regimes, transforms=_transforms(key[0])))
        for key, regimes in found.items()
        if "normal" in regimes
    ]


def _transforms(op: str) -> bool:
    """Return whether transforms can compute an op; one of another suite's runs is not known."""
    return op in OPS and OPS[op].transforms


def _measured(regimes: Mapping[str, Mapping[str, Any]], *, transforms: bool) -> Measured:
    """Return means, from the sums of each regime."""
    # Transforms make convolutions. A mean may be inexact on the lattice: by a rounded reciprocal.
    regimes = {name: row for name, row in regimes.items() if transforms or name in ("normal", "positive")}
    normal, lattice = regimes["normal"], regimes.get("lattice")
    means = {name: row["sum"] / row["elements"] for name, row in regimes.items()}
    roots = {name: math.sqrt(row["squares"] / row["elements"]) for name, row in regimes.items()}
    return Measured(
        elements=int(normal["elements"]),
        mean=means["normal"],
        rms=roots["normal"],
        inverse=normal["inverse"] / normal["elements"],
        bias=means.get("positive"),
        wide=roots.get("wide"),
        lattice=_level(lattice) if lattice else None,
    )


def _level(lattice: Mapping[str, Any]) -> float:
    """Return how large the errors of a call on the lattice are, by the geometric mean; 0: most calls are exact."""
    return math.exp(lattice["level"] / lattice["inexact"]) if 2 * lattice["inexact"] > lattice["calls"] else 0.0


def _entry(dtype: str, measured: Measured) -> dict[str, Any]:
    """Return a fingerprint as JSON data."""
    return {
        "regime": "normal",
        "elements": measured.elements,
        "mean": measured.mean,
        "rms": measured.rms,
        "inverse": measured.inverse,
        "bias": measured.bias,
        "wide": measured.wide,
        "lattice": measured.lattice,
        "name": named(dtype, measured),
    }


def named(dtype: str, measured: Measured) -> str:
    """Name the arithmetic of a result's dtype that these errors look like."""
    precision = FORMATS[dtype].precision
    if measured.rms == 0:
        return "correctly rounded"
    kinds = _kinds_apart(dtype, measured.inverse)
    rms = measured.rms
    if precision < 24:
        rms = math.sqrt(max(rms**2 - CHANCES * 2.0**2 / measured.elements, 0.0))
    for kind, following in zip(kinds, [*kinds[1:], None], strict=True):
        high = expected(kind, precision, measured.inverse, kind.truncated)
        # As if there were one of two bits fewer behind the last.
        limit = math.sqrt(high * expected(following, precision, measured.inverse)) if following else 2 * high
        if rms <= limit:
            return _transform(kind, precision, measured) or _narrowed(kind, precision, measured)
    return _transform(kinds[-1], precision, measured) or f"less than {kinds[-1].name}"


def expected(kind: Kind, precision: int, inverse: float, operands: float = 0.0) -> float:
    """
    Return the root mean square of err / (u S) on normal data under a kind of arithmetic.

    precision: p of the result; inverse: the mean of 1/n; operands: in place of the kind's own.
    """
    narrowed = (operands or kind.operands) * 2.0**precision * SPREAD * math.sqrt(inverse)
    if kind.sums > precision:
        # E|err| times a spacing: err about 0.3 of its own unit, and |y| of S, and the spacing 1.4 u |y|.
        return math.hypot(narrowed, math.sqrt(ONCE * SPREAD * 2.0 ** (precision - kind.sums) * math.sqrt(inverse)))
    return math.hypot(narrowed, ONCE * SPREAD * 2.0 ** (precision - kind.sums) * math.sqrt(0.5 + inverse))


def _kinds_apart(dtype: str, inverse: float) -> list[Kind]:
    """Return the kinds whose errors are at least twice those of the kind before."""
    precision = FORMATS[dtype].precision
    kinds = list(KINDS[dtype][:1])
    for kind in KINDS[dtype][1:]:
        before = expected(kinds[-1], precision, inverse, kinds[-1].truncated)
        if expected(kind, precision, inverse) >= 2 * before:
            kinds.append(kind)
    return kinds


def _narrowed(kind: Kind, precision: int, measured: Measured) -> str:
    """Name a kind, and say how it narrows: by the bias of positive data, or else by the size of the errors."""
    if not kind.truncated:
        return kind.name
    if measured.bias is None:
        levels = [expected(kind, precision, measured.inverse, each) for each in (kind.operands, kind.truncated)]
        truncates = measured.rms > math.sqrt(levels[0] * levels[1])
    else:
        truncates = -measured.bias > BIAS * 2.0**precision * kind.operands / ROUNDED / 2
    return f"{kind.name} {'truncated' if truncates else 'rounded'}"


def _transform(kind: Kind, precision: int, measured: Measured) -> str:
    """Name the transform that results come from; "" for none, and for results too narrow to show it."""
    if precision < 24:
        return ""
    narrowed = bool(kind.operands) or kind.sums < precision
    far = measured.wide is not None and measured.wide > (NARROWEST * 2.0**precision if narrowed else DIRECT)
    if narrowed and not far:
        return ""  # its operands are narrowed, on the lattice, too
    if measured.lattice:
        return "Winograd F(4, 3)" if measured.lattice > ONCE * amplification(4) * EVEN else "FFT"
    return "Winograd F(2, 3)" if far else ""


def amplification(m: int) -> float:
    """
    Return how much larger Winograd's errors are than those of a direct sum: root mean squares on white data.

    Along each of two axes the squares of an output's terms, |A^T|^2 (|G|^2 1) (|B^T|^2 1), against three products.

    >>> round(amplification(2), 2), round(amplification(4), 1)
    (1.67, 10.8)
    """
    at, g, bt = (np.square(matrix) for matrix in MATRICES[m])
    return float((at @ (g.sum(1) * bt.sum(1))).mean() / 3)


def worse_than_declared(declared: str, fingerprint: Mapping[str, Any]) -> bool:
    """
    Return whether the arithmetic measured is worse than the one that the target declares: a disagreement of its own.

    declared: a name of `reference.bounds.ARITHMETICS`; fingerprint: one of `fingerprints`.
    """
    name, dtype = str(fingerprint["name"]), str(fingerprint["dtype"])
    averages = fingerprint["op"] in OPS and OPS[str(fingerprint["op"])].averages
    # Shares of few numbers of 16 bits are ties more often than by chance, and a share rounded to float32 is off the
    # tie: as many results differ then as where sums are kept in 16 bits. The bound of each element tells that apart.
    # A transform's errors go by its largest operands: over a small S of some element's own they have no bounded mean.
    if DECLARED.get(declared) in TRANSFORMS or (averages and FORMATS[dtype].precision < 24):
        return False
    if name.startswith("less than"):
        return True
    # Of sums in float64, too: narrower results show them at ties alone, and float32's are beyond their bound.
    own = dtype if declared == "storage" or dtype == "float64" else "float32"
    return ORDER.index(name) > ORDER.index(DECLARED.get(declared, own))
