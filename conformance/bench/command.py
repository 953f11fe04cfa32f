"""`conformance bench`: timings of the layers of real networks."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from conformance import unjudged
from conformance.bench.peers import PEERS
from conformance.bench.results import Compared, compared, processor, read, write
from conformance.bench.subjects import CHOSEN, DTYPES, FEW, SINGLE, Subject, subjects
from conformance.bench.timing import Plan, Timed, against, ceilings_of, timed
from conformance.errors import UsageError
from conformance.model import Json
from conformance.networks.known import NETWORKS
from conformance.targets import registry
from conformance.targets.registry import Target

__all__ = ["bench"]

WIDTH, CELL = 82, 18  # columns that the names of a call take, and a contender's times


def bench(
    target: Annotated[list[str] | None, typer.Option(help="A target, or a peer's name. Repeats.")] = None,
    layer: Annotated[list[str] | None, typer.Option(help="network/layer, or a network. Repeats.")] = None,
    op: Annotated[list[str] | None, typer.Option(help="An op or a gradient of one. Repeats; all by default.")] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Images in a call. Repeats; 1 and 32.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Repeats; float32, bfloat16 and float64 by default.")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="Repeats; 1 and all by default.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender at each call.")] = 3,
    budget: Annotated[float, typer.Option(min=1, help="Seconds after which nothing new is begun.")] = 240.0,
    out: Annotated[Path | None, typer.Option(help="The run's folder; reports/<time>-bench by default.")] = None,
    compare: Annotated[Path | None, typer.Option(help="The folder of an earlier run to compare with.")] = None,
    regression: Annotated[float, typer.Option(min=1, help="With --compare: how much slower is a failure.")] = 1.25,
) -> int:
    """Time targets, the reference and installed peers on the layers of real networks."""
    then = read(compare) if compare else []
    plan = Plan(
        targets=contenders(target),
        subjects=chosen(layer, op, tuple(batch or (1, 32)), tuple(dtype or ("float32", "bfloat16", "float64"))),
        threads=tuple(threads or dict.fromkeys((1, os.cpu_count() or 1))),
        rounds=rounds,
        budget=budget,
    )
    console = Console(highlight=False, width=max(Console().width, WIDTH + CELL * len(plan.targets)))
    session = unjudged.opened(out, "bench")
    ceilings = ceilings_of(plan.threads)
    about: dict[str, Mapping[str, Json]] = {}
    rows = [against(row, ceilings) for row in conducted(plan, console, about)]
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
    Return the calls asked for: all of one dtype and batch before those of the next.

    By default CHOSEN layers for the first dtype and batch, and FEW for the others: what five minutes are enough for.
    """
    for name in layers or ():
        if name.partition("/")[0] not in {**NETWORKS, **SINGLE}:
            raise UsageError(f"no network of {name!r}: there are {', '.join((*NETWORKS, *SINGLE))}")
    for name in dtypes:
        if name not in DTYPES:
            raise UsageError(f"no dtype {name!r}: there are {', '.join(DTYPES)}")
    found = [
        subject
        for number, (dtype, batch) in enumerate(product(dtypes, batches))
        for subject in subjects(tuple(layers or (FEW if number else CHOSEN)), (batch,), (dtype,))
        if not ops or subject.op in ops
    ]
    if not found:
        raise UsageError(f"no layer {', '.join(layers or ())} with an op {', '.join(ops or ())}")
    return tuple(found)


def conducted(plan: Plan, console: Console, about: dict[str, Mapping[str, Json]]) -> list[Timed]:
    """Time everything, with a bar; `about` gets what each contender says of itself."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=plan.total)
        began = partial(progress.update, task, advance=1)
        return list(timed(plan, lambda subject: began(description=subject.name), about.__setitem__))


def show(console: Console, plan: Plan, rows: Sequence[Timed], ceilings: dict[str, float]) -> None:
    """Print the table: one line a call, one column a contender."""
    names = [target.name for target in plan.targets]
    drawn = Table("layer", "op", "batch", "dtype", "threads", title="median ms (spread)", box=box.SIMPLE_HEAD)
    for name in names:
        drawn.add_column(name, justify="right")
    lines: dict[tuple[str, ...], dict[str, Timed]] = {}
    for row in rows:
        line: tuple[str, ...] = (row.layer, row.op, str(row.batch), row.dtype, str(row.threads))
        lines.setdefault(line, {})[row.target] = row
    for line, cells in lines.items():
        drawn.add_row(*line, *(cell(cells.get(name)) for name in names))
    console.print(drawn)
    for name in names:
        for text in beforehand(name, [row for row in rows if row.target == name]):
            console.print(text)
    console.print("Ceilings: " + "; ".join(f"{name}: {value:.1f}" for name, value in ceilings.items()))
    if (missing := plan.total - len(lines)) > 0:
        console.print(f"{missing} of {plan.total} calls were left out: the budget of {plan.budget:.0f} s was spent.")


def beforehand(name: str, rows: Sequence[Timed]) -> list[str]:
    """Say what a contender takes before its first result, if it traces or compiles: the median over calls."""
    parts = {
        "tracing": [row.trace for row in rows if row.median is not None and row.trace],
        "compiling": [row.compile for row in rows if row.median is not None and row.compile],
    }
    told = [f"{what} {1e3 * median(times):.0f} ms" for what, times in parts.items() if times]
    return [f"{name}, before the first result of a call: {', '.join(told)} (median)"] if told else []


def cell(row: Timed | None) -> str:
    """Write one time; what is wrong is said to be wrong, and what was not timed stays empty."""
    if row is None or (row.median is None and row.correct is not False):
        return ""
    if row.correct is False:
        return "wrong"
    return f"{1e3 * (row.median or 0):.2f} ({1e3 * (row.spread or 0):.2f})"


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
