"""
What the suite is tried on: implementations whose faults, or whose want of them, are known.

A subject is called in this process, by the code that a worker runs, and judged by the code that judges a target.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance import cases
from conformance.judge.allowed import Permits, permits
from conformance.judge.judging import declared, judge, repeats
from conformance.model import Case, Observation, Verdict
from conformance.run.trials import twice
from conformance.targets.namespace import Namespace
from conformance.targets.registry import FLOAT32, Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.worker import observe

__all__ = ["Subject", "Trial", "trials"]


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

    @property
    def target(self) -> Target:
        """The implementation as a target: what it declares, and is judged by."""
        return Target(
            name=self.name,
            about=self.about,
            arithmetic=dict.fromkeys(FLOAT32, self.arithmetic),
            roundings={self.op: self.more},
            own_masks=(self.op,) if self.own_masks else (),
            deterministic=self.deterministic,
        )


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
        given = permits(case, arguments)
        for subject in living:
            given(declared(subject.target, case))
        shared += time.perf_counter() - started
        for subject in tuple(living):
            started = time.perf_counter()
            observation, judged = examined(subject, case, arguments, given)
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


def examined(subject: Subject, case: Case, arguments: dict[str, Any], given: Permits) -> tuple[Observation, Verdict]:
    """Have a subject do a case, and judge what it did."""
    wire = {**case.attributes, **{name: arguments[name] for name in case.arrays}}
    target = subject.target
    repeat = repeats(target, case) and twice(case)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow and NaN are among what is judged
        observation = observe(Namespace(subject.functions), Call(op=case.op, arguments=wire, repeat=repeat))
        judged = judge(case, given, observation, target)
    return observation, judged
