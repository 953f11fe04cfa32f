"""The arguments of a call, arrays as its op draws them; and the results of the reference for them."""

from collections.abc import Mapping
from typing import Any

from conformance.cases import demands
from conformance.cases.spelling import decoded
from conformance.model import Array, Case
from conformance.ops.table import OPS

__all__ = ["arguments", "run_reference"]


def arguments(case: Case) -> dict[str, Any]:
    """Return all arguments of the call, for `op(**arguments)`."""
    arrays = demands.arrays(case, {}) if case.breaks else OPS[case.op].arrays(case)
    return {**arrays, **{name: decoded(value) for name, value in case.attributes.items()}}


def run_reference(op: str, arguments: Mapping[str, Any]) -> tuple[Array, ...]:
    """Make a call of the reference."""
    result = OPS[op].reference(**arguments)
    return result if isinstance(result, tuple) else (result,)
