"""What is kept of one implementation's cases, to be judged together: the sums of its errors, and its masks."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from conformance.judge import masks
from conformance.judge.fingerprints import sums, told, worse_than_declared
from conformance.model import Returned
from conformance.selftest.subjects import Subject, Trial

__all__ = ["Notes", "worse"]

Sums = list[dict[str, Any]]


class Notes:
    """What a run keeps of one subject."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._measured: list[dict[str, Any]] = []
        self._masks: list[masks.Mask] = []

    def add(self, trial: Trial) -> None:
        """Take in one case that agrees."""
        measured = trial.verdict.measures
        if measured:
            dtype = next(iter(trial.case.arrays.values())).dtype
            kind = {"op": trial.case.op, "target": "", "dtype": dtype, "regime": trial.case.regime}
            numbers = {name: float(measured.get(name, 0.0)) for name in ("elements", "sum", "squares", "inverse")}
            self._measured.append(kind | numbers)
        if self.subject.own_masks and isinstance(trial.observation, Returned) and not trial.case.breaks:
            mask = masks.seen(trial.case, trial.observation.arrays[0])
            self._masks += [mask] if mask else []

    def sums(self) -> Sums:
        """Return the sums of the errors."""
        return sums(pl.LazyFrame(self._measured)).collect().to_dicts() if self._measured else []

    def faults(self) -> list[str]:
        """Return what only all cases together show."""
        return worse(self.subject.arithmetic, self.sums()) + masks.faults(self._masks)


def worse(declared: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say which dtypes' errors are worse than the declared arithmetic's."""
    return [
        f"{entry['dtype']} looks like {entry['name']}, declared is {declared}"
        for entry in told(rows)
        if worse_than_declared(declared, entry)
    ]
