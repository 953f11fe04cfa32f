"""What the cases of one implementation show only together: the sums of its errors, and its masks."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import polars as pl

from conformance.judge import masks
from conformance.judge.fingerprints import from_sums, sums, worse_than_declared
from conformance.judge.wording import sentence
from conformance.model import Returned
from conformance.selftest.implementations import Implementation, Trial

__all__ = ["Aggregate", "Sums", "weaker"]

Sums: TypeAlias = list[dict[str, Any]]


class Aggregate:
    """What a run keeps of one implementation."""

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self._measured: list[dict[str, Any]] = []
        self._masks: list[masks.Mask] = []

    def add(self, trial: Trial) -> None:
        """Take in one case that agrees."""
        measured = trial.verdict.measures
        if measured:
            kind = {"op": trial.case.op, "target": "", "dtype": trial.case.dtype, "regime": trial.case.regime}
            numbers = {name: float(measured.get(name, 0.0)) for name in ("elements", "sum", "squares", "inverse")}
            self._measured.append(kind | numbers)
        if self.implementation.own_masks and isinstance(trial.observation, Returned) and not trial.case.breaks:
            mask = masks.observed(trial.case, trial.observation.arrays[0])
            self._masks += [mask] if mask else []

    def sums(self) -> Sums:
        """Return the sums of the errors."""
        return sums(pl.LazyFrame(self._measured)).collect().to_dicts() if self._measured else []

    def faults(self) -> list[str]:
        """Return what only all cases together show, a line each."""
        random = masks.verdict(self._masks)
        return weaker(self.implementation.arithmetic, self.sums()) + [sentence(random)] * (
            random.outcome == "disagrees"
        )


def weaker(declared: str, sums: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the dtypes whose errors are larger than the declared arithmetic makes them, a line each."""
    return [
        f"{entry['dtype']} looks like {entry['name']}, declared is {declared}"
        for entry in from_sums(sums)
        if worse_than_declared(declared, entry)
    ]
