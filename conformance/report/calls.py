"""A case as it stands in the store, read as a call: its geometry, and the products in one element of its result."""

from collections.abc import Mapping
from typing import Any

from conformance.cases.op import Windows
from conformance.model import ArraySpec, Case
from conformance.ops import OPS
from reference.errors import SpecError
from reference.geometry import Geometry, geometry

__all__ = ["geometry_of", "terms"]

# What reading may meet in an invalid call, or in the run of a suite that spells its cases in another way.
UNREADABLE = (ArithmeticError, LookupError, TypeError, ValueError, StopIteration, SpecError)


def terms(content: Mapping[str, Any]) -> int:
    """Return the products in one output element, at most; 0 where the case does not say."""
    try:
        return int(_windows(content).terms)
    except UNREADABLE:
        return 0


def geometry_of(content: Mapping[str, Any]) -> Geometry | None:
    """Return what the call's windows slide over; None for an op without windows and for a call that has none."""
    try:
        found = _windows(content)
        rows, columns = found.rows, found.columns
        ends = ((rows.before, rows.after), (columns.before, columns.after))
        image, result = (rows.size, columns.size), (rows.out, columns.out)
        return geometry(
            found.op,
            input=result if found.transposed else image,
            filters=(rows.taps, columns.taps),
            strides=(rows.stride, columns.stride),
            padding=ends if found.padding == "EXPLICIT" else found.padding,
            dilations=(rows.dilation, columns.dilation),
            output=image if found.transposed else result,
        )
    except UNREADABLE:
        return None


def _windows(content: Mapping[str, Any]) -> Windows:
    """Return the windows of the forward op behind a call."""
    arrays = {name: ArraySpec(tuple(entry["shape"]), entry["dtype"]) for name, entry in content["arrays"].items()}
    case = Case(**{**content, "arrays": arrays})
    windows = OPS[case.op].windows
    if windows is None or case.breaks:
        raise ValueError(f"{case.op}, {case.breaks}: no windows")
    return windows(case)
