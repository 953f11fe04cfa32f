"""
The features of a case: what coverage counts, what limits speak of, and what the predicate of a finding is made of.

Each has a name and a class, so that "batch above 1, output width 1, stride above 1" reads as it stands.
"""

from conformance.cases.regimes import class_of
from conformance.cases.spelling import layout_of
from conformance.model import Case
from conformance.ops.table import OPS

__all__ = ["features"]


def features(case: Case) -> dict[str, str]:
    """Return the class of each feature of a case; of a call that breaks a rule, those that need no geometry."""
    op = OPS[case.op]
    common = {"dtype": case.dtype}
    if "image" in op.operands.values():
        common["layout"] = layout_of(case.attributes)
    if case.breaks is not None:
        return {**common, "breaks": case.breaks}
    return {**common, "regime": class_of(case.regime), **op.features(case)}
