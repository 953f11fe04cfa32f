"""
One way to judge a call, for runs, the self-test, the benchmarks and the networks.

An observation is held against the set that the target's declared arithmetic allows. What the target declares not to
implement, and what its way to compute the op does not check, is no divergence.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance.judge.allowed import Permits
from conformance.judge.verdicts import verdict
from conformance.model import Case, Observation, Returned, Symptom, Verdict
from conformance.ops import OPS
from conformance.ops.support import unsupported
from conformance.targets.target import Target
from reference.bounds import ARITHMETICS, Arithmetic

__all__ = ["ARITHMETIC", "declared", "judge", "repeats"]

# By dtype: the arithmetics that a wrong result may come from, the better one first.
WEAKER: Mapping[str, Mapping[str, Symptom]] = {
    "float16": {"storage": Symptom.FLOAT16_SUMS},
    "bfloat16": {"storage": Symptom.BFLOAT16_SUMS},
    "float32": {"tf32": Symptom.TF32_FACTORS, "bfloat16": Symptom.BFLOAT16_FACTORS},
}
ARITHMETIC = tuple(symptom for each in WEAKER.values() for symptom in each.values())


def judge(case: Case, permits: Permits, observation: Observation, target: Target, route: str = "") -> Verdict:
    """
    Judge what a target did with a case.

    permits: what the case may give, by arithmetic (`allowed.permits`); route: the target's way to compute the op, ""
    for its first one.
    """
    arithmetic, *others = alternatives(target, case)
    claims = {"deterministic": repeats(target, case), "own_masks": target.draws_own(case.op)}
    judged = verdict(permits(arithmetic), observation, **claims)
    for other in others:
        if (
            judged.kind == "wrong-value"
            and (found := verdict(permits(other), observation, **claims)).outcome == "agrees"
        ):
            judged = found
    limit = None
    if judged.kind == "accepted-invalid":
        limit = target.cannot_refuse(case.op, route, judged.rule)
    elif not case.breaks and (judged.outcome == "agrees" or judged.kind == "refused-valid"):
        limit = unsupported(target, case, route)
    if judged.kind == "wrong-value":
        return replace(judged, symptoms=judged.symptoms + diagnosed(permits, arithmetic, case.dtype, observation))
    return beyond(limit, judged, observation) if limit else judged


def beyond(limit: str, judged: Verdict, observation: Observation) -> Verdict:
    """
    Return the verdict on a call that a target declares not to implement, or cannot refuse, in the words of its limit.

    It is no evidence for what is claimed. That a valid one was answered, and rightly, is remarked: the limit is out of
    date.
    """
    answered = judged.outcome == "agrees" and isinstance(observation, Returned)
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


def diagnosed(permits: Permits, arithmetic: Arithmetic, dtype: str, observation: Observation) -> tuple[Symptom, ...]:
    """Return which weaker arithmetic would allow wrong values: the best that does, if any; that names the cause."""
    for weaker, symptom in WEAKER.get(dtype, {}).items():
        sets = permits(replace(arithmetic, **operands_and_sums(weaker)))
        if verdict(sets, observation, own_masks=True).outcome == "agrees":
            return (symptom,)
    return ()


def operands_and_sums(name: str) -> dict[str, Any]:
    """Return the fields in which an arithmetic differs from the one that rounds and sums in float32."""
    arithmetic = ARITHMETICS[name]
    return {field: getattr(arithmetic, field) for field in ("accumulate", "narrow", "truncates")}
