"""
Mutants: each is the reference with one fault, and the suite must kill every one of them.

The tables have an entry for each fault; every op that it is planted in gives one mutant. Beside them there is one
mutant for every rule, which accepts what the rule refuses.
"""

from conformance.ops import OPS
from conformance.selftest.implementations import Implementation
from conformance.selftest.mutation import dropouts, geometric, numerical, patterns, pooling, rare, spelling
from conformance.selftest.mutation.faults import accepting
from conformance.selftest.mutation.variants import variants

__all__ = ["acceptances", "mutants"]

TABLES = tuple(room.TABLE for room in (geometric, numerical, pooling, dropouts, patterns, spelling, rare))


def mutants() -> list[Implementation]:
    """Return the mutants with the faults of the tables."""
    return [mutant for table in TABLES for variant in table for mutant in variant.implementations()]


def acceptances() -> list[Implementation]:
    """Return, for every op and rule, the mutant that accepts what the rule refuses."""
    found: list[Implementation] = []
    for op in OPS.values():
        for rule in op.breaks:
            (variant,) = variants(
                [op.name], (f"accepts against {rule}", f"zeros where {rule} is broken", accepting(rule))
            )
            found.extend(variant.implementations())
    return found
