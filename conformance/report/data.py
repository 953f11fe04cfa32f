"""From the folders of runs to everything that a report says."""

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from conformance.networks.results import Results, read
from conformance.report import accuracy, board, timing
from conformance.report.changes import changes
from conformance.report.choices import choices, limits
from conformance.report.coverage import coverage
from conformance.report.findings import findings
from conformance.report.observed import Observed, load
from conformance.report.orders import orders
from conformance.report.records import Report, Scores
from conformance.report.rules import rules
from conformance.report.summary import products, runs
from conformance.run.store import Store

__all__ = ["gather"]

# The scores of a self-test, and what schema 1 calls them.
SCORES: Mapping[str, str] = {
    "mutants": "faulty",
    "killed": "caught",
    "correct_cases": "quiet_cases",
    "false_positives": "false_alarms",
    "hazards": "deeds",
    "survived": "survived",
}


def gather(folders: Sequence[Path]) -> Report:
    """
    Read runs, of any versions and machines.

    Raises:
        UsageError: a folder holds no run.
        SuiteError: a run cannot be read.
    """
    unique = {folder.resolve(): Store(folder) for folder in folders}
    stores = sorted(unique.values(), key=lambda store: str(store.header().get("started", "")))
    observed = [load(store) for store in stores]
    heads = runs(observed)
    columns = products(heads, observed)
    each, found = findings(observed, heads)
    cells = board.cells(observed, columns, found)
    timings = timing.timings(observed)
    return Report(
        suite=importlib.metadata.version("conv-conformance"),
        runs=heads,
        products=columns,
        ops=board.ops(observed),
        cells=cells,
        parts=board.parts(observed, columns),
        findings=found,
        causes=tuple((run, known) for run, one in enumerate(each) for known in one.known),
        accuracy=accuracy.accuracy(observed, columns),
        fingerprints=accuracy.fingerprints(observed, columns),
        growth=accuracy.growth(observed, columns),
        rules=rules(observed, columns),
        choices=choices(observed, columns),
        limits=limits(observed, columns),
        timings=timings,
        ceilings=timing.ceilings(observed),
        networks=networks(observed),
        orders=orders(observed),
        coverage=coverage(observed),
        changes=changes(heads, columns, cells, found, timings),
        scores=tuple(scores(observed)),
    )


def scores(observed: Sequence[Observed]) -> Iterator[Scores]:
    """Yield the scores of the self-tests that are kept with the runs."""
    for run, one in enumerate(observed):
        if (one.store.folder / "selftest.json").exists():
            data = one.store.read_json("selftest.json")
            numbers = {name: int(data.get(name, data.get(old, 0))) for name, old in SCORES.items()}
            yield Scores(run=run, date=str(data.get("date", "")), **numbers)


def networks(observed: Sequence[Observed]) -> tuple[tuple[int, Results], ...]:
    """Return the networks that were run with each run that has any."""
    results = ((run, read(one.store.folder)) for run, one in enumerate(observed))
    return tuple((run, found) for run, found in results if found != Results())
