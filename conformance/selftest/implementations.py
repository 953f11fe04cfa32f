"""
Implementations that are known to be faulty, or known to be correct: the suite is run on them.

Each is called in this process by the code that a worker runs, and judged as a target is.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance import ops
from conformance.judge.allowed import Permitted, permits
from conformance.judge.judging import declared, judge, repeats
from conformance.model import Case, Observation, Verdict
from conformance.run.trials import twice
from conformance.targets.namespace import Namespace
from conformance.targets.target import FLOAT32, Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.worker import observe

__all__ = ["Implementation", "Trial", "trials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
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
    def kind(self) -> str:
        """Its name without the op."""
        return self.name.partition(": ")[2]

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
    """What became of one case with one implementation."""

    implementation: Implementation
    number: int  # of the case among its op's, from 0
    case: Case
    observation: Observation
    verdict: Verdict
    seconds: float  # since the first case, as if this implementation had been alone


def trials(
    implementations: Iterable[Implementation], stream: Iterable[Case], *, first: int = 0, once: bool = False
) -> Iterator[Trial]:
    """
    Yield what becomes of cases of an op with implementations of this op.

    first: the number of the first case; once: leave an implementation after its first disagreement.
    """
    left = list(implementations)
    shared, own = 0.0, {each.name: 0.0 for each in left}
    for number, case in enumerate(stream, first):
        started = time.perf_counter()
        arguments = drawn(case)
        permitted = permits(case, arguments)
        for each in left:
            permitted(declared(each.target, case))
        shared += time.perf_counter() - started
        for each in tuple(left):
            started = time.perf_counter()
            observation, judged = run(each, case, arguments, permitted)
            own[each.name] += time.perf_counter() - started
            yield Trial(each, number, case, observation, judged, shared + own[each.name])
            if once and judged.outcome == "disagrees":
                left.remove(each)
        if not left:
            return


def drawn(case: Case) -> dict[str, Any]:
    """Return the arguments of a case; its arrays are read-only, as those are that come over the wire."""
    arguments = ops.arguments(case)
    for name in case.arrays:
        arguments[name].flags.writeable = False
    return arguments


def run(
    implementation: Implementation, case: Case, arguments: dict[str, Any], permitted: Permitted
) -> tuple[Observation, Verdict]:
    """Run a case on an implementation, and judge the observation."""
    wire = {**case.attributes, **{name: arguments[name] for name in case.arrays}}
    target = implementation.target
    repeat = repeats(target, case) and twice(case)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow and NaN are among what is judged
        observation = observe(Namespace(implementation.functions), Call(op=case.op, arguments=wire, repeat=repeat))
        judged = judge(case, permitted, observation, target)
    return observation, judged
