"""The scoreboard of implementations: what each target was found to do, op by op, on what evidence; who chose what."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.judge.severity import gravity
from conformance.report.records import Cell, Product, Report, Shown
from conformance.triage.known.matching import speaks_of
from conformance.triage.known.reading import shipped
from reference.choices import Alternative
from reference.ops import CHOICES

__all__ = ["Board", "Chosen", "Implementation", "board"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """One target of one run."""

    product: Product
    date: str  # of the run
    cells: tuple[Cell | None, ...]  # one an op; None where it was not called
    faults: tuple[Shown, ...]  # the gravest first
    missing: tuple[str, ...]  # what has no evidence, though it is claimed

    def untested(self, op: str) -> bool:
        """Return whether an op is claimed, and nothing shows how it is computed."""
        return any(text.startswith(f"{op} on ") for text in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One alternative where a rule leaves a choice."""

    rule: str
    text: str  # of the rule
    alternative: Alternative
    by: tuple[tuple[Product, int], ...]  # whose calls show it, and how many of them: the most first


@dataclass(frozen=True, slots=True)
class Board:
    """All of them."""

    ops: tuple[str, ...]
    implementations: tuple[Implementation, ...]
    choices: tuple[tuple[Chosen, ...], ...]  # by rule, of those that some target's calls decide


def board(report: Report) -> Board:
    """Return the scoreboard of a report's targets."""
    implementations = tuple(_of(report, number) for number in range(len(report.products)))
    return Board(report.ops, implementations, tuple(_choices(report)))


def _of(report: Report, number: int) -> Implementation:
    """Return what the report says of one target."""
    product = report.products[number]
    run = report.runs[product.run]
    return Implementation(
        product=product,
        date=run.started.partition("T")[0],
        cells=tuple(report.cells.get((op, number)) for op in report.ops),
        faults=tuple(sorted(_faults(report, product), key=lambda shown: gravity(shown.finding.severity, ""))),
        missing=tuple(text for text in run.missing if f" on {product.target}:" in text),
    )


def _faults(report: Report, product: Product) -> Iterator[Shown]:
    """
    Yield the findings that a target shares: of those with one known cause the first of each op.

    The smallest case of a finding may show another fault on another target: its cause names the target, or where it has
    none that comes with the suite they are of one library.
    """
    alike = {each.target for each in report.products if (each.run, each.library) == (product.run, product.library)}
    named = {cause.id: any(speaks_of(place, product.target) for place in cause.where) for cause in shipped()}
    met = set()
    for shown in report.findings:
        finding = shown.finding
        name = finding.cause or finding.id, finding.op
        shared = product.target in finding.shared_by and named.get(finding.cause or "", finding.target in alike)
        if product.run in shown.runs and shared and name not in met:
            met.add(name)
            yield shown


def _choices(report: Report) -> Iterator[tuple[Chosen, ...]]:
    """Yield the alternatives of every rule that a call decides, over all ops that have the rule."""
    made: dict[str, Counter[tuple[str, int]]] = {}  # rule: alternative, number of the product
    for choice in report.choices:
        counts = ((name, number, calls) for number, did in enumerate(choice.counts) for name, calls in did)
        made.setdefault(choice.rule, Counter()).update({(name, number): calls for name, number, calls in counts})
    texts = {choice.rule: choice.text for choice in report.choices}
    for rule, counted in made.items():
        several = tuple(
            Chosen(
                rule=rule,
                text=texts[rule],
                alternative=each,
                by=tuple(
                    (report.products[place], n) for (name, place), n in counted.most_common() if name == each.name
                ),
            )
            for each in CHOICES[rule]
        )
        if any(each.by for each in several):
            yield several
