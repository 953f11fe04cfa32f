"""
What an op demands of its arrays on the lattice: that no sum leaves the whole numbers that a dtype holds exactly.

In any order the sums of an output element then are exact: they stay below 2^p for a precision of p bits. Where even
sums of ones would not, one factor is sparse.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import isqrt

import numpy as np

from conformance.cases.values import Demand, drawn
from conformance.model import Array, Case
from reference.floats import FORMATS

__all__ = ["LARGEST", "arrays", "exact", "products", "sums"]

LARGEST = 1000  # on the lattice, however much more the dtype would allow
SECOND = Demand(second=True, one_nan_hides_all=True)  # a NaN among the filters is in every element of its output


def arrays(case: Case, demands: Mapping[str, Demand]) -> dict[str, Array]:
    """Draw the arrays of a case, each by its demand."""
    return {
        name: drawn(spec.shape, spec.dtype, case.regime, case.seed, name, demands.get(name, Demand()))
        for name, spec in case.arrays.items()
    }


def exact(dtype: str) -> int:
    """Return up to which number a dtype holds every whole one."""
    return 2 ** FORMATS[dtype].precision if dtype in FORMATS else int(np.iinfo(dtype).max)


def products(dtype: str, terms: int, first: str, second: str) -> dict[str, Demand]:
    """Bound the sum of so many products of two factors, the arrays of these names."""
    limit = exact(dtype)
    largest = min(isqrt(limit // max(terms, 1)), LARGEST)
    if largest:
        return {first: Demand(largest=largest), second: replace(SECOND, largest=largest)}
    return {first: Demand(largest=1), second: replace(SECOND, largest=1, nonzero=limit)}


def sums(dtype: str, terms: int) -> Demand:
    """Bound the sum of so many terms."""
    limit = exact(dtype)
    if terms <= limit:
        return Demand(largest=min(limit // max(terms, 1), LARGEST))
    return Demand(largest=1, nonzero=limit)
