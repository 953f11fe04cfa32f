"""
Folders for what is no verdict on a case: timings, and networks run.

They belong into the folder of a run, beside its observations. Where there is none, a run that judges no case is made,
so that the report takes it like any other, with its machine and versions.
"""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.errors import SuiteError
from conformance.run import header
from conformance.run.plan import Plan
from conformance.run.store import Store
from conformance.targets.target import Target

__all__ = ["RunFolder", "opened"]

About = Mapping[str, Mapping[str, Any]]  # target -> what it says of itself


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder in which something is measured, and when that began."""

    folder: Path
    header: Mapping[str, Any]
    began: float = field(default_factory=time.monotonic)

    def close(self, targets: Sequence[Target], about: About) -> None:
        """Make the folder that of a run, unless it is: what was used, by its own words."""
        if (self.folder / "run.json").exists():
            return
        names = {target.name for target in targets}
        used = {
            "targets": [header.described(target) | {"about": dict(about.get(target.name, {}))} for target in targets],
            "not_run": [entry for entry in self.header["not_run"] if entry["name"] not in names],
        }
        store = Store.create(self.folder, {**self.header, **used})
        seconds = round(time.monotonic() - self.began, 3)
        store.close({"ended": header.now(), "seconds": seconds, "cases": 0, "complete": True})


def opened(out: Path | None, kind: str) -> RunFolder:
    """
    Return this folder; in reports/<time>-<kind> where none is named.

    Raises:
        SuiteError: the folder cannot be made.
    """
    folder = out or Path("reports") / f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H-%M-%SZ}-{kind}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"{folder}: cannot be made: {error.strerror or error}") from error
    return RunFolder(folder, header.header(Plan(ops=(), targets=(), cases=0, seed=0, jobs=1)))
