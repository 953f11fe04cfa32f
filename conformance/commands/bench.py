"""`conformance bench`: timings of the layers of real networks."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conformance.bench.calls import DTYPES
from conformance.bench.peers import PEERS
from conformance.bench.progress import Live
from conformance.bench.results import Compared, compared, processor, read, write
from conformance.bench.shares import against, ceilings_of
from conformance.bench.subjects import CHOSEN, FEW, SINGLE, Subject, subjects
from conformance.bench.tables import show, width
from conformance.bench.timing import BenchPlan, Timed, timed
from conformance.errors import UsageError
from conformance.model import Json
from conformance.networks.known import NETWORKS
from conformance.run import folders
from conformance.targets import registry
from conformance.targets.target import Target

__all__ = ["bench"]

BUDGET = 270.0  # seconds of a bench that chooses nothing
LONGEST, LONG = 8.0, 50.0  # seconds that one run may take by default, and where the call was asked for


def bench(
    target: Annotated[list[str] | None, typer.Option(help="A target, or a peer's name. Repeats.")] = None,
    layer: Annotated[list[str] | None, typer.Option(help="network/layer, or a network. Repeats.")] = None,
    op: Annotated[list[str] | None, typer.Option(help="An op or a gradient of one. Repeats; all by default.")] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Images in a call. Repeats; 1 and 32.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Repeats; float32, bfloat16 and float64 by default.")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="Repeats; 1 and all by default.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender at each call.")] = 3,
    budget: Annotated[
        float | None,
        typer.Option(min=1, help="Seconds after which nothing new is begun; 270, or none if calls are chosen."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; reports/<time>-bench by default.")] = None,
    compare: Annotated[Path | None, typer.Option(help="The folder of an earlier run to compare with.")] = None,
    regression: Annotated[float, typer.Option(min=1, help="With --compare: how much slower is a failure.")] = 1.25,
) -> int:
    """Time targets, the reference and installed peers on the layers of real networks."""
    then = read(compare) if compare else []
    picked = any((layer, op, batch, dtype, threads))
    plan = BenchPlan(
        targets=contenders(target),
        subjects=chosen(layer, op, tuple(batch or (1, 32)), tuple(dtype or ("float32", "bfloat16", "float64"))),
        threads=tuple(threads or dict.fromkeys((1, os.cpu_count() or 1))),
        rounds=rounds,
        longest=LONG if picked else LONGEST,
        budget=budget or (math.inf if picked else BUDGET),
    )
    console = Console(highlight=False, width=max(Console().width, width(plan)))
    session = folders.opened(out, "bench")
    ceilings = ceilings_of(plan.threads)
    about: dict[str, Mapping[str, Json]] = {}
    rows = [against(row, ceilings) for row in conducted(plan, about)]
    session.close(plan.targets, about)
    write(session.folder, rows, ceilings)
    show(console, plan, rows, ceilings)
    console.print(f"Written to {session.folder}: bench.json; conformance report {session.folder} shows it.")
    if compare and processor(compare) not in ("", processor(session.folder)):
        console.print(
            f"{compare} was timed on another machine, {processor(compare)}: its times are no measure of these."
        )
    return 1 if failed(console, compared(rows, then), regression) else 0


def contenders(names: list[str] | None) -> tuple[Target, ...]:
    """Return the targets asked for; all that can run here by default: targets, the reference, with bounds, peers."""
    if not names:
        found = [registry.find(name) for name in registry.default_targets()]
        peers = [peer for peer in PEERS.values() if registry.available(peer) is None]
        return (*found, registry.find("reference"), *peers)
    found = [PEERS[name] if name in PEERS else registry.find(name) for name in names]
    for target in found:
        if target.command:
            raise UsageError(
                f"target {target.name} cannot be timed: the clock runs inside the suite's own worker, and this target "
                "is a program of its own; time its functions as module:object"
            )
        if reason := registry.available(target):
            raise UsageError(f"target {target.name} cannot be timed here: {reason}")
    return tuple(found)


def chosen(
    layers: list[str] | None, ops: list[str] | None, batches: tuple[int, ...], dtypes: tuple[str, ...]
) -> tuple[Subject, ...]:
    """
    Return the calls asked for, in the order in which they are timed: every dtype and batch before more layers.

    By default FEW layers, with every op; and then what is left of the CHOSEN ones, for the first dtype and batch alone,
    the longest calls last: should the time end before, they are what is left out.
    """
    for name in layers or ():
        if name.partition("/")[0] not in {**NETWORKS, **SINGLE}:
            raise UsageError(f"no network of {name!r}: there are {', '.join((*NETWORKS, *SINGLE))}")
    for name in dtypes:
        if name not in DTYPES:
            raise UsageError(f"no dtype {name!r}: there are {', '.join(DTYPES)}")
    every = subjects(tuple(layers or FEW), batches, dtypes)
    found = sorted(every, key=lambda subject: (batches.index(subject.batch), dtypes.index(subject.dtype)))
    if not layers:
        more = (name for name in CHOSEN if name not in FEW)
        found += sorted(subjects(tuple(more), batches[:1], dtypes[:1]), key=lambda subject: subject.flops)
    found = [subject for subject in found if not ops or subject.op in ops]
    if not found:
        raise UsageError(f"no layer {', '.join(layers or ())} with an op {', '.join(ops or ())}")
    return tuple(found)


def conducted(plan: BenchPlan, about: dict[str, Mapping[str, Json]]) -> list[Timed]:
    """Time everything, and show how far it is; `about` gets what each contender says of itself."""
    with Live(plan.total) as live:
        return list(timed(plan, live.began, about.__setitem__))


def failed(console: Console, found: Sequence[Compared], regression: float) -> bool:
    """Print what changed; return whether anything surely became slower than is allowed."""
    for one in found:
        row = one.row
        if one.says in ("faster", "slower"):
            name = f"{row.layer} {row.op} x{row.batch} {row.dtype}, {row.threads} threads, {row.target}"
            console.print(f"{one.says}: {name}: {one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})")
    if found:
        noise = sum(one.says == "within noise" for one in found)
        few = sum(one.says == "too few rounds" for one in found)
        console.print(f"{len(found)} timings compared, {noise} within noise, {few} of too few rounds to say")
    return any(one.low > regression for one in found)
