"""
Cases: one generator an op, valid calls and broken ones, and what a case's arrays hold.

The stream of an op and a seed is the same on every machine, whatever block of it is asked for.
"""

from conformance.cases.arguments import arguments
from conformance.cases.classes import attributes
from conformance.cases.coverage import Coverage, Reached, made, makeable, met
from conformance.cases.files import case_from_json
from conformance.cases.generation import OPS, generate, invalid, valid
from conformance.cases.neighbours import neighbours, shrink, simpler
from conformance.model import Case

__all__ = [
    "OPS",
    "Case",
    "Coverage",
    "Reached",
    "arguments",
    "attributes",
    "case_from_json",
    "generate",
    "invalid",
    "made",
    "makeable",
    "met",
    "neighbours",
    "shrink",
    "simpler",
    "valid",
]
