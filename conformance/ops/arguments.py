"""The arguments of a call: arrays as its op's record draws them, attributes as Python values."""

from typing import Any

from conformance.cases import demands
from conformance.cases.spelling import decoded
from conformance.model import Case
from conformance.ops.table import OPS

__all__ = ["arguments"]


def arguments(case: Case) -> dict[str, Any]:
    """Return all arguments of the call, for `op(**arguments)`."""
    arrays = demands.arrays(case, {}) if case.breaks else OPS[case.op].arrays(case)
    return {**arrays, **{name: decoded(value) for name, value in case.attributes.items()}}
