"""The stream of cases of an op: mostly valid calls, in groups that share all but their values, and some broken ones."""

from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType

from conformance.cases import (
    conv2d,
    conv2d_invalid,
    dropout,
    dropout_invalid,
    pools,
    pools_invalid,
    unpool,
    unpool_invalid,
)
from conformance.cases.choices import Choices, streams
from conformance.cases.regimes import rotated
from conformance.model import Case

__all__ = ["OPS", "generate", "invalid", "valid"]

GROUP = 5  # valid calls that share shapes and attributes: what is traced and compiled for one serves all

# Where an op's valid and its broken calls come from.
OPS: dict[str, tuple[ModuleType, ModuleType]] = {
    "conv2d": (conv2d, conv2d_invalid),
    "conv2d_transpose": (conv2d, conv2d_invalid),
    "conv2d_backprop_input": (conv2d, conv2d_invalid),
    "conv2d_backprop_filter": (conv2d, conv2d_invalid),
    "max_pool": (pools, pools_invalid),
    "max_pool_with_argmax": (pools, pools_invalid),
    "max_pool_grad": (pools, pools_invalid),
    "avg_pool": (pools, pools_invalid),
    "avg_pool_grad": (pools, pools_invalid),
    "avg_unpool": (pools, pools_invalid),
    "max_unpool": (unpool, unpool_invalid),
    "dropout": (dropout, dropout_invalid),
    "stateless_dropout": (dropout, dropout_invalid),
    "dropout_grad": (dropout, dropout_invalid),
}


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call of an op."""
    case: Case = OPS[op][0].valid(op, choices)
    return case


def invalid(op: str, choices: Choices) -> Case:
    """Draw a call of an op that breaks exactly the rule that its `breaks` names."""
    case: Case = OPS[op][1].invalid(op, choices)
    return case


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
        dtype = next(iter(base.arrays.values())).dtype
        for member in range(GROUP):
            if first <= group * GROUP + member < end:
                yield Case(
                    op=op,
                    arrays=base.arrays,
                    attributes=base.attributes,
                    regime=rotated(dtype, base.regime, member),
                    seed=base.seed + member,
                )
