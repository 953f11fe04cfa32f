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
from conformance.model import Case, Observation, Verdict
from conformance.ops import OPS
from conformance.ops.support import unsupported
from conformance.targets.target import Target
from reference.bounds import ARITHMETICS, Arithmetic

__all__ = ["CONSISTENT", "declared", "judge", "repeats"]

CONSISTENT = "as if with"

# Arithmetics that a wrong result may come from, the better one first, and what each does.
WEAKER: Mapping[str, Mapping[str, str]] = {
    "float16": {"storage": "sums in float16"},
    "bfloat16": {"storage": "sums in bfloat16"},
    "float32": {"tf32": "factors in TF32", "bfloat16": "factors in bfloat16"},
}


def judge(case: Case, permits: Permits, observation: Observation, target: Target, route: str = "") -> Verdict:
    """
    Judge what a target did with a case.

    permits: what the case may give, by arithmetic (`allowed.permits`); route: the target's way to compute the op, ""
    for its first one.
    """
    arithmetic, own_masks = declared(target, case), target.draws_own(case.op)
    judged = verdict(permits(arithmetic), observation, deterministic=repeats(target, case), own_masks=own_masks)
    limit = None
    if judged.kind == "refused-valid":
        limit = unsupported(target, case, route)
    if judged.kind == "accepted-invalid":
        limit = target.cannot_refuse(case.op, route, judged.rule)
    if judged.kind == "wrong-value":
        return replace(judged, reason=judged.reason + diagnosed(permits, arithmetic, case.dtype, observation))
    return Verdict(outcome="unsupported", reason=limit) if limit else judged


def declared(target: Target, case: Case) -> Arithmetic:
    """Return the arithmetic that a target declares for a case, with the roundings that its way to compute adds."""
    if target.profile:
        arithmetic, *_ = target.profile.arithmetics(case.op, case.dtype)
    else:
        arithmetic = ARITHMETICS[target.arithmetic.get(case.dtype, "float32")]
    return replace(arithmetic, more=target.roundings.get(case.op, 0))


def repeats(target: Target, case: Case) -> bool:
    """Return whether the target claims that this call gives the same bits again: it draws by a seed, or not at all."""
    return OPS[case.op].seeded(case) and target.repeats(case.op)


def diagnosed(permits: Permits, arithmetic: Arithmetic, dtype: str, observation: Observation) -> str:
    """Say which weaker arithmetic would allow wrong values, if one would: that names the cause."""
    for weaker, meaning in WEAKER.get(dtype, {}).items():
        sets = permits(replace(arithmetic, **operands_and_sums(weaker)))
        if verdict(sets, observation, own_masks=True).outcome == "agrees":
            return f"; {CONSISTENT} {meaning}"
    return ""


def operands_and_sums(name: str) -> dict[str, Any]:
    """Return the fields in which an arithmetic differs from the one that rounds and sums in float32."""
    arithmetic = ARITHMETICS[name]
    return {field: getattr(arithmetic, field) for field in ("accumulate", "narrow", "truncates")}
