"""The classes of arithmetic that a target may declare, and what each makes of single numbers; `bounds` has the sums."""

from dataclasses import dataclass, replace

from reference.floats import FORMATS, Format

__all__ = ["ARITHMETICS", "Arithmetic", "accumulator", "narrow_format", "narrowing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """How a target computes sums of products: what it declares, and is then held to."""

    name: str
    accumulate: str | None = None  # the format of sums, or "storage"; None: float32, and always float64 for float64
    narrow: str | None = None  # the format operands are rounded to first
    truncates: bool = False  # the unit truncates where others round
    more: int = 0  # roundings of each term to the dtype of the result, beyond those of the sum
    terms: int = 1  # products a tap: 3 where operands are split in two parts of the narrow format
    winograd: int = 0  # m of F(m, 3), for 3x3 filters with stride 1; other calls are direct
    fft: bool = False
    exact: bool = False  # the exact value rounded once
    flushes: bool = True  # subnormal numbers may count as zero, as TensorFlow's CPU threads make them


ARITHMETICS = {
    arithmetic.name: arithmetic
    for arithmetic in (
        Arithmetic(name="correctly-rounded", exact=True, flushes=False),
        Arithmetic(name="float32"),  # sums in float32 for 16-bit types and float32, in float64 for float64
        Arithmetic(name="float32-gradual", flushes=False),
        Arithmetic(name="float64", accumulate="float64"),
        Arithmetic(name="storage", accumulate="storage"),
        Arithmetic(name="tf32", narrow="tf32", truncates=True),
        Arithmetic(name="tf32-rounded", narrow="tf32"),
        Arithmetic(name="bf16x3", narrow="bfloat16", terms=3),
        Arithmetic(name="bfloat16", narrow="bfloat16"),
        Arithmetic(name="winograd-2", winograd=2),
        Arithmetic(name="winograd-4", winograd=4),
        Arithmetic(name="fft", fft=True),
    )
}

# TF32 has the exponents of float32 and the precision of float16.
TF32 = replace(FORMATS["float32"], precision=11)


def accumulator(arithmetic: Arithmetic, fmt: Format) -> Format:
    """Return the format in which sums of a call in this format are kept."""
    if arithmetic.accumulate == "storage":
        return fmt
    return FORMATS["float64"] if fmt.precision == 53 else FORMATS[arithmetic.accumulate or "float32"]


def narrow_format(arithmetic: Arithmetic, fmt: Format) -> Format | None:
    """Return the format to which operands are narrowed; None where they are not."""
    if arithmetic.narrow is None:
        return None
    narrow = TF32 if arithmetic.narrow == "tf32" else FORMATS[arithmetic.narrow]
    return narrow if narrow.precision < fmt.precision else None


def narrowing(arithmetic: Arithmetic, narrow: Format) -> tuple[float, float]:
    """
    Return the relative error that narrowed operands bring to S, and how much S itself may grow.

    An operand x becomes x (1 + d), |d| <= u: 2 u + u^2 of |x w|. In two parts, high + low, it keeps all but u^2 of it;
    the three products leave out low low, u^2 more: 3 u^2 + u^4. Of the parts' sizes, |high| <= (1 + u) |x| and
    |low| <= u |x|, the three products make (1 + u)^2 + 2 u (1 + u).
    """
    u = narrow.u * (2 if arithmetic.truncates else 1)
    if arithmetic.terms == 3:
        return 3 * u**2 + u**4, (1 + u) * (1 + 3 * u)
    return 2 * u + u**2, (1 + u) ** 2
