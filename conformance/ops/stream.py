"""The stream of cases of an op: mostly valid calls, in groups that share all but their values, and some broken ones."""

from collections.abc import Iterator
from fractions import Fraction

from conformance.cases.breaks import refused
from conformance.cases.choices import Choices, streams
from conformance.cases.regimes import rotated
from conformance.model import Case
from conformance.ops.table import OPS

__all__ = ["generate", "invalid", "valid"]

GROUP = 5  # valid calls that share shapes and attributes: what is traced and compiled for one serves all


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call of an op."""
    return OPS[op].valid(choices)


def invalid(op: str, choices: Choices) -> Case:
    """Draw a call of an op that breaks exactly the rule that its `breaks` names."""
    return refused(op, choices, OPS[op].breaks)


def generate(
    op: str, seed: int, first: int, count: int, valid_share: Fraction | float = Fraction(5, 6)
) -> Iterator[Case]:
    """
    Yield cases first .. first + count - 1 of an op's stream: case k of a seed is the same in any block.

    Of every six cases (by default) the last is broken. Valid ones come in groups of five with one shape; the first of
    a group is on the lattice, the others go round the regimes.
    """
    share = 1 - Fraction(valid_share).limit_denominator(1000)
    top, bottom = share.numerator, share.denominator
    start, end = first * top // bottom, (first + count) * top // bottom  # broken cases before the first and the last
    wrong = streams(seed, f"{op}, broken", start, end - start)
    right = _groups(op, seed, first - start, first + count - end)
    for number in range(first, first + count):
        is_broken = (number + 1) * top // bottom > number * top // bottom
        yield invalid(op, next(wrong)) if is_broken else next(right)


def _groups(op: str, seed: int, first: int, end: int) -> Iterator[Case]:
    """Yield valid cases first .. end - 1, five of one shape each time."""
    groups = range(first // GROUP, -(-end // GROUP))
    for group, choices in zip(groups, streams(seed, op, groups.start, len(groups)), strict=True):
        base = valid(op, choices)
        dtype = base.dtype
        for member in range(GROUP):
            if first <= group * GROUP + member < end:
                yield Case(
                    op=op,
                    arrays=base.arrays,
                    attributes=base.attributes,
                    regime=rotated(dtype, base.regime, member),
                    seed=base.seed + member,
                )
