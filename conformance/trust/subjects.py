"""
What the suite is tried on: implementations whose faults, or whose want of them, are known.

A subject is called in this process, by the code that a worker runs, and judged by the code that judges a target.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from conformance import cases
from conformance.allowed import Allowed, allowed
from conformance.model import Case, Observation, Verdict
from conformance.targets.adapters.namespace import Namespace
from conformance.targets.messages import Call
from conformance.targets.worker import observe
from conformance.trials import REPEAT_EVERY
from conformance.verdicts import verdict
from reference.bounds import ARITHMETICS

__all__ = ["Subject", "Trial", "judge", "trials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One implementation of one op, and what it declares."""

    name: str
    about: str
    op: str
    functions: object  # a namespace with a function named as the op
    arithmetic: str = "float32"
    more: int = 0  # roundings beyond those of its sums
    own_masks: bool = False
    deterministic: bool = True


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one case with one subject."""

    subject: Subject
    number: int  # of the case in its op's stream, from 0
    case: Case
    observation: Observation
    verdict: Verdict
    seconds: float  # since the first case, as if this subject had been alone


def trials(subjects: Iterable[Subject], seed: int, first: int, count: int, *, once: bool = False) -> Iterator[Trial]:
    """
    Yield what becomes of cases first .. first + count - 1 of an op with subjects of this op.

    once: leave a subject after its first disagreement.
    """
    living = list(subjects)
    shared, own = 0.0, dict.fromkeys((subject.name for subject in living), 0.0)
    stream = cases.generate(living[0].op, seed, first, count) if living else ()
    for number, case in enumerate(stream, first):
        started = time.perf_counter()
        arguments = drawn(case)
        sets = permitted(case, arguments, living)
        shared += time.perf_counter() - started
        for subject in tuple(living):
            started = time.perf_counter()
            observation, judged = judge(subject, case, arguments, sets[subject.arithmetic, subject.more])
            own[subject.name] += time.perf_counter() - started
            yield Trial(subject, number, case, observation, judged, shared + own[subject.name])
            if once and judged.outcome == "disagrees":
                living.remove(subject)
        if not living:
            return


def drawn(case: Case) -> dict[str, Any]:
    """Return the arguments of a case; its arrays are read-only, as those are that come over the wire."""
    arguments = cases.arguments(case)
    for name in case.arrays:
        arguments[name].flags.writeable = False
    return arguments


def permitted(case: Case, arguments: dict[str, Any], subjects: Iterable[Subject]) -> dict[tuple[str, int], Allowed]:
    """Return what a case may give under every arithmetic that a subject declares."""
    declared = {(subject.arithmetic, subject.more) for subject in subjects}
    return {(name, more): allowed(case, arguments, replace(ARITHMETICS[name], more=more)) for name, more in declared}


def judge(subject: Subject, case: Case, arguments: dict[str, Any], permits: Allowed) -> tuple[Observation, Verdict]:
    """Have a subject do a case, and judge what it did."""
    wire = {**case.attributes, **{name: arguments[name] for name in case.arrays}}
    repeats = subject.deterministic and (case.op != "dropout" or seeded(case))
    repeat = repeats and case.seed % REPEAT_EVERY == 0
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow and NaN are among what is judged
        observation = observe(Namespace(subject.functions), Call(op=case.op, arguments=wire, repeat=repeat))
        judged = verdict(permits, observation, deterministic=repeats, own_masks=subject.own_masks)
    return observation, judged


def seeded(case: Case) -> bool:
    """Return whether a call of dropout draws by a seed."""
    return any(case.attributes.get(name) is not None for name in ("seed", "global_seed"))
