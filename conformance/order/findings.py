"""
What a survey finds wrong: sums inside the bound of any order, and outside that of the order they were revealed to have.

`conformance run` holds every element to the bound of any order, n u S; a target whose order is known is held to the
bound of that order, too (`conformance.order.bounding`). What lies between is a finding of its own.
"""

from collections.abc import Iterator, Mapping, Sequence

from conformance.model import Symptom, Verdict
from conformance.order.operands import call
from conformance.order.results import Calls, Survey
from conformance.triage.aggregate import with_cause
from conformance.triage.clusters import Cluster
from conformance.triage.known.cause import Cause
from conformance.triage.known.installation import UNKNOWN, Installation

__all__ = ["find"]


def find(survey: Survey, causes: Sequence[Cause], installations: Mapping[str, Installation]) -> tuple[Cluster, ...]:
    """Return a cluster for each op and target with elements outside the bound of their own order."""
    found = (cluster for calls in survey.calls for cluster in _clusters(calls))
    return tuple(with_cause(each, causes, installations.get(each.target, UNKNOWN)) for each in found)


def _clusters(calls: Calls) -> Iterator[Cluster]:
    """Yield what the small calls of an op on a target show; the smallest one stands for all."""
    beyond = [missed for missed in calls.missed if missed.outside]
    if not beyond:
        return
    smallest = min(beyond, key=lambda missed: missed.elements)
    judged = Verdict(
        outcome="disagrees",
        kind="wrong-value",
        symptoms=(Symptom.RUN_ORDER,),
        evidence={"outside": smallest.outside, "elements": smallest.elements},
    )
    yield Cluster(
        op=calls.op,
        target=calls.target,
        route="",
        verdict=judged,
        case=call(calls.op, smallest.sizes),
        predicate={"dtype": calls.dtype},
        shared_by={calls.target: judged.kind},
        not_shared_by=(),
        cases=len(beyond),
        whole_run=True,
    )
