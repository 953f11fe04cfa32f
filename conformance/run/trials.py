"""
A trial: one case on every target of a run, judged.

The reference works out what is allowed while the targets compute, and judges while they compute the next case.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from conformance import ops
from conformance.judge import masks
from conformance.judge.allowed import Permitted, permits
from conformance.judge.judging import declared, judge, repeats
from conformance.judge.masks import Mask
from conformance.model import Case, Observation, Returned, Verdict, inside
from conformance.ops import OPS
from conformance.ops.profile_reading import parsed
from conformance.run.scope import route_of
from conformance.targets.limits import ALL_OPS
from conformance.targets.target import Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Limits, Worker
from conformance.targets.transport.zygote import Zygotes

__all__ = ["Outcome", "Panel", "twice"]

REPEAT_EVERY = 16  # of the cases that are run twice


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one target did with one case, and what is thought of it."""

    case: Case
    target: str
    route: str
    observation: Observation
    verdict: Verdict
    mask: Mask | None = None  # of a generator of the target's own


@dataclass(frozen=True, slots=True)
class Submission:
    """A case as it is sent to targets: the call that each gets, and the way to learn what is allowed."""

    case: Case
    calls: Mapping[str, Call]
    permitted: Permitted
    hurried: bool = False  # whether each has less time than usual
    sent: set[str] = field(default_factory=set)  # targets that have got their call


@dataclass(frozen=True, slots=True)
class PutOff:
    """The calls that are made last: each shares its geometry with one that ended its target's worker, and again."""

    ended: set[tuple[str, str]] = field(default_factory=set)  # target, geometry
    calls: list[tuple[Submission, str]] = field(default_factory=list)  # each with its target

    def note(self, case: Case, name: str, observation: Observation) -> None:
        """Take in what a target did with a case."""
        if getattr(observation, "again", None) and not case.breaks:
            self.ended.add((name, ops.geometry(case)))

    def takes(self, submission: Submission, name: str) -> bool:
        """Return whether a call is to be made last, and keep it."""
        case = submission.case
        late = bool(self.ended) and not case.breaks and (name, ops.geometry(case)) in self.ended
        if late:
            self.calls.append((submission, name))
        return late


class Panel:
    """The workers of a run's targets, kept alive over many trials; a context manager."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        limits: Limits | None = None,
        python: str | None = None,
        *,
        confirm: bool = True,
        zygotes: Zygotes | None = None,
    ) -> None:
        self.targets = dict(targets)  # with what they say of themselves once they are ready
        self.zygotes = zygotes or Zygotes()
        self._owned = zygotes is None  # they end with it
        self._confirm = confirm
        self.limits = limits or Limits()
        self._python = python
        self._stack = ExitStack()
        self.workers: dict[str, Worker] = {}
        self.target_seconds = 0.0  # processor time inside the targets' calls

    def __enter__(self) -> Self:
        """Start every worker; none is waited for but those that say themselves what they claim."""
        with self._stack:
            if self._owned:
                self._stack.enter_context(self.zygotes)
            for name, target in self.targets.items():
                worker = Worker(target.start(self._python), self.limits, confirm=self._confirm, zygotes=self.zygotes)
                self.workers[name] = self._stack.enter_context(worker)
            self.targets |= {name: self._told(name) for name, target in self.targets.items() if target.asked}
            self._stack = self._stack.pop_all()
        return self

    def _told(self, name: str) -> Target:
        """Return a target with what it says of itself when it is ready: its functions, and its profile."""
        about = _of_ops(self.workers[name].ready().about)
        profile = parsed(about["profile"], f"the profile of {name}") if "profile" in about else None
        return self.targets[name].told(tuple(about.get("ops", ALL_OPS)), profile)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every worker."""
        self._stack.close()

    def about(self) -> dict[str, Mapping[str, Any]]:
        """Wait for every worker, and return what each target says of itself."""
        return {name: _of_ops(worker.ready().about) for name, worker in self.workers.items()}

    def examine(
        self, case: Case, names: Sequence[str] = (), route: str | None = None, *, hurried: bool = False
    ) -> list[Outcome]:
        """Run a case on the targets of these names (all by default), each by its route, and judge what they did."""
        (outcomes,) = self.examined([(case, names)], route, hurried=hurried)
        return outcomes

    def examined(
        self, stream: Iterable[tuple[Case, Sequence[str]]], route: str | None = None, *, hurried: bool = False
    ) -> Iterator[list[Outcome]]:
        """
        Yield what comes of one case after the other, each on the targets of these names (all by default).

        hurried: whether each call has less time than usual.

        A target computes its next case while this one is judged, but where this one may have damaged it: then only
        broken calls, which are to be refused, are made by the same process. Once a call has ended its worker twice,
        what shares its geometry is put off to the end, and has less time there; so has what may hang, as its target
        says.
        """
        submissions = (
            self._submission(case, names or list(self.targets), route, hurried=hurried) for case, names in stream
        )
        late = PutOff()
        now = next(submissions, None)
        self._send(now, now.calls if now else (), late)
        while now:
            then = next(submissions, None)
            self._send(then, [name for name in (then.calls if then else ()) if name not in now.sent], late)
            for name in now.sent:
                now.permitted(declared(self.targets[name], now.case))  # while the targets compute
            if outcomes := [self._outcome(name, now, then, late) for name in now.calls if name in now.sent]:
                yield outcomes
            now = then
        for submission, name in late.calls:
            self._undamaged(name).submit(submission.calls[name], hurried=True)
            yield [self._outcome(name, submission, None, late)]
        for name in self.workers:
            self._undamaged(name)

    def _undamaged(self, name: str) -> Worker:
        """Return a target's worker, which is a fresh one where an earlier call may have damaged it."""
        worker = self.workers[name]
        if worker.damaged:
            worker.renew()
        return worker

    def _submission(self, case: Case, names: Sequence[str], route: str | None, *, hurried: bool) -> Submission:
        """Draw the arguments of a case, and decide how each target is called."""
        arguments = ops.arguments(case)
        wire = {**case.attributes, **{name: arguments[name] for name in case.arrays}}
        calls = {
            name: Call(
                op=case.op,
                arguments=wire,
                route=route_of(self.targets[name], case) if route is None else route,
                repeat=repeats(self.targets[name], case) and twice(case),
            )
            for name in names
        }
        return Submission(case, calls, permits(case, arguments), hurried)

    def _send(self, submission: Submission | None, names: Iterable[str], late: "PutOff") -> None:
        """Send a case to targets of it, but to those to which it is to be sent late."""
        for name in names:
            if submission and not late.takes(submission, name):
                worker = self.workers[name] if submission.case.breaks else self._undamaged(name)
                worker.submit(submission.calls[name], hurried=submission.hurried or self._may_hang(submission, name))
                submission.sent.add(name)

    def _may_hang(self, submission: Submission, name: str) -> bool:
        """Return whether a target says of its call that it may not end."""
        case, route = submission.case, submission.calls[name].route
        return self.targets[name].may_hang(case.op, ops.features(case), route)

    def _outcome(self, name: str, now: Submission, then: Submission | None, late: "PutOff") -> Outcome:
        """Wait for what a target does with a case, give it the next one, and judge the first."""
        worker, case, route = self.workers[name], now.case, now.calls[name].route
        observation = worker.result()
        late.note(case, name, observation)
        harmless = not may_damage(case, observation)
        following = [name] if then and name in then.calls else []
        if harmless:
            self._send(then, following, late)
        self.target_seconds += inside(observation)
        outcome = self.outcome(name, case, route, observation, now.permitted)
        if not harmless:
            worker.damaged |= outcome.verdict.outcome == "disagrees"
            self._send(then, following, late)
        return outcome

    def outcome(self, name: str, case: Case, route: str, observation: Observation, permitted: Permitted) -> Outcome:
        """Judge what a target did with a case."""
        verdict = judge(case, permitted, observation, self.targets[name], route)
        return Outcome(case, name, route, observation, verdict, self._mask(name, case, verdict, observation))

    def _mask(self, name: str, case: Case, judged: Verdict, observation: Observation) -> Mask | None:
        """Return what a mask that no seed of TensorFlow's decides tells, if it conforms: the whole run judges it."""
        op = OPS[case.op]
        random = op.random and (self.targets[name].draws_own(case.op) or not op.seeded(case))
        drawn = random and judged.outcome == "agrees" and not case.breaks
        return (
            masks.observed(case, observation.arrays[0], judged.made)
            if drawn and isinstance(observation, Returned)
            else None
        )


def _of_ops(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what a target offers beside the suite's ops."""
    return {**about, "ops": [op for op in OPS if op in about["ops"]]} if "ops" in about else about


def may_damage(case: Case, observation: Observation) -> bool:
    """
    Return whether a call that turns out wrong may have written where it should not: a later one would be blamed.

    Kernels that take what they must refuse do, and those whose ends of windows overflow.
    """
    if case.breaks:
        return isinstance(observation, Returned)
    return ops.features(case).get("stride") == "huge"


def twice(case: Case) -> bool:
    """Return whether a case is run twice, to see the same bits: some, and all in which a sum's order shows most."""
    return case.regime == "ill-conditioned" or case.seed % REPEAT_EVERY == 0
