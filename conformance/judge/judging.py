"""
One way to judge a call, for runs, the self-test, the benchmarks and the networks.

An observation is held against the set that the target's declared arithmetic allows. What the target declares not to
implement, and what its way to compute the op does not check, is no divergence.
"""

from dataclasses import replace

from conformance.judge import zeros
from conformance.judge.allowed import Allowed, Permitted, Results, adopted, preferred
from conformance.judge.diagnosis import decided_by, diagnosed
from conformance.judge.verdicts import verdict
from conformance.model import Case, Observation, Returned, Verdict
from conformance.ops import OPS
from conformance.ops.support import unsupported
from conformance.targets.target import Target, constants
from reference.bounds import Arithmetic

__all__ = ["declared", "judge", "repeats"]


def judge(case: Case, permits: Permitted, observation: Observation, target: Target, route: str = "") -> Verdict:
    """
    Judge what a target did with a case.

    permits: what the case may give, by arithmetic (`allowed.permits`); route: the target's way to compute the op, ""
    for its first one.
    """
    deterministic = repeats(target, case)

    def under(sets: Allowed) -> Verdict:
        return verdict(adopted(sets, target, case.op), observation, deterministic=deterministic)

    arithmetic, *others = alternatives(target, case)
    judged = under(permits(arithmetic))
    if judged.kind == "wrong-value":
        tried = (under(permits(other)) for other in others)
        judged = next((found for found in tried if found.outcome == "agrees"), judged)
    limit = None
    if target.mathematics and judged.kind in ("accepted-invalid", "refused-valid"):
        limit = "held to mathematics alone: which calls are refused is not judged"
    elif judged.kind == "accepted-invalid":
        limit = target.cannot_refuse(case.op, route, judged.rule)
    elif not case.breaks and (judged.outcome == "agrees" or judged.kind == "refused-valid"):
        limit = unsupported(target, case, route)
    if judged.kind == "wrong-value":
        named = diagnosed(permits, arithmetic, observation, under)
        rule = judged.rule or decided_by(permits(arithmetic), observation)
        return replace(judged, symptoms=judged.symptoms + named, rule=rule)
    if judged.outcome == "agrees" and case.regime == "special" and isinstance(observation, Returned):
        judged = replace(judged, made={**_zeros(permits(arithmetic), observation), **judged.made})
    return beyond(limit, judged, observation, route) if limit else judged


def _zeros(sets: Allowed, observation: Returned) -> zeros.Shown:
    """Return what a right result shows of zeros and subnormal numbers."""
    first = preferred(sets)
    return zeros.shown(first, observation.arrays) if isinstance(first, Results) else {}


def beyond(limit: str, judged: Verdict, observation: Observation, route: str) -> Verdict:
    """
    Return the verdict on a call that a target declares not to implement, or cannot refuse, in the words of its limit.

    It is no evidence for what is claimed. That a valid one was answered, and rightly, is remarked: the limit is out of
    date. Of constants other kernels may have computed it.
    """
    answered = judged.outcome == "agrees" and isinstance(observation, Returned) and not constants(route)
    return Verdict(outcome="unsupported", kind="answered" if answered else "", evidence={"reason": limit})


def declared(target: Target, case: Case) -> Arithmetic:
    """Return the arithmetic that a target declares for a case first, with the roundings that its route adds."""
    return alternatives(target, case)[0]


def alternatives(target: Target, case: Case) -> list[Arithmetic]:
    """Return every arithmetic that a target declares for a case: any of them may be the one that it chose."""
    more = target.roundings.get(case.op, 0)
    return [replace(arithmetic, more=more) for arithmetic in target.arithmetics(case.op, case.dtype)]


def repeats(target: Target, case: Case) -> bool:
    """Return whether the target claims that this call gives the same bits again: it draws by a seed, or not at all."""
    return OPS[case.op].seeded(case) and target.repeats(case.op)
