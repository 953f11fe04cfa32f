"""What `conformance bench` prints: the table of times, and in lines below it what the table has no room for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

from conformance.bench.timing import BenchPlan, Timed
from conformance.judge.wording import WEAKER
from conformance.model import SYMPTOMS

__all__ = ["show", "width"]

LONGEST = 160  # characters of a note
NAMES, CELL, GAP = 85, 18, 3  # columns that the names of a call take, a contender's times, and what is between two


def width(plan: BenchPlan) -> int:
    """Return how many columns the table needs."""
    return NAMES + sum(max(CELL, len(target.name) + GAP) for target in plan.targets)


def show(console: Console, plan: BenchPlan, rows: Sequence[Timed], ceilings: Mapping[str, float]) -> None:
    """Print the table, and what is to be said of it."""
    console.print(drawn(plan, rows))
    for line in (*checks(rows), *faults(rows), *empty(rows)):
        console.print(line, soft_wrap=True)
    for name in (target.name for target in plan.targets):
        for text in beforehand(name, [row for row in rows if row.target == name]):
            console.print(text)
    console.print("Ceilings: " + "; ".join(f"{name}: {value:.1f}" for name, value in ceilings.items()))
    timed = {(row.layer, row.op, row.batch, row.dtype, row.threads) for row in rows}
    if (missing := plan.total - len(timed)) > 0:
        console.print(f"{missing} of {plan.total} calls were left out: the budget of {plan.budget:.0f} s was spent.")


def drawn(plan: BenchPlan, rows: Sequence[Timed]) -> Table:
    """Return the table: one line a call, the same layer's and op's together; one column a contender."""
    names = [target.name for target in plan.targets]
    table = Table("layer", "op", "batch", "dtype", "threads", title="median ms (spread)", box=box.SIMPLE_HEAD)
    for name in names:
        table.add_column(name, justify="right")
    lines: dict[tuple[str, str], dict[tuple[str, ...], dict[str, Timed]]] = {}
    for row in rows:
        same = lines.setdefault((row.layer, row.op), {})
        same.setdefault((str(row.batch), row.dtype, str(row.threads)), {})[row.target] = row
    for call, several in lines.items():
        for how, cells in several.items():
            table.add_row(*call, *how, *(cell(cells.get(name)) for name in names))
    return table


def checks(rows: Sequence[Timed]) -> Iterator[str]:
    """Say what of the results was checked before they were timed."""
    parts = Counter(row.checked for row in rows if row.checked)
    if parts:
        checked = ", ".join(f"{part} of {count}" for part, count in parts.items())
        yield f"Checked before they were timed, of {parts.total()} results: {checked}."


def faults(rows: Sequence[Timed]) -> Iterator[str]:
    """Say what is wrong, how far, and whether that is known: one line an op, dtype and cause."""
    found: dict[tuple[str, str, str, str], list[Timed]] = {}
    for row in rows:
        if row.correct is False:
            found.setdefault((row.op, row.dtype, cause(row), row.known), []).append(row)
    for (op, dtype, why, known), wrong in found.items():
        where = ", ".join(dict.fromkeys(row.target for row in wrong))
        used = max((row.bound_used for row in wrong if row.bound_used is not None), default=None)
        far = f", by up to {used:.3g} times what may be" if used is not None else ""
        status = f"known: {known}" if known else "new: of no known cause"
        yield f"wrong: {op} {dtype} on {where}: {why}{far}; {status}"


def empty(rows: Sequence[Timed]) -> Iterator[str]:
    """Say why cells are empty: one line a contender and reason."""
    reasons = Counter((row.target, row.note) for row in rows if row.median is None and row.correct is not False)
    for (target, note), count in reasons.items():
        yield f"not timed: {count} of {target}: {note[:LONGEST]}"


def cause(row: Timed) -> str:
    """Return which weaker arithmetic a result is consistent with, if with any; else how it is wrong."""
    symptoms = (SYMPTOMS[text] for text in row.symptoms)
    return next((WEAKER[symptom] for symptom in symptoms if symptom in WEAKER), row.kind)


def beforehand(name: str, rows: Sequence[Timed]) -> list[str]:
    """Say what a contender takes before its first result, if it traces or compiles: the median over calls."""
    parts = {
        "tracing": [row.trace for row in rows if row.median is not None and row.trace],
        "compiling": [row.compile for row in rows if row.median is not None and row.compile],
    }
    texts = [f"{what} {1e3 * median(times):.0f} ms" for what, times in parts.items() if times]
    return [f"{name}, before the first result of a call: {', '.join(texts)} (median)"] if texts else []


def cell(row: Timed | None) -> str:
    """Write one time; what is wrong is said to be wrong, and what was not timed stays empty."""
    if row is None or (row.median is None and row.correct is not False):
        return ""
    if row.correct is False:
        return "wrong"
    return f"{1e3 * (row.median or 0):.2f} ({1e3 * (row.spread or 0):.2f})"
