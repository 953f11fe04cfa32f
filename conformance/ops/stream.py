"""The stream of cases of an op: mostly valid calls, in groups that share all but their values, and some broken ones."""

from collections.abc import Iterator
from fractions import Fraction

from conformance.cases.breaks import enumerated, refused
from conformance.cases.choices import STRATA, Choices, streams
from conformance.cases.regimes import rotated
from conformance.model import Case
from conformance.ops.table import OPS

__all__ = ["REDRAWN", "generate", "invalid", "numbered", "redrawn", "refusals", "valid"]

GROUP = 5  # valid calls that share shapes and attributes: what is traced and compiled for one serves all
APART = 3  # of so many groups one has a call with arrays of the same shapes that differs in an attribute
REDRAWN = STRATA  # calls that may take the place of one


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call of an op."""
    return OPS[op].valid(choices)


def invalid(op: str, choices: Choices) -> Case:
    """Draw a call of an op that breaks exactly the rule that its `breaks` names."""
    return refused(op, choices, OPS[op].breaks)


def refusals(op: str) -> Iterator[Case]:
    """Yield every call of an op that breaks one rule of a plain call by one argument."""
    return enumerated(op, OPS[op].breaks)


def generate(
    op: str, seed: int, first: int, count: int, valid_share: Fraction | float = Fraction(5, 6)
) -> Iterator[Case]:
    """
    Yield cases first .. first + count - 1 of an op's stream: case k of a seed is the same in any block.

    Of every six cases (by default) the last is broken. Valid ones come in groups of five with one shape; the first of
    a group is on the lattice, the others go round the regimes. In some groups the last one differs in an attribute:
    what is kept from call to call by shapes alone is wrong for it.
    """
    return (case for _, case in numbered(op, seed, first, count, valid_share))


def numbered(
    op: str, seed: int, first: int, count: int, valid_share: Fraction | float = Fraction(5, 6)
) -> Iterator[tuple[int, Case]]:
    """Yield the same cases, each with its number among the valid ones, or among the broken ones."""
    share = 1 - Fraction(valid_share).limit_denominator(1000)
    top, bottom = share.numerator, share.denominator
    start, end = first * top // bottom, (first + count) * top // bottom  # broken cases before the first and the last
    wrong = enumerate(streams(seed, f"{op}, broken", start, end - start), start)
    right = enumerate(_groups(op, seed, first - start, first + count - end), first - start)
    for number in range(first, first + count):
        is_broken = (number + 1) * top // bottom > number * top // bottom
        if is_broken:
            place, choices = next(wrong)
            yield place, invalid(op, choices)
        else:
            yield next(right)


def redrawn(case: Case, seed: int, number: int) -> Iterator[Case]:
    """
    Yield calls that may take the place of a case of this number, the same for all of a group but in their values.

    A valid call is the first itself: whoever cannot take its dtype casts it. Those of a broken one break its rule.
    """
    op = case.op
    if case.breaks:
        ways = {case.breaks: OPS[op].breaks[case.breaks]}
        drawn = streams(seed, f"{op}, broken again", number * REDRAWN, REDRAWN)
        yield from (refused(op, choices, ways) for choices in drawn)
        return
    yield case
    group, member = divmod(number, GROUP)
    for choices in streams(seed, f"{op}, again", group * REDRAWN, REDRAWN):
        yield _member(valid(op, choices), member)


def _groups(op: str, seed: int, first: int, end: int) -> Iterator[Case]:
    """Yield valid cases first .. end - 1, five of one shape each time."""
    groups = range(first // GROUP, -(-end // GROUP))
    for group, choices in zip(groups, streams(seed, op, groups.start, len(groups)), strict=True):
        base = valid(op, choices)
        for member in range(GROUP):
            if first <= group * GROUP + member < end:
                yield _member(base, member)


def _member(base: Case, member: int) -> Case:
    """Return one call of a group; of one group in APART the last differs from the others in an attribute."""
    call = _sibling(base) if member == GROUP - 1 and base.seed % APART == 0 else base
    return Case(
        op=call.op,
        arrays=call.arrays,
        attributes=call.attributes,
        regime=rotated(call.dtype, call.regime, member),
        seed=base.seed + member,
    )


def _sibling(base: Case) -> Case:
    """Return the call with arrays of the same shapes and another attribute; where there is none, with another dtype."""
    op = OPS[base.op]
    shapes = [spec.shape for spec in base.arrays.values()]
    for other in op.alike(base, base.seed // APART):
        if other.attributes != base.attributes and [spec.shape for spec in other.arrays.values()] == shapes:
            return other
    return op.cast(base, next((dtype for dtype in op.dtypes if dtype != base.dtype), base.dtype))
