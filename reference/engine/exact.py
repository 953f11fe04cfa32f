"""
Sums of products, exact or as good as exact, and their correct rounding.

Every convolution, average pool and gradient of them is a sum of products: an output element is

    y = (sum over its n taps of left_k * right_k) / divisor

and linear in `left` and in `right`. One piece of code, `contract`, therefore gives the value (run on the numbers), S =
sum of |left_k| |right_k| (run on absolute values), n (run on ones) and what NaN and infinity do (run on indicators).

The correctly rounded result is found in three steps, each only if the step before left more than a few undecided:

1.  The sum in float64, with a proven bound of its error. Where rounding value - error and value + error to the output
    format gives the same number, that number is the exact value rounded once.
2.  Both operands cut into slices of few enough bits that float64 sums their products exactly; the partial sums added
    as pairs of float64. (float64 results start here.) What the slices leave out is one part in 2^80 of the largest
    product at first, then in 2^160, 2^320 and 2^640: numbers far smaller than others are summed exactly, too.
3.  The exact sum in Python's integers, element by element.

Sources: error of a sum in any order, with or without FMA: Jeannerod and Rump, SIAM J. Matrix Anal. Appl. 34(2), 2013;
slices: Ozaki, Ogita, Oishi and Rump, Numerical Algorithms 59(1), 2012; pairs of float64: Dekker, Numer. Math. 18, 1971.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod

import numpy as np

from reference.floats import Array, Format, format_of, round_ratio, round_to, to_odd

__all__ = [
    "Enclosure",
    "SumOfProducts",
    "chunked_depth",
    "chunked_product",
    "exact_sum",
    "exponent_of",
    "slices",
    "two_product",
    "two_sum",
]

U = 2.0**-53  # unit roundoff of float64
CHUNK = 64  # products added in a row: the fewer, the smaller the error's bound; below this, matrix products are slow
BLOCK = 2**16  # elements rounded at once: their temporaries stay in the cache
STRETCH = 2**16  # elements looked at once: of one temporary more stay in the cache
FEW = 64  # undecided elements that are sooner summed one by one than all cut into more slices
FEWER = 2**7  # likewise one of so many
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Numbers known to be (high + low +- error) * 2^exponent, where |low| is at most half an ulp of high; float64."""

    high: Array
    low: Array
    error: Array | float
    exponent: int = 0

    def __getitem__(self, block: tuple[slice, ...]) -> "Enclosure":
        """Return a part of it."""
        return Enclosure(self.high[block], _part(self.low, block), _part(self.error, block), self.exponent)

    def ends(self, divisor: Array | None) -> list[Array]:
        """
        Return the ends of what is enclosed, divided, in float64; one end where it is one number.

        Rounding them to a narrower format is rounding the enclosed numbers: float64 that only stands for a number next
        to it has an odd last bit, and is no tie.
        """
        if np.ndim(self.low):  # from slices
            return self._odd_ends(divisor)
        middle = self.high if divisor is None else self.high / divisor
        if np.any(self.error):  # which has room for the rounding of the division
            error = self.error if divisor is None else self.error / divisor
            return [middle - error, middle + error]
        if divisor is None or (np.frexp(divisor)[0] == 0.5).all():  # nothing is rounded
            return [middle]
        # Only where float64 rounded a quotient to a tie it may round the other way. A tie has few bits, so that the
        # product of it and the divisor is exact: where this product is the sum, the tie is the quotient.
        inexact = middle * divisor != self.high
        if not inexact.any():
            return [middle]
        error = np.abs(middle) * (inexact * (2 * U))
        return [middle - error, middle + error]

    def _odd_ends(self, divisor: Array | None) -> list[Array]:
        """Return both ends of high + low +- error rounded to odd."""
        error = np.where(self.error == 0, 0.0, self.error + np.abs(self.low) * 2 * U)  # low +- error rounds, too
        ends = [to_odd(*two_sum(self.high, rest)) for rest in (self.low - error, self.low + error)]
        if divisor is not None:
            ends = [_divided_to_odd(end, divisor) for end in ends]
        return [np.ldexp(end, self.exponent) for end in ends]


class SumOfProducts(ABC):
    """
    One op's call as a sum of products; see the module's text.

    left, right: the operands, of the op's dtype, in the layout that `contract` takes.
    dtype: of the result. depth: the longest chain of additions in `contract`, which bounds its rounding errors.
    """

    left: Array
    right: Array
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]  # of the result
    depth: int
    terms_per_element: int  # at most; at least 1
    free_products: bool = False  # whether right is 1, so that the products round nothing

    @abstractmethod
    def contract(self, left: Array, right: Array) -> Array:
        """Return every output's sum of products, of float32 or float64, in float64; taps outside the image: none."""

    def absent(self, right: Array) -> Array:
        """Return, for each output, the sum of the right factors whose tap lies outside the image; right: 0 and 1."""
        return np.asarray(right.sum((0, 1, 2)) - self.contract(np.ones(self.left.shape), right))

    @abstractmethod
    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the left and right factors of one output element's products, flat, taps inside the image only."""

    @abstractmethod
    def size(self) -> Array:
        """Return a cheap upper bound of S = sum of |left_k| |right_k|, by Cauchy and Schwarz; it broadcasts."""

    def divisor(self) -> Array | None:
        """Return what each sum is divided by, integers in float64 that broadcast with the output; None: nothing."""
        return None

    def count(self) -> Array:
        """Return n, the number of products of each output element: taps inside the image, float64."""
        return self.contract(np.ones(self.left.shape), np.ones(self.right.shape))

    def absolute(self) -> Array:
        """Return S = sum of |left_k| |right_k| for each output element, an upper bound within a factor 1 + n u."""
        left, right = map(np.abs, self.operands)
        sums = self.contract(left, right)
        sums *= 1 + 2 * self.depth * U
        return sums

    @cached_property
    def magnitudes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of both operands, the smallest magnitude that is not zero and the largest: `magnitudes`."""
        return magnitudes(self.left), magnitudes(self.right)

    @cached_property
    def all_finite(self) -> bool:
        """Whether no operand holds NaN or infinity."""
        return self.dtype.kind == "i" or all(math.isfinite(largest) for _, largest in self.magnitudes)

    @cached_property
    def finite(self) -> tuple[Array, Array]:
        """Both operands in float64, NaN and infinity replaced by zero."""
        if self.all_finite:
            left, right = (side.astype(np.float64, order="C", copy=False) for side in (self.left, self.right))
            return left, right
        return finite(self.left), finite(self.right)

    @cached_property
    def operands(self) -> tuple[Array, Array]:
        """The same for `contract`, which widens float32 as it goes: a copy of all of it would be twice as large."""
        if self.dtype != np.float32 or not self.all_finite:
            return self.finite
        return np.ascontiguousarray(self.left), np.ascontiguousarray(self.right)

    @cached_property
    def smallest(self) -> tuple[float, float]:
        """The smallest magnitudes of both operands that are not zero; infinity where all are."""
        left, right = self.magnitudes if self.all_finite else map(magnitudes, self.finite)
        return left[0], right[0]

    @property
    def unit(self) -> float:
        """A power of two of which all elements of `left` are multiples; 1 where all are zero."""
        least = self.smallest[0]
        return math.ldexp(1.0, math.frexp(least)[1] - format_of(self.dtype).precision) if least < math.inf else 1.0

    def rounded(self, sizes: Array | None = None) -> Array:
        """
        Return the exact sums, divided and rounded once to the dtype; integers wrap in two's complement.

        sizes: upper bounds of S, where the caller has them; None: those of `size`.
        """
        if 0 in self.shape:
            return np.zeros(self.shape, self.dtype)
        if self.dtype.kind == "i":
            return self._wrapped()
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # infinity, zero and NaN are results
            special = self.special()
            settled = None if special is None else special != 0
            out = self._decided(format_of(self.dtype), self._sizes() if sizes is None else sizes, settled)
            return out if special is None else np.where(special == 0, out, special.astype(self.dtype))

    def _sizes(self) -> Array:
        """Return the bounds of S that rounding wants: slices, which float64 starts with, want none."""
        return np.zeros(()) if self.dtype == np.float64 else self.size()

    def special(self) -> Array | None:
        """
        Return what NaN and infinity make of each sum: NaN, inf, -inf, or 0 where the sum is finite; None: all finite.

        A tap that is NaN, or infinity times zero, or infinities of both signs make NaN, in every order of the sum.
        """
        if self.all_finite:
            return None
        left, right = (Indicators.of(side) for side in (self.left, self.right))
        nan = self.contract(left.nan, np.ones(right.nan.shape)) + self.contract(np.ones(left.nan.shape), right.nan)
        nan += self.contract(np.abs(left.infinite), right.zero) + self.contract(left.zero, np.abs(right.infinite))
        both = self.contract(np.abs(left.infinite), np.abs(right.sign))
        both += self.contract(np.abs(left.finite_sign), np.abs(right.infinite))
        net = self.contract(left.infinite, right.sign) + self.contract(left.finite_sign, right.infinite)
        mixed = (nan > 0) | (np.abs(net) < both)
        infinite = np.where(net > 0, np.inf, np.where(net < 0, -np.inf, 0.0))
        return np.asarray(np.where(mixed, np.nan, infinite))

    def enclosure(self, sizes: Array, most_slices: int = 0) -> Enclosure:
        """
        Enclose the sums (not yet divided): in plain float64, or from up to `most_slices` slices of each operand.

        sizes: upper bounds of S.
        """
        if most_slices:
            return self._sliced(*self.finite, most_slices)
        left, right = self.operands
        return Enclosure(self.contract(left, right), np.zeros(()), self._plain_error(left, right, sizes))

    def _plain_error(self, left: Array, right: Array, sizes: Array) -> Array:
        """Bound the rounding error of `contract`: depth u S; nothing where all are multiples, below 2^53, of a unit."""
        largest = float(sizes.max(initial=0.0))
        if self.free_products and self._exact(largest):
            return np.zeros(())
        if largest < 2.0**52 and whole(left) and whole(right):
            return np.zeros(())
        # Four more: the rounding of `sizes`, of a division, and that of adding the error to the sum. Nothing underflows
        # here, since products of formats narrower than float64 are above 2^-300.
        return sizes * (1.01 * (self.depth + 4) * U)

    def _exact(self, largest: float) -> bool:
        """Return whether float64 adds elements of `left` exactly, where no sum of their magnitudes is larger."""
        return largest < 2.0**52 * self.unit

    def _sliced(self, left: Array, right: Array, most: int) -> Enclosure:
        """Add the exact products of slices as pairs of float64, and bound what the cut-off slices would add."""
        bits = self._slice_bits()
        lefts, rights = slices(left, bits, most), slices(right, bits, most)
        pairs = [(i, j) for i in range(len(lefts.parts)) for j in range(len(rights.parts)) if i + j < most]
        high, low, lost = np.zeros(self.shape), np.zeros(self.shape), np.zeros(())
        for i, j in sorted(pairs, key=sum):
            high, rest = two_sum(high, self.contract(lefts.parts[i], rights.parts[j]))
            low, missing = two_sum(low, rest)
            lost = lost + np.abs(missing) if missing.any() else lost
        # What rounding leaves after slice i - 1, and so slice i, is at most 2^(-bits i - 1). Each of the sum's products
        # lacks most - 1 products of two slices, at most 2^(-bits most - 2), smaller ones, and both rests times 1.
        all_used = len(pairs) == len(lefts.parts) * len(rights.parts)
        cut = 0.0 if all_used and not (lefts.rest or rights.rest) else (most + 4) / 4 * 2.0 ** (-bits * most)
        error = cut * self.terms_per_element + lost * 1.01
        return Enclosure(*two_sum(high, low), error, lefts.exponent + rights.exponent)

    def _slice_bits(self) -> int:
        """Return how many bits two slices may have for sums of their products to be exact in float64."""
        bits = 53 - self.terms_per_element.bit_length()
        return bits // 2 if self.right.ndim else bits - 3  # a number on the right, 1, has one bit

    def _decided(self, fmt: Format, sizes: Array, settled: Array | None) -> Array:
        """
        Round the sums of the finite parts, refining until few are undecided and summing those exactly.

        settled: elements whose result NaN and infinity decide, so that the finite part does not matter.
        """
        few = max(FEW, prod(self.shape) // FEWER)
        enclosures = self._enclosures(fmt, sizes)
        out, open_ = self._round(next(enclosures), fmt)
        if settled is not None:
            open_ &= ~settled
        while np.count_nonzero(open_) > few and (enclosed := next(enclosures, None)):
            rounded, undecided = self._round(enclosed, fmt)
            np.copyto(out, rounded, where=open_)
            open_ &= undecided
        for index in map(tuple, np.argwhere(open_).tolist()):
            out[index] = self._summed(index, fmt)
        return out

    def _enclosures(self, fmt: Format, sizes: Array) -> Iterator[Enclosure]:
        """Yield narrower and narrower enclosures of the sums, as they are asked for."""
        if fmt.precision < 53:
            yield self.enclosure(sizes)
        most = -(-80 // self._slice_bits())  # slices for 80 bits: float64 and a margin
        yield self.enclosure(sizes, most)
        yield self._of_one_product()
        while (most := 2 * most) * self._slice_bits() < 900:  # beyond, products of slices underflow
            yield self.enclosure(sizes, most)

    def _of_one_product(self) -> Enclosure:
        """Enclose what is no sum: one product, which float64 rounds once, or only zeros; of others nothing is known."""
        products = self.contract(*((side != 0) * 1.0 for side in self.finite))
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.contract(*self.finite)
        # A product that rounds to zero has its sign; a quotient is rounded twice.
        one = (products == 1) & (values != 0) & (self.divisor() is None)
        return Enclosure(values, np.zeros(()), np.where(one | (products == 0), 0.0, np.inf))

    def _round(self, sums: Enclosure, fmt: Format) -> tuple[Array, Array]:
        """Round enclosed sums; say which are undecided because both ends of the enclosure round differently."""
        divisor = self.divisor()
        out, undecided = np.empty(self.shape, fmt.dtype), np.empty(self.shape, bool)
        for block in blocks(self.shape):
            some = None if divisor is None else _part(divisor, block)
            out[block], undecided[block] = _rounded(sums[block], some, fmt)
        return out, undecided

    def _summed(self, index: Index, fmt: Format) -> float:
        """Sum one element's products exactly, divide and round once."""
        if self.divisor() is not None:
            ratio = self.exact(index)
            return round_ratio(ratio.numerator, ratio.denominator, fmt)
        left, right = (finite(side) for side in self.terms(index))
        # math.fsum rounds a sum once.
        if fmt.precision == 53:
            if products_are_safe(left, right).all():
                return math.fsum(part for side in two_product(left, right) for part in side.tolist())
            ratio = exact_sum(left, right)
            return round_ratio(ratio.numerator, ratio.denominator, fmt)
        products = (left * right).tolist()  # without a rest: the factors have 24 bits at most, and their exponents 8
        total = math.fsum(products)
        below, above = round_to(np.nextafter(total, [-np.inf, np.inf]), fmt)
        if below == above:  # the sum lies between them
            return float(above)
        rest = math.fsum([*products, -total])
        return float(round_to(to_odd(np.array(total), np.array(rest)), fmt))

    def exact(self, index: Index) -> Fraction:
        """Return one output element before rounding, of the finite parts of the operands."""
        total = exact_sum(*(finite(side) for side in self.terms(index)))
        divisor = self.divisor()
        return total if divisor is None else total / int(np.broadcast_to(divisor, self.shape)[index])

    def _wrapped(self) -> Array:
        """Sum products of int32 exactly, then keep the low 32 bits, as two's complement does."""
        lefts, rights = (slices(side.astype(np.float64), self._slice_bits(), 32) for side in (self.left, self.right))
        total = np.zeros((), np.int64)
        for a in lefts.parts:
            for b in rights.parts:
                sums = np.ldexp(self.contract(a, b), lefts.exponent + rights.exponent)
                total = total + np.fmod(sums, 2.0**32).astype(np.int64)
        return total.astype(self.dtype)


def blocks(shape: tuple[int, ...], most: int = BLOCK) -> Iterator[tuple[slice, ...]]:
    """Yield indices that cut an array, along its first axes, into blocks of about `most` elements, one at least."""
    if prod(shape) <= most:
        yield tuple(slice(0, size) for size in shape)
        return
    inside = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    cut = next((axis for axis, size in enumerate(inside) if size <= most), 0)
    step = max(most // max(inside[cut], 1), 1)
    rest = [slice(0, size) for size in shape[cut + 1 :]]
    for lead in product(*map(range, shape[:cut])):
        for start in range(0, shape[cut], step):
            yield (*(slice(i, i + 1) for i in lead), slice(start, min(start + step, shape[cut])), *rest)


def magnitudes(values: Array) -> tuple[float, float]:
    """
    Return the smallest magnitude that is not zero, infinity where there is none, and the largest; NaN is above all.

    Without its sign, a number's bits are an integer that grows with its magnitude.
    """
    unsigned, most = np.dtype(f"u{values.itemsize}"), 2 ** (8 * values.itemsize) - 1
    least, largest, flat = most + 1, 0, values.reshape(-1).view(unsigned)
    for start in range(0, flat.size, STRETCH):
        bits = flat[start : start + STRETCH] << 1
        smallest, largest = int(bits.min()), max(largest, int(bits.max()))
        if not smallest:
            bits -= 1  # zero becomes the largest integer
            smallest = int(bits.min()) + 1
        least = min(least, smallest)
    ends = np.array([0 if least > most else least, largest], unsigned)
    below, above = (ends >> 1).view(values.dtype).tolist()
    return float(below) or math.inf, float(above)


@dataclass(frozen=True, slots=True)
class Indicators:
    """Where an operand is NaN, infinite (with its sign) or zero, as float64 arrays of -1, 0 and 1."""

    nan: Array
    infinite: Array
    zero: Array
    sign: Array  # of finite and infinite elements
    finite_sign: Array

    @classmethod
    def of(cls, side: Array) -> "Indicators":
        """Classify every element."""
        values = side.astype(np.float64)
        nan, inf = np.isnan(values), np.isinf(values)
        sign = np.where(nan, 0.0, np.sign(values))
        return cls(
            nan.astype(np.float64),
            np.where(inf, sign, 0.0),
            (values == 0).astype(np.float64),
            sign,
            np.where(inf, 0.0, sign),
        )


def finite(values: Array) -> Array:
    """Return float64 values with NaN and infinity replaced by zero."""
    wide = values.astype(np.float64, order="C")
    ok = np.isfinite(wide)
    return wide if ok.all() else np.where(ok, wide, 0.0)


def whole(values: Array) -> bool:
    """Return whether every value is an integer."""
    some = values.reshape(-1)[:256]  # enough to say no to ordinary data at once
    return bool((np.rint(some) == some).all() and (np.rint(values) == values).all())


@dataclass(frozen=True, slots=True)
class Slices:
    """values = (sum of parts) * 2^exponent, but for a rest (if any) below 2^(-bits * most + exponent)."""

    parts: list[Array]  # part i is at most 2^(-bits i)
    exponent: int
    rest: bool


def slices(values: Array, bits: int, most: int) -> Slices:
    """
    Cut float64 values into at most `most` parts, each with `bits` bits on a grid common to all values.

    Products of parts of two arrays are integers of 2 * bits bits on a common grid, so that 2^(53 - 2 * bits) of them
    add without rounding.
    """
    exponent = exponent_of(values)
    rest = values * 2.0**-exponent
    parts: list[Array] = []
    # Scaling rounds what is 2^-970 of the largest: such a rest is never called zero.
    lossy = exponent > 0 and bool((np.ldexp(rest, exponent) != values).any())
    for i in range(1, most + 1):
        part = rounded_to_multiples(rest, -bits * i)
        parts.append(part)
        rest -= part
        if not rest.any():
            return Slices(parts, exponent, rest=lossy)
    return Slices(parts, exponent, rest=True)


def exponent_of(values: Array) -> int:
    """Return the exponent of a power of two that no magnitude is above; at least -1000, so that it has an inverse."""
    largest = max(-float(values.min(initial=0.0)), float(values.max(initial=0.0)))
    return max(math.frexp(largest)[1], -1000)


def rounded_to_multiples(values: Array, exponent: int) -> Array:
    """
    Round float64 values to multiples of 2^exponent.

    values: below 2^(51 + exponent), so that their sum with 1.5 * 2^(52 + exponent) has the spacing 2^exponent.
    """
    large = math.ldexp(1.5, 52 + exponent)
    out = values + large
    out -= large
    return out


def chunked_product(a: Array, b: Array, total: Array | None = None) -> Array:
    """
    Return a @ b in float64, or add it to total, CHUNK products at a time.

    No chain of additions is long, and no operand is widened as a whole.
    """
    out = _chunk_product(a, b, 0) if total is None else total
    for start in range(CHUNK if total is None else 0, a.shape[-1], CHUNK):
        out += _chunk_product(a, b, start)
    return out


def _chunk_product(a: Array, b: Array, start: int) -> Array:
    """Return the sums of CHUNK products."""
    sides = a[..., start : start + CHUNK], b[..., start : start + CHUNK, :]
    return np.asarray(np.matmul(*(side.astype(np.float64, copy=False) for side in sides)))


def chunked_depth(terms: int) -> int:
    """Return the longest chain of additions in `chunked_product` over so many terms."""
    return min(terms, CHUNK) + -(-terms // CHUNK)


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return s = fl(a + b) and the exact rest a + b - s (Knuth, The Art of Computer Programming 2, 4.2.2)."""
    s = a + b
    z = s - a
    return s, (a - (s - z)) + (b - z)


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return p = fl(a b) and the exact rest a b - p, where nothing overflows or underflows (Dekker 1971)."""
    p = a * b
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def products_are_safe(left: Array, right: Array) -> Array:
    """Return which products, and their rests in `two_product`, neither overflow nor underflow in float64."""
    size = np.abs(left * right)
    split = (np.abs(left) < 2.0**990) & (np.abs(right) < 2.0**990)
    # Zero beside a number too large to be cut is none: its halves are NaN.
    return np.asarray(split & ((left == 0) | (right == 0) | ((size > 2.0**-900) & (size < 2.0**1000))))


def _halves(a: Array) -> tuple[Array, Array]:
    """Cut a float64 into a high and a low half of 26 bits (Veltkamp)."""
    t = a * (2.0**27 + 1)
    high = t - (t - a)
    return high, a - high


def _rounded(sums: Enclosure, divisor: Array | None, fmt: Format) -> tuple[Array, Array | bool]:
    """Divide and round an enclosure; say where its ends round differently."""
    if fmt.precision == 53:
        return _round_pair(sums if divisor is None else _divided(sums, divisor))
    ends = sums.ends(divisor)
    if len(ends) == 1:
        return round_to(ends[0] + 0.0, fmt), False  # the exact number 0 is +0
    # Ends on both sides of 0, and a sum of -0, round to zeros of two signs: which one is undecided.
    first, last = (round_to(end, fmt) for end in ends)
    bits = f"u{first.itemsize}"
    return first, first.view(bits) != last.view(bits)


def _part(array: Array | float, block: tuple[slice, ...]) -> Array:
    """Return what a block meets of an array that broadcasts: of an axis of one element, or a missing one, all."""
    sides = np.asarray(array)
    last = block[len(block) - sides.ndim :]
    return np.asarray(
        sides[tuple(part if size > 1 else slice(None) for part, size in zip(last, sides.shape, strict=True))]
    )


def _divided_to_odd(values: Array, divisor: Array) -> Array:
    """Divide float64 by integers, rounding to odd: rounding again to a narrower format is rounding once."""
    quotient = values / divisor
    product, rest = two_product(quotient, divisor)
    return to_odd(quotient, (values - product) - rest)


def _divided(sums: Enclosure, divisor: Array) -> Enclosure:
    """Divide an enclosure by positive integers, as a pair of float64: exactly, where a pair holds the quotient."""
    quotient = sums.high / divisor
    product, rest = two_product(quotient, divisor)
    remainder, lost = two_sum((sums.high - product) - rest, sums.low)
    low = remainder / divisor
    product, rest = two_product(low, divisor)
    # Below 2^-1022 the quotient of the remainder is rounded to a multiple of 2^-1074.
    rounds = (lost != 0) | (product != remainder) | (rest != 0)
    error = sums.error / divisor + rounds * (np.abs(low) * (4 * U) + 2.0**-1073)
    return Enclosure(*two_sum(quotient, low), error, sums.exponent)


def _round_pair(sums: Enclosure) -> tuple[Array, Array]:
    """Round (high + low +- error) 2^exponent to float64; say where another number might be the nearest."""
    high, low, error = sums.high, np.abs(sums.low), np.asarray(sums.error)
    out, size = np.ldexp(high, sums.exponent), np.abs(high)
    spacing = size - size * (1 - U)  # this product is the float64 below: a power of two has the smaller spacing there
    exact, away, reliable = error == 0, low, size >= 2.0**-900
    subnormal = np.abs(out) <= 2.0**-1022
    if subnormal.any():
        # Such results are multiples of 2^-1074, and high is rounded to one.
        units = np.rint(np.ldexp(high, 1074 + sums.exponent))
        out = np.where(subnormal, np.ldexp(units, -1074), out)
        rounded_off = np.where(subnormal, np.abs(high - np.ldexp(units, -1074 - sums.exponent)), 0.0)
        spacing = np.where(subnormal, np.ldexp(1.0, -1074 - sums.exponent), spacing)
        exact, away, reliable = exact & (~subnormal | (low == 0)), low + rounded_off, reliable | subnormal
    # Where nothing is missing, high is the nearest float64 to the sum, ties to even: so `two_sum` rounds, and `rint`.
    return out, ~((2 * (away + error) < spacing) & reliable | exact)


def exact_sum(left: Array, right: Array) -> Fraction:
    """Return the exact sum of products of two flat float64 arrays."""
    mantissas, exponents = zip(*(_integers(side) for side in (left, right)), strict=True)
    powers = exponents[0] + exponents[1]
    products = [int(a) * int(b) for a, b in zip(*mantissas, strict=True)]
    lowest = int(powers.min(initial=0))
    total = sum(product << int(power - lowest) for product, power in zip(products, powers, strict=True))
    return Fraction(total) * Fraction(2) ** lowest


def _integers(values: Array) -> tuple[Array, Array]:
    """Return integers m and exponents e with value = m 2^e exactly."""
    mantissa, exponent = np.frexp(values)
    return (mantissa * 2.0**53).astype(np.int64), exponent.astype(np.int64) - 53
