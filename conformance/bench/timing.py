"""
Timing: every contender makes the same calls, checked first, in interleaved rounds, on the same number of threads.

A contender is a target, the reference or another implementation, each in a worker of its own. Times are taken in the
worker, around the op alone and its synchronisation; what TensorFlow spends on tracing, and XLA on compiling in its
first run, is shown apart.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from conformance.bench.checking import Checked, known, of_batch, of_image
from conformance.bench.clock import AGAIN
from conformance.bench.subjects import Subject, arguments
from conformance.model import Json, Returned
from conformance.targets import machine
from conformance.targets.target import Target
from conformance.targets.tensorflow.kernels import WISH
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Limits, Worker
from conformance.targets.transport.process import Start
from conformance.targets.transport.zygote import Zygotes
from conformance.triage.known.installation import Installation, installation_of

__all__ = ["LIMITS", "BenchPlan", "Timed", "start", "timed"]

CLOCK = "conformance.bench.clock"
LIMITS = Limits(seconds=120.0, memory=8 << 30)
SLOW = 0.5  # seconds of one run after which one round is enough
COSTLY = ("MALLOC_PERTURB_", *WISH)  # of a target's environment: they take time
THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "NPROC",
)  # NPROC: JAX
MOST = 200  # runs of one call
COMPILED = ("xla", "jax")  # ends of the names of those that compile in their first run
Key: TypeAlias = tuple[str, str, str]  # layer, op, dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """What is timed, and how long."""

    targets: tuple[Target, ...]
    subjects: tuple[Subject, ...]
    threads: tuple[int, ...] = (1,)
    rounds: int = 3  # turns of each contender at each call
    seconds: float = 0.01  # of one turn
    longest: float = 8.0  # seconds that one run may take, judged by the time of one image
    budget: float = math.inf  # seconds after which nothing new is begun

    @property
    def total(self) -> int:
        """How many calls are to be timed, each by all contenders."""
        return len(self.subjects) * len(self.threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One row: one contender at one call."""

    target: str
    layer: str
    op: str
    batch: int
    dtype: str
    threads: int
    median: float | None = None  # seconds of a run; None: it was not timed, and `note` says why
    spread: float | None = None  # seconds between the first and the third quartile
    cpu: float | None = None  # median of the processors' seconds: below the median times threads where others had them
    runs: int = 0
    first: float | None = None  # seconds of the first run
    trace: float = 0.0  # seconds of tracing
    compile: float = 0.0  # seconds that the first run took longer than the median: XLA's compilation
    gflops: float | None = None  # 10^9 operations a second; none for ops that only compare and move
    gbs: float | None = None  # 10^9 bytes a second, of operands and results, each once
    of_gflops: float | None = None  # share of the machine's ceiling for the dtype and threads; none for a GPU
    of_gbs: float | None = None  # likewise, of a large copy
    correct: bool | None = None  # whether the result is allowed; None: not checked
    checked: str = ""  # what of it was checked: "the whole result", "the last image" or "one image alone"
    bound_used: float | None = None  # largest error over bound of what was checked: above 1 it is wrong
    kind: str = ""  # of the disagreement of a wrong result, and
    symptoms: tuple[str, ...] = ()  # its symptoms: values of conformance.model.Symptom
    known: str = ""  # the id of the cause of a wrong result, if it is a known divergence
    note: str = ""
    rounds: tuple[float, ...] = ()  # median of each turn, seconds: what `--compare` resamples


def start(target: Target, threads: int, seconds: float) -> Start:
    """Return how a target's worker is started with a clock around it, on so many threads."""
    options: dict[str, Json] = {
        "adapter": target.adapter,
        "options": {**target.options, "threads": threads},
        "seconds": seconds,
        "most": MOST,
        "compiles": target.name.endswith(COMPILED),
    }
    started = replace(target, adapter=CLOCK, options=options).start()
    kept = {name: text for name, text in started.environment.items() if name not in COSTLY}
    # The clock is imported in the worker: what its zygote has imported is the target's own adapter.
    environment = {**kept, **dict.fromkeys(THREADS, str(threads))}
    return replace(started, environment=environment, zygote=target.start().zygote)


@dataclass(slots=True)
class Contender:
    """A target's worker, and what is known of it so far."""

    target: Target
    threads: int
    worker: Worker
    checked: dict[Key, Checked] = field(default_factory=dict)  # on one image
    seconds: dict[Key, float] = field(default_factory=dict)  # of a run for one image

    @property
    def installation(self) -> Installation:
        """What is judged: the library and its version, the processor and the device."""
        return installation_of(self.target.name, self.worker.ready().about, machine.cpu_flags())


class TimedCall:
    """One call, drawn once for all contenders on all numbers of threads, with the sets that its results are held to."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.key: Key = (subject.layer, subject.op, subject.dtype)
        self.image = arguments(replace(subject, batch=1, flops=0))
        self.batch = self.image if subject.batch == 1 else arguments(subject)
        self.alone = of_image(subject, self.image)
        self.several = of_batch(subject, self.batch)


def timed(
    plan: BenchPlan,
    began: Callable[[Subject, int], None],
    ready: Callable[[str, Mapping[str, Json]], None] = lambda *_: None,
) -> Iterator[Timed]:
    """
    Time call after call, each on every number of threads, until the budget is spent.

    `ready` gets what each contender says of itself, `began` each call with its number of threads.
    """
    deadline = time.monotonic() + plan.budget
    with ExitStack() as stack:
        teams = started(plan, stack)
        for contender in chain(*teams.values()):
            ready(contender.target.name, contender.worker.ready().about)
        for subject in plan.subjects:
            if time.monotonic() >= deadline:
                return
            call = TimedCall(subject)
            for threads, team in teams.items():
                if time.monotonic() < deadline:
                    began(subject, threads)
                    yield from compared(plan, team, call)


def started(plan: BenchPlan, stack: ExitStack) -> dict[int, list[Contender]]:
    """Start the workers of every number of threads, all at once; they end with the stack."""
    zygotes = stack.enter_context(Zygotes())
    return {
        threads: [
            Contender(
                target,
                threads,
                stack.enter_context(Worker(start(target, threads, plan.seconds), LIMITS, zygotes=zygotes)),
            )
            for target in plan.targets
        ]
        for threads in plan.threads
    }


def compared(plan: BenchPlan, team: Sequence[Contender], call: TimedCall) -> Iterator[Timed]:
    """Time one call by all contenders: the first time checked, then round by round, one after the other."""
    turns = [first_turn(contender, call, plan.longest) for contender in team]
    for _ in range(1, plan.rounds):
        for contender, done in zip(team, turns, strict=True):
            if done and float(done[0].arrays[-1][0, 1:].mean()) < SLOW:
                observed = contender.worker.run(AGAIN)
                done.extend([observed] if isinstance(observed, Returned) else [])
    for contender, done in zip(team, turns, strict=True):
        found = contender.checked[call.key]
        if call.several and done and found.correct:
            found = call.several.check(contender.target, done[0])
        yield row(contender, call, done, found)


def first_turn(contender: Contender, call: TimedCall, longest: float) -> list[Returned]:
    """
    Make a call for the first time: what came of it, where anything did.

    A batch is begun only where its result for one image is known, and the time of that says that it is not too long.
    """
    op, single = call.subject.op, call.subject.batch == 1
    route = contender.target.first_route(op)
    if single or call.key not in contender.checked:
        observed = contender.worker.run(Call(op=op, arguments=call.image, route=route))
        contender.checked[call.key] = call.alone.check(contender.target, observed)
        if not isinstance(observed, Returned):
            return []
        contender.seconds[call.key] = float(observed.arrays[-1][0, 1:].min())  # not the first run: some compile in it
        if single:
            return [observed]
    alone = contender.seconds.get(call.key)
    if alone is None or alone * call.subject.batch > longest:
        return []
    observed = contender.worker.run(Call(op=op, arguments=call.batch, route=route))
    return [observed] if isinstance(observed, Returned) else []


def untimed(contender: Contender, call: TimedCall, checked: Checked) -> Timed:
    """Return what the check of a contender's result came to, without times."""
    subject, name, judged = call.subject, contender.target.name, checked.verdict
    row = Timed(
        target=name,
        layer=subject.layer,
        op=subject.op,
        batch=subject.batch,
        dtype=subject.dtype,
        threads=contender.threads,
        correct=checked.correct,
        checked=checked.part,
        bound_used=checked.bound_used,
        note=checked.note,
    )
    if checked.correct is not False:
        return row
    return replace(
        row,
        kind=judged.kind,
        symptoms=tuple(map(str, judged.symptoms)),
        known=known(name, contender.installation, call.alone.case, judged),
    )


def row(contender: Contender, call: TimedCall, turns: Sequence[Returned], checked: Checked) -> Timed:
    """Return what came of one contender's turns."""
    subject, name = call.subject, contender.target.name
    found = untimed(contender, call, checked)
    if not turns:
        return found if checked.note else replace(found, note="left out: one run would take too long")
    samples, spent = np.concatenate([turn.arrays[-1][:, 1:] for turn in turns], axis=1)
    median = float(np.median(samples))
    first = float(turns[0].arrays[-1][0, 0])
    moved = moved_bytes(call.batch) + sum(array.nbytes for array in turns[0].arrays[:-1])
    return replace(
        found,
        median=median,
        spread=float(np.subtract(*np.percentile(samples, [75, 25]))),
        cpu=float(np.median(spent)),
        runs=len(samples),
        first=first,
        trace=turns[0].trace_seconds,
        compile=max(first - median, 0.0) if name.endswith(COMPILED) else 0.0,
        gflops=subject.flops / median / 1e9 if subject.row.filters and subject.flops else None,
        gbs=moved / median / 1e9,
        rounds=tuple(float(np.median(turn.arrays[-1][0, 1:])) for turn in turns),
    )


def moved_bytes(arguments: Mapping[str, Any]) -> int:
    """Return the size of a call's operands."""
    return sum(value.nbytes for value in arguments.values() if isinstance(value, np.ndarray))
