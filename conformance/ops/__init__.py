"""
The ops: one record each, in `table.OPS`, and what is done with a case by its op's record.

A new op is a record more: docs/adding-an-op.md.
"""

from conformance.ops.arguments import arguments
from conformance.ops.canonical import canonical
from conformance.ops.coverage import Coverage, Reached, covering, drawn, made, makeable, met, of_pairs
from conformance.ops.features import features
from conformance.ops.files import case_from_json
from conformance.ops.geometry import geometry
from conformance.ops.neighbours import broken_rule, neighbours, shrink, simpler, simplest_values
from conformance.ops.regions import regions
from conformance.ops.stream import generate, invalid, refusals, valid
from conformance.ops.table import OPS

__all__ = [
    "OPS",
    "Coverage",
    "Reached",
    "arguments",
    "broken_rule",
    "canonical",
    "case_from_json",
    "covering",
    "drawn",
    "features",
    "generate",
    "geometry",
    "invalid",
    "made",
    "makeable",
    "met",
    "neighbours",
    "of_pairs",
    "refusals",
    "regions",
    "shrink",
    "simpler",
    "simplest_values",
    "valid",
]
