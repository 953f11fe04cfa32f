"""The geometry of a call: what tells it from another apart from dtype, layout, values, and how it is written."""

import hashlib
from dataclasses import astuple

from conformance.cases.spelling import layout_of, nhwc
from conformance.model import Case
from conformance.ops.table import OPS

__all__ = ["geometry"]


def geometry(case: Case) -> str:
    """
    Return twelve hexadecimal digits by which a valid call's geometry goes; "" of a broken one.

    Two calls of an op have the same where their arrays, images as NHWC, have the same shapes, and their windows lie
    alike; of an op without windows, where they share their random numbers alike.
    """
    if case.breaks:
        return ""
    op, layout = OPS[case.op], layout_of(case.attributes)
    shapes = [
        nhwc(spec.shape, layout) if op.operands[name] == "image" else spec.shape for name, spec in case.arrays.items()
    ]
    windows = astuple(op.windows(case)) if op.windows else case.attributes.get("noise_shape")
    return hashlib.sha256(repr((shapes, windows)).encode()).hexdigest()[:12]
