"""What is different between two consecutive runs."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from conformance.ops import OPS
from conformance.report.records import Cell, Change, Product, Run, Shown, Tally, Timing

__all__ = ["changes"]


def changes(
    runs: Sequence[Run],
    products: Sequence[Product],
    cells: Mapping[tuple[str, int], Cell],
    findings: Sequence[Shown],
    timings: Sequence[Timing],
) -> tuple[Change, ...]:
    """Compare every run with the one before."""
    return tuple(
        _change(before, after, products, cells, findings, timings) for before, after in pairwise(range(len(runs)))
    )


def _change(
    before: int,
    after: int,
    products: Sequence[Product],
    cells: Mapping[tuple[str, int], Cell],
    findings: Sequence[Shown],
    timings: Sequence[Timing],
) -> Change:
    """Compare two runs."""
    tallies = [_tallies(run, products, cells) for run in (before, after)]
    lost = [finding for finding in findings if before in finding.runs and after not in finding.runs]
    looked = {
        each.anchor
        for each in lost
        if any((each.finding.op, target) in tallies[1] for target in each.finding.shared_by)
    }
    return Change(
        before=before,
        after=after,
        new=tuple(finding.anchor for finding in findings if after in finding.runs and before not in finding.runs),
        gone=tuple(finding.anchor for finding in lost if finding.anchor in looked),
        not_looked_for=tuple(finding.anchor for finding in lost if finding.anchor not in looked),
        kept=tuple(finding.anchor for finding in findings if {before, after} <= set(finding.runs)),
        shares=tuple(
            (op, target, first, tallies[1][op, target])
            for (op, target), first in sorted(tallies[0].items(), key=lambda item: (_rank(item[0][0]), item[0]))
            if (op, target) in tallies[1] and _share(first) != _share(tallies[1][op, target])
        ),
        timings=tuple(_timings(before, after, timings)),
    )


def _tallies(
    run: int, products: Sequence[Product], cells: Mapping[tuple[str, int], Cell]
) -> dict[tuple[str, str], Tally]:
    """Return the tally of each op and target of one run that was called."""
    return {
        (op, products[number].target): cell.tally for (op, number), cell in cells.items() if products[number].run == run
    }


def _rank(op: str) -> int:
    """Return the place of an op in the suite's order."""
    return list(OPS).index(op) if op in OPS else len(OPS)


def _share(tally: Tally) -> float:
    """Return the share of judged calls that agree; 1 where none was judged."""
    return tally.agrees / tally.judged if tally.judged else 1.0


def _timings(before: int, after: int, timings: Sequence[Timing]) -> list[tuple[Timing, Timing, str]]:
    """Return what both runs timed: faster, slower, or within the noise of both."""
    earlier = {_same(timing): timing for timing in timings if timing.run == before}
    pairs = [(earlier[_same(timing)], timing) for timing in timings if timing.run == after and _same(timing) in earlier]
    return [(first, second, _compared(first, second)) for first, second in pairs]


def _same(timing: Timing) -> tuple[str, str, str, int, str, int]:
    """Return what two timings must share to be compared."""
    return timing.target, timing.op, timing.layer, timing.batch, timing.dtype, timing.threads


def _compared(before: Timing, after: Timing) -> str:
    """Say which is faster; a difference within the sum of both spreads, or of unknown spread, is noise."""
    noise = before.spread + after.spread
    if not abs(after.median - before.median) > noise:
        return "within noise"
    return "faster" if after.median < before.median else "slower"
