"""
The script of a finding that no single result shows: at most 75 lines of NumPy and TensorFlow that measure it anew.

An arithmetic worse than declared shows in the root mean square of the errors of one call's elements; what is wrong with
random numbers in the masks of many seeds.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.judge.fingerprints import Measured, named, worse_than_declared
from conformance.judge.masks import DISTANCES
from conformance.model import Array, ArraySpec, Case
from conformance.ops import OPS
from conformance.targets.target import Target
from conformance.triage.scripts.script import calling, opening, plain
from reference.bounds import Within
from reference.floats import format_of

__all__ = ["ceiling", "of_arithmetic", "of_masks"]

SEEDS = 64
CELLS = [64, 1024]  # of a mask: pairs at every distance that the suite looks at
# A fair mask is so many standard deviations off once in 500 million: in one script of 30 million, of 16 such numbers.
DEVIATIONS = 6


class Variable(int):
    """A number that is written as the variable `seed` of a script."""

    def __repr__(self) -> str:
        return "seed"


def ceiling(op: str, dtype: str, declared: str, inverse: float) -> float:
    """
    Return up to which root mean square of err / (u S) errors look like the declared arithmetic, by bisection.

    inverse: the mean of 1/n.
    """

    def worse(level: float) -> bool:
        name = named(dtype, Measured(elements=10**9, mean=0.0, rms=math.exp(level), inverse=inverse))
        return worse_than_declared(declared, {"op": op, "dtype": dtype, "name": name})

    low, high = math.log(1e-12), math.log(1e30)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if worse(middle) else (middle, high)
    return math.exp(high)


def of_arithmetic(
    case: Case, arguments: Mapping[str, Any], result: Within, target: Target, route: str, declared: str
) -> str:
    """
    Return the script of a call whose errors are larger than the declared arithmetic's.

    result: what the call may give.
    """
    fmt = format_of(result.value.dtype)
    told = (result.size > 0) & (result.bound > 0) & (np.abs(result.value.astype(np.float64)) >= fmt.smallest_normal)
    dtype = result.value.dtype.name
    most = ceiling(case.op, dtype, declared, float((1 / result.count[told]).mean()))
    unit: Array = np.where(told, fmt.u * result.size, 0.0)
    lines = opening(f"{case.op}: errors larger than those of {declared}, which {target.name} declares", target)
    setting, call = calling(case, arguments, target, route)
    lines += [
        *setting,
        f"value = {plain(result.value.astype(np.float64))}",
        f"unit = {plain(unit)}  # u times the sum of |products|; 0: not looked at",
        f"got = {call}",
        "errors = (np.asarray(got).astype('float64') - value)[unit > 0] / unit[unit > 0]",
        "rms = np.sqrt(np.mean(errors**2))",
        f"print('expected: a root mean square of the errors of at most', {most:.6g}, 'u S; got:', rms)",
        f"sys.exit(0 if rms <= {most:.6g} else 1)",
    ]
    return "\n".join(lines) + "\n"


def of_masks(case: Case, target: Target, route: str) -> str:
    """Return the script that counts what is dropped under many seeds, as the masks of a run are counted."""
    rate = float(case.attributes["rate"]) if isinstance(case.attributes["rate"], int | float) else 0.5
    given = {name: value for name, value in case.attributes.items() if name == "rng_alg"}
    seeding = OPS[case.op].seeding or (lambda _: {})
    drawn = replace(case, arrays={"x": ArraySpec(tuple(CELLS), "float32")})
    arguments = {"x": np.ones(CELLS, np.float32), "rate": rate, **given, **seeding(0)}
    lines = opening(f"{case.op}: random numbers on {target.name} that are uneven or alike", target)
    setting, call = calling(drawn, arguments, target, route)
    lines += [
        *setting,
        "given = a",
        "def mask(seed):",
        f"    a = given | {seeding(Variable())!r}",
        f"    return np.asarray({call}).ravel() == 0",
        f"rate, masks = {rate!r}, np.stack([mask(seed) for seed in range({SEEDS})])",
        "apart = masks - rate",
        "found = {'dropped': apart.sum() / np.sqrt(apart.size * rate * (1 - rate))}",
        f"for far in {list(DISTANCES)}:",
        "    one, other = np.moveaxis(apart.reshape(len(masks), -1, 2, far), 2, 0)",
        "    found[f'alike at distance {far}'] = (one * other).sum() / (rate * (1 - rate) * np.sqrt(one.size))",
        "found['seeds with the mask of another'] = (len(masks) - len(np.unique(masks, axis=0))) * 1e9",
    ]
    if target.repeats(case.op):
        lines.append("found['another mask of the same seed'] = any((mask(s) != masks[s]).any() for s in (1, 2)) * 1e9")
    lines += [
        f"print('expected: all within {DEVIATIONS} standard deviations of a fair mask; got:')",
        "print(*(f'{name}: {sigmas:.1f}' for name, sigmas in found.items()), sep='\\n')",
        f"sys.exit(1 if any(abs(sigmas) > {DEVIATIONS} for sigmas in found.values()) else 0)",
    ]
    return "\n".join(lines) + "\n"
