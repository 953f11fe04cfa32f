"""
Timing: every contender makes the same calls, checked first, in interleaved rounds, on the same number of threads.

A contender is a target, the reference or another implementation, each in a worker of its own. Times are taken in the
worker, around the op alone and its synchronisation; what TensorFlow spends on tracing, and XLA on compiling in its
first run, is told apart.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from conformance.bench import ceilings
from conformance.bench.checking import Checked, Sets, last_image, last_result
from conformance.bench.subjects import Subject, arguments
from conformance.errors import SuiteError
from conformance.model import Array, Json, Returned
from conformance.targets.messages import Call
from conformance.targets.pool import Limits, Worker
from conformance.targets.process import Start
from conformance.targets.registry import Target

__all__ = ["Plan", "Timed", "against", "ceilings_of", "start", "timed"]

CLOCK = "conformance.bench.clock"
NAMESPACE = "conformance.targets.adapters.namespace"
LIMITS = Limits(seconds=120.0, memory=8 << 30)
SLOW = 1.0  # seconds of one run after which one round is enough
TOO_SLOW = 8.0  # seconds that one run may take, judged by the time of a smaller batch
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
class Plan:
    """What is timed, and how long."""

    targets: tuple[Target, ...]
    subjects: tuple[Subject, ...]
    threads: tuple[int, ...] = (1,)
    rounds: int = 3  # turns of each contender at each call
    seconds: float = 0.02  # of one turn
    budget: float = 270.0  # seconds after which nothing new is begun

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
    note: str = ""
    rounds: tuple[float, ...] = ()  # median of each turn, seconds: what `--compare` resamples


def start(target: Target, threads: int, seconds: float) -> Start:
    """Return how a target's worker is started with a clock around it, on so many threads."""
    options: dict[str, Json] = {
        "adapter": target.adapter,
        "options": {**target.options, "threads": threads},
        "seconds": seconds,
        "most": MOST,
    }
    started = replace(target, adapter=CLOCK, options=options).start()
    kept = {name: text for name, text in started.environment.items() if name != "MALLOC_PERTURB_"}  # it costs time
    return replace(started, environment={**kept, **dict.fromkeys(THREADS, str(threads))})


def timed(
    plan: Plan, began: Callable[[Subject], None], ready: Callable[[str, Mapping[str, Json]], None] = lambda *_: None
) -> Iterator[Timed]:
    """
    Time everything, each thread count with its share of the budget.

    `ready` is told what each contender says of itself, `began` of each call.
    """
    for threads in plan.threads:
        deadline = time.monotonic() + plan.budget / len(plan.threads)
        with ExitStack() as stack:
            contenders = [
                Contender(target, threads, stack.enter_context(Worker(start(target, threads, plan.seconds), LIMITS)))
                for target in plan.targets
            ]
            for contender in contenders:
                ready(contender.target.name, contender.worker.ready().about)
            for subject in plan.subjects:
                began(subject)
                if time.monotonic() < deadline:
                    yield from compared(contenders, subject, plan.rounds)


@dataclass(slots=True)
class Contender:
    """A target's worker, and what is known of it so far."""

    target: Target
    threads: int
    worker: Worker
    checked: dict[Key, Checked] = field(default_factory=dict)
    seconds: dict[Key, float] = field(default_factory=dict)  # of a run for one image
    begun: dict[Key, tuple[float, float]] = field(default_factory=dict)  # its tracing and first run, seconds


def compared(contenders: Sequence[Contender], subject: Subject, rounds: int) -> Iterator[Timed]:
    """Time one call by all contenders: checked on one image, then round by round, one after the other."""
    single = arguments(replace(subject, batch=1, flops=0))
    sets = Sets(subject.op, single)
    for contender in contenders:
        check(contender, subject, sets)
    given = single if subject.batch == 1 else arguments(subject)
    turns: dict[str, list[Returned]] = {contender.target.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            done = turns[contender.target.name]
            if may_run(contender, subject, done, number):
                observed = contender.worker.run(Call(op=subject.op, arguments=given))
                done += [observed] if isinstance(observed, Returned) else []
    part = last_image(subject.op, given) if subject.batch > 1 else None
    parts = Sets(subject.op, part) if part else None
    for contender in contenders:
        done = turns[contender.target.name]
        found = contender.checked[key(subject)]
        if parts and done and found.correct:
            found = parts.check(contender.target, subject.dtype, last_result(done[0]))
        yield row(contender, subject, given, done, found)


def key(subject: Subject) -> Key:
    """Return what a check holds for, whatever the batch."""
    return subject.layer, subject.op, subject.dtype


def check(contender: Contender, subject: Subject, sets: Sets) -> None:
    """Hold the result for one image against the allowed set of the contender's arithmetic, once."""
    if key(subject) in contender.checked:
        return
    observed = contender.worker.run(Call(op=subject.op, arguments=sets.arguments))
    if isinstance(observed, Returned):
        times = observed.arrays[-1][0]
        contender.begun[key(subject)] = observed.trace_seconds, float(times[0])
        contender.seconds[key(subject)] = float(times[1:].min())  # not the first run, in which some compile
    contender.checked[key(subject)] = sets.check(contender.target, subject.dtype, observed)


def may_run(contender: Contender, subject: Subject, done: Sequence[Returned], number: int) -> bool:
    """Return whether a contender takes its turn: not where it cannot, nor again and again where it is slow."""
    alone = contender.seconds.get(key(subject))
    if alone is None or alone * subject.batch > TOO_SLOW or len(done) < number:
        return False
    return not done or float(done[-1].arrays[-1][0, 1:].mean()) < SLOW


def row(
    contender: Contender, subject: Subject, given: Mapping[str, Any], turns: Sequence[Returned], checked: Checked
) -> Timed:
    """Return what came of one contender's turns."""
    begun = Timed(
        target=contender.target.name,
        layer=subject.layer,
        op=subject.op,
        batch=subject.batch,
        dtype=subject.dtype,
        threads=contender.threads,
        correct=checked.correct,
        note=checked.note,
    )
    if not turns:
        return begun if checked.note else replace(begun, note="left out: one run would take too long")
    samples, spent = np.concatenate([turn.arrays[-1][:, 1:] for turn in turns], axis=1)
    median = float(np.median(samples))
    # A call of one image was traced and compiled when it was checked.
    begun_now = turns[0].trace_seconds, float(turns[0].arrays[-1][0, 0])
    trace, first = contender.begun[key(subject)] if subject.batch == 1 else begun_now
    moved = moved_bytes(given) + sum(array.nbytes for array in turns[0].arrays[:-1])
    return replace(
        begun,
        median=median,
        spread=float(np.subtract(*np.percentile(samples, [75, 25]))),
        cpu=float(np.median(spent)),
        runs=len(samples),
        first=first,
        trace=trace,
        compile=max(first - median, 0.0) if contender.target.name.endswith(COMPILED) else 0.0,
        gflops=subject.flops / median / 1e9 if "conv2d" in subject.op else None,
        gbs=moved / median / 1e9,
        rounds=tuple(float(np.median(turn.arrays[-1][0, 1:])) for turn in turns),
    )


def against(row: Timed, ceilings: Mapping[str, float]) -> Timed:
    """Return a row with its shares of what the processor can do; a GPU's have nothing to do with that."""
    if "gpu" in row.target:
        return row
    most = ceilings.get(f"gflops {row.dtype}, threads {row.threads}")
    copied = ceilings.get(f"gbs, threads {row.threads}")
    return replace(
        row,
        of_gflops=row.gflops / most if row.gflops is not None and most else None,
        of_gbs=row.gbs / copied if row.gbs is not None and copied else None,
    )


def moved_bytes(given: Mapping[str, Any]) -> int:
    """Return the size of a call's operands."""
    return sum(value.nbytes for value in given.values() if isinstance(value, np.ndarray))


def ceilings_of(threads: Sequence[int]) -> dict[str, float]:
    """Measure what the machine can do: 10^9 operations and bytes a second; the names say dtype and threads."""
    found: dict[str, float] = {}
    numpy = Target(name="numpy", about="", adapter=NAMESPACE, options={"object": "conformance.bench.ceilings"})
    for count in threads:
        with Worker(start(numpy, count, 0.3), LIMITS) as worker:
            for dtype in ("float32", "float64"):
                matrix = np.ones((ceilings.SIDE, ceilings.SIDE), dtype)
                seconds = fastest(worker, "product", a=matrix, b=matrix)
                found[f"gflops {dtype}, threads {count}"] = 2 * ceilings.SIDE**3 / seconds / 1e9
            seconds = fastest(worker, "copy", a=np.ones(ceilings.SIZE, np.float32))
            found[f"gbs, threads {count}"] = 2 * 4 * ceilings.SIZE / seconds / 1e9
    return found


def fastest(worker: Worker, op: str, **arrays: Array) -> float:
    """Return the shortest time of a call."""
    observed = worker.run(Call(op=op, arguments=arrays))
    if not isinstance(observed, Returned):
        raise SuiteError(f"the ceiling {op!r} could not be measured: {observed}")
    return float(observed.arrays[-1][0].min())
