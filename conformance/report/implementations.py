"""The scoreboard of implementations: what each target was found to do, op by op, on what evidence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.judge.severity import gravity
from conformance.report.records import Cell, Product, Report, Shown

__all__ = ["Board", "Implementation", "board"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """One target of one run."""

    product: Product
    date: str  # of the run
    cells: tuple[Cell | None, ...]  # one an op; None where it was not called
    faults: tuple[Shown, ...]  # the gravest first
    choices: tuple[tuple[str, str], ...]  # rule, what it does there
    missing: tuple[str, ...]  # what has no evidence, though it is claimed

    def untested(self, op: str) -> bool:
        """Return whether an op is claimed, and nothing shows how it is computed."""
        return any(text.startswith(f"{op} on ") for text in self.missing)


@dataclass(frozen=True, slots=True)
class Board:
    """All of them."""

    ops: tuple[str, ...]
    implementations: tuple[Implementation, ...]


def board(report: Report) -> Board:
    """Return the scoreboard of a report's targets."""
    return Board(report.ops, tuple(_of(report, number) for number in range(len(report.products))))


def _of(report: Report, number: int) -> Implementation:
    """Return what the report says of one target."""
    product = report.products[number]
    run = report.runs[product.run]
    return Implementation(
        product=product,
        date=run.started.partition("T")[0],
        cells=tuple(report.cells.get((op, number)) for op in report.ops),
        faults=tuple(sorted(_faults(report, product), key=lambda shown: gravity(shown.finding.severity, ""))),
        choices=tuple(_choices(report, number)),
        missing=tuple(text for text in run.missing if f" on {product.target}:" in text),
    )


def _faults(report: Report, product: Product) -> Iterator[Shown]:
    """Yield the findings of its library that a target shares: of those with one known cause the first of each op."""
    alike = {each.target for each in report.products if (each.run, each.library) == (product.run, product.library)}
    met = set()
    for shown in report.findings:
        finding = shown.finding
        name = finding.cause or finding.id, finding.op
        shared = product.target in finding.shared_by and finding.target in alike
        if product.run in shown.runs and shared and name not in met:
            met.add(name)
            yield shown


def _choices(report: Report, number: int) -> Iterator[tuple[str, str]]:
    """Yield what a target does where a rule leaves a choice, over all ops that have the rule: the most calls first."""
    made: dict[str, Counter[str]] = {}
    for choice in report.choices:
        made.setdefault(choice.rule, Counter()).update(dict(choice.counts[number]))
    for rule, did in made.items():
        if did:
            yield rule, ", ".join(f"{what} ({calls})" for what, calls in did.most_common())
