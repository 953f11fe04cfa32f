"""
One way to judge a call, for runs, the self-test, the benchmarks and the networks.

An observation is held against the set that the target's declared arithmetic allows. What the target declares not to
implement, and what its way to compute the op does not check, is no divergence.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from conformance.judge.allowed import Permits, adopted
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
    deterministic = repeats(target, case)

    def under(arithmetic: Arithmetic) -> Verdict:
        sets = adopted(permits(arithmetic), target, case.op)
        return verdict(sets, observation, deterministic=deterministic)

    arithmetic, *others = alternatives(target, case)
    judged = under(arithmetic)
    if judged.kind == "wrong-value":
        judged = next((found for found in map(under, others) if found.outcome == "agrees"), judged)
    limit = None
    if judged.kind == "accepted-invalid":
        limit = target.cannot_refuse(case.op, route, judged.rule)
    elif not case.breaks and (judged.outcome == "agrees" or judged.kind == "refused-valid"):
        limit = unsupported(target, case, route)
    if judged.kind == "wrong-value":
        return replace(judged, symptoms=judged.symptoms + diagnosed(under, arithmetic, case.dtype))
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


def diagnosed(under: Callable[[Arithmetic], Verdict], arithmetic: Arithmetic, dtype: str) -> tuple[Symptom, ...]:
    """Return which weaker arithmetic would allow wrong values: the best that does, if any; that names the cause."""
    for weaker, symptom in WEAKER.get(dtype, {}).items():
        if under(replace(arithmetic, **operands_and_sums(weaker))).outcome == "agrees":
            return (symptom,)
    return ()


def operands_and_sums(name: str) -> dict[str, Any]:
    """Return the fields in which an arithmetic differs from the one that rounds and sums in float32."""
    arithmetic = ARITHMETICS[name]
    return {field: getattr(arithmetic, field) for field in ("accumulate", "narrow", "truncates")}
