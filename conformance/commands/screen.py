"""What the terminal shows: progress while a run goes on, its summary, and the table of targets."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from conformance.judge.severity import gravity
from conformance.model import DISAGREEMENTS
from conformance.run.evidence import THIN, State, state
from conformance.run.extents import Extent, in_short, listed_sentences
from conformance.run.jobs import Progress as Message
from conformance.run.plan import Plan, own_cases
from conformance.targets import registry
from conformance.triage.campaign import Result
from conformance.triage.findings import Finding, Known
from conformance.triage.known.cause import Cause

__all__ = ["Live", "causes", "summary", "targets"]

NEAREST = 3  # calls, of those that agree, whose shares of their bounds the summary shows
EVIDENCE = ("valid", "broken", "geometries", "small")


class Live:
    """Progress on the screen: a bar an op with live counts, and the time left; a context manager."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.console = Console(stderr=True, highlight=False, emoji=False)
        self.bars = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )
        # Under a budget nobody knows how many cases there will be: what is left is seconds.
        known = plan.budget is None
        self.cases, self.covered, self.began = 0, 0, time.monotonic()
        cases: Mapping[str, int | None] = own_cases(plan) if known else dict.fromkeys(plan.ops)
        whole = sum(filter(None, cases.values())) if known else round(plan.budget or 0)
        self.total = self.bars.add_task("all ops" if known else "seconds", total=whole, counts="")
        self.world = self.bars.add_task("small world", total=None, counts="")
        self.swept: Counter[str] = Counter()
        self.tasks = {op: self.bars.add_task(op, total=number, counts="") for op, number in cases.items()}
        self.counts: dict[str, Counter[str]] = {op: Counter() for op in plan.ops}

    def __enter__(self) -> Self:
        """Show the bars; where the output is no terminal, say what is about to happen instead."""
        if self.console.is_terminal:
            self.bars.start()
        else:
            targets = ", ".join(self.plan.targets)
            most = (
                f"up to {self.plan.cases} cases each" if self.plan.cases else f"small calls to side {self.plan.world}"
            )
            if self.plan.budget is not None:
                most = f"for {self.plan.budget:g} s, and the search for findings"
            self.console.print(
                f"{len(self.plan.ops)} ops, {most} (seed {self.plan.seed}) on {targets}",
                markup=False,
                soft_wrap=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        if self.console.is_terminal:
            self.bars.stop()

    def progress(self, message: Message) -> None:
        """Take in what a job has done."""
        if message.swept:
            for (_, what), number in message.verdicts.items():
                self.swept[what] += number
            self.bars.update(self.world, advance=message.swept, counts=counted(self.swept))
            return
        for (_, what), number in message.verdicts.items():
            self.counts[message.op][what] += number
        self.bars.update(self.tasks[message.op], advance=message.ended, counts=counted(self.counts[message.op]))
        total: Counter[str] = sum(self.counts.values(), Counter())
        self.cases += message.cases
        self.covered += message.ended
        done = self.covered if self.plan.budget is None else round(time.monotonic() - self.began)
        self.bars.update(self.total, completed=done, counts=counted(total))
        if not self.console.is_terminal and message.shard and message.shard.startswith(self.plan.ops[-1]):
            self.console.print(f"{self.cases} cases: {counted(total)}", markup=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Say what is being done after the cases."""
        self.console.print(text, markup=False, soft_wrap=True)


def counted(counts: Counter[str]) -> str:
    """Return counts in words: what disagrees first."""
    wrong = [f"{number} {kind}" for kind, number in counts.items() if kind in DISAGREEMENTS]
    right = sum(number for kind, number in counts.items() if kind not in {*DISAGREEMENTS, "unsupported", "undecided"})
    return ", ".join([*wrong, f"{right} agree"])


def summary(result: Result, not_run: Mapping[str, Sequence[str]], folder: Path, page: Path) -> None:
    """Print what came of a run, the new findings last, of those the gravest first; not_run: targets, by the reason."""
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    new = [finding for finding in result.findings if finding.status == "new"]
    causes = {finding.cause for finding in result.findings if finding.cause}
    lines = (
        *covered(result.footer),
        *(f"not run: {', '.join(names)}: {reason}" for reason, names in not_run.items()),
        *evidence_lines(result),
        *_known(result),
        *(f"NO EVIDENCE  {each}" for each in result.missing),
    )
    for line in lines:
        console.print(line, markup=False)
    for finding in sorted(new, key=lambda each: gravity(each.severity, "")):
        _print_new(console, finding, folder / "findings" / finding.id)
    console.print(closing(result, len(new), len(causes)), markup=False)
    console.print(f"the run is in {folder}, its report {page}", markup=False)


def _known(result: Result) -> Iterator[str]:
    """Yield what was met of known causes, the gravest first, and those that are not there or past their review."""
    met: dict[str, list[Finding]] = {}
    for finding in result.findings:
        if finding.cause:
            met.setdefault(finding.cause, []).append(finding)
    for cause in sorted((each for each in result.known if each.id in met), key=lambda each: gravity(each.severity, "")):
        yield f"known  {_of_cause(cause, met[cause.id])}"
    yield from (_no_longer(cause) for cause in result.known if cause.gone or cause.state == "expired")


def _print_new(console: Console, finding: Finding, files: Path) -> None:
    """Print a new finding: what is wrong, how grave, where, and the script that shows it."""
    repro = files / "repro.py"
    console.print(f"[bold]NEW[/bold]  {escape(finding.title)}")
    console.print(f"     {escape(finding.severity)}; on {escape(', '.join(finding.shared_by))}; {finding.cases} cases")
    console.print(f"     {finding.reason[:200]}", markup=False)
    console.print(f"     {repro if repro.exists() else files}", markup=False)


def covered(footer: Mapping[str, Any]) -> Iterator[str]:
    """Say how much of small worlds and corpus a run has covered, and how near to their bounds its calls come."""
    yield from (f"small world: {sentence}" for sentence in in_short([Extent(**entry) for entry in footer["world"]]))
    yield from listed_sentences(footer["corpus"])
    for near in sorted(footer["worst"], key=itemgetter("share"), reverse=True)[:NEAREST]:
        yield f"nearest to its bound: {near['op']} of {near['dtype']} on {near['target']}, {near['share']:.2g} of it"


def _of_cause(cause: Known, findings: Sequence[Finding]) -> str:
    """Return a known cause and what a run met of it, in a line."""
    ops = ", ".join(dict.fromkeys(finding.op for finding in findings))
    number = sum(finding.cases for finding in findings)
    return f"{cause.id}: {cause.title} ({cause.severity}; {number} cases of {ops})"


def _no_longer(cause: Known) -> str:
    """Say that a cause is past its review date, or which of its cases no longer show it."""
    if cause.state == "expired":
        return f"past its review date, {cause.review}: {cause.id}"
    what = "not there" if cause.state == "not there" else "partly not there"
    return f"{what}: {cause.id}: {cause.title} ({len(cause.gone)} of its cases conform here)"


def closing(result: Result, new: int, known: int) -> str:
    """Return the run in one sentence."""
    counts: Counter[str] = Counter()
    for by_target in result.footer["counts"].values():
        for kinds in by_target.values():
            counts.update(kinds)
    cells = [cell for by_target in result.footer["evidence"].values() for cell in by_target.values()]
    valid, broken, geometries, small = (sum(cell[name] for cell in cells) for name in EVIDENCE)
    ended = "" if result.footer["complete"] else " The budget ended the run before all cases."
    if alone := result.footer["alone"]:
        ended += f" {alone} calls ended badly at first, by time, memory or a crash, and not when each was run alone."
    looked = (
        f"{result.judged:,} judged calls in {result.footer['seconds']:.0f} s ({valid} valid in {geometries} "
        f"geometries, {broken} that break a rule, {small:,} of the small world)"
    )
    return (
        f"{_verdict(result, new)} {looked}: {counted(counts)}; {counts['unsupported']} unsupported, "
        f"{counts['undecided']} undecided; {new} new findings, {known} known causes.{ended}"
    )


def _verdict(result: Result, new: int) -> str:
    """Say what came of a run, in one sentence."""
    if new:
        return f"{new} new findings."
    if stale := sum(each.stale for each in result.known):
        return f"Nothing new, but {stale} accepted causes no longer hold."
    return "Nothing new." if result.judged else "Nothing was judged."


def evidence_lines(result: Result) -> Iterator[str]:
    """Yield what is thinly tested, by target, and which limits are out of date."""
    thin: dict[str, list[str]] = {}
    for op, by_target in result.footer["evidence"].items():
        for target, cell in by_target.items():
            met = cell["geometries"] + cell["small"]
            if state(met, THIN) is State.THIN:
                thin.setdefault(target, []).append(f"{op} {met}")
    for target, named in thin.items():
        yield f"thin (fewer than {THIN} geometries) on {target}: {', '.join(named)}"
    for each in result.footer["answered"]:
        text = "a limit of {target} is out of date: {op}, {reason!r}: {answered} of {calls} calls answered rightly"
        yield text.format(**each)


def targets() -> None:
    """Print every target that is built in or registered: available or not, and why."""
    console = Console(highlight=False, emoji=False)
    table = Table(box=None, pad_edge=False)
    for name in ("target", "what", "available", "in a run by default"):
        table.add_column(name)
    for name, target in registry.builtin().items():
        reason = registry.available(target)
        default = "yes" if target.default and not reason else "no"
        table.add_row(name, escape(target.about), "yes" if not reason else f"no: {escape(reason)}", default)
    for name in registry.registered():
        table.add_row(name, escape(registry.find(name).about), "registered", "no")
    console.print(table)
    console.print(
        "Also: module:object, a namespace called as tf.nn; 'command:...', a program that speaks the protocol."
    )


def causes(found: Sequence[Cause]) -> None:
    """Print causes, the gravest first."""
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    for cause in sorted(found, key=lambda each: gravity(each.severity, "")):
        ops = ", ".join(dict.fromkeys(op for place in cause.where for op in place.ops))
        console.print(f"{cause.id}: {cause.title} ({cause.severity}; {ops})", markup=False)
