"""
Faulty implementations: each is the reference with one fault. The suite must catch every one of them.

The tables have a row for each fault; every op that it is planted in is one implementation. Beside them there is one
implementation for every rule, which accepts what the rule refuses.
"""

from conformance.cases.generation import OPS
from conformance.selftest.mutation import dropouts, geometric, numerical, pooling, spelling
from conformance.selftest.mutation.faults import accepting
from conformance.selftest.mutation.rows import rows
from conformance.selftest.subjects import Subject

__all__ = ["acceptances", "mutants"]

TABLES = (geometric.TABLE, numerical.TABLE, pooling.TABLE, dropouts.TABLE, spelling.TABLE)


def mutants() -> list[Subject]:
    """Return the implementations with the faults of the tables."""
    return [subject for table in TABLES for row in table for subject in row.subjects()]


def acceptances() -> list[Subject]:
    """Return, for every op and rule, the implementation that accepts what the rule refuses."""
    found: list[Subject] = []
    for op, (_, invalid) in OPS.items():
        for rule in invalid.BREAKS.get(op, invalid.BREAKS):
            row = rows([op], (f"accepts against {rule}", f"zeros where {rule} is broken", accepting(rule)))
            found.extend(row[0].subjects())
    return found
