"""
A run on disk: `run.json`, one Parquet file a shard, `findings.json`, and a folder a finding.

A file is written whole under another name and then renamed, so that what stands under its name is complete. `run.json`
is written first with a header, and closed with a footer when the run has ended. docs/files.md describes the files.
"""

import fcntl
import io
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from conformance.errors import SuiteError, UsageError
from conformance.model import Json

__all__ = ["OBSERVATIONS", "SCHEMA", "Store"]

SCHEMA = 1  # of run.json and findings.json

# The columns of observations/*.parquet: one row a case and target.
OBSERVATIONS: Mapping[str, Any] = {
    "case": pl.String,  # the case's id
    "op": pl.String,
    "target": pl.String,
    "route": pl.String,  # which of the target's ways to compute the op
    "verdict": pl.String,  # agrees, disagrees, unsupported, undecided
    "kind": pl.String,  # of the disagreement, or a remark on an agreement
    "rule": pl.String,  # the rule in question, where there is one
    "reason": pl.String,
    "observation": pl.String,  # returned, raised, crashed, timedout, outofmemory, unsupported
    "error": pl.String,  # the type of what was raised
    "breaks": pl.String,  # the rule that the case breaks on purpose; empty: a valid call
    "dtype": pl.String,
    "layout": pl.String,
    "regime": pl.String,
    "bound_used": pl.Float64,  # largest share of its bound that an element used; 1 is the limit
    "ulps": pl.Float64,  # largest distance from the correctly rounded value
    "elements": pl.Float64,  # in the sums for the fingerprint
    "sum": pl.Float64,  # of err / (u S)
    "squares": pl.Float64,  # of (err / (u S))^2
    "inverse": pl.Float64,  # of 1 / n
    "seconds": pl.Float64,  # inside the target's call
    "trace_seconds": pl.Float64,  # tracing and compiling
    "cpu_seconds": pl.Float64,  # processor time inside the target, tracing and second runs included
    "own_seconds": pl.Float64,  # processor time outside it: the row's equal share of what its shard took
    "again": pl.Boolean,  # whether a call that ended its worker did so again, alone in a fresh one
    "stderr": pl.String,  # the end of what a worker that died had printed
    "mask": pl.String,  # what a mask tells of its generator, as JSON: conformance.judge.masks; "" elsewhere
    "content": pl.String,  # the case, as JSON
    "attributes": pl.String,  # its attribute classes, as JSON
}


class Store:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards = folder / "observations"

    @classmethod
    def create(cls, folder: Path, header: Mapping[str, Json]) -> "Store":
        """
        Make the folder of a new run and write its header.

        Raises:
            UsageError: the folder holds a run. SuiteError: one that is going on; or it cannot be written.
        """
        store = cls(folder)
        if (folder / "run.json").exists():
            with store.locked():  # else another run is at it now
                raise UsageError(f"{folder} already holds a run: name another folder, or go on with --resume {folder}")
        with storing(folder):
            store.shards.mkdir(parents=True, exist_ok=True)
        store.write_json("run.json", {"schema": SCHEMA, "header": dict(header), "footer": None})
        return store

    @classmethod
    def resume(cls, folder: Path) -> "Store":
        """Open the folder of a run."""
        store = cls(folder)
        store.header()
        with storing(folder):
            store.shards.mkdir(exist_ok=True)
        return store

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone, and clear away what a killed one had left half-written."""
        with storing(self.folder):
            lock = (self.folder / "lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SuiteError(f"{self.folder}: another run is writing here") from None
            with storing(self.folder):
                for rest in self.folder.rglob("*.part"):
                    rest.unlink()
            yield

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the content of one of the run's JSON files."""
        path = self.folder / name
        try:
            data = json.loads(path.read_text())
        except FileNotFoundError:
            raise UsageError(f"{path}: no such file: {self.folder} holds no run") from None
        except (OSError, ValueError) as error:
            raise SuiteError(f"{path}: cannot be read: {error}") from error
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise SuiteError(f"{path}: not of schema {SCHEMA}")
        return data

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file whole."""
        self._replace(self.folder / name, (json.dumps(data, indent=1, allow_nan=False) + "\n").encode())

    def header(self) -> dict[str, Any]:
        """Return the header of the run."""
        header = self.read_json("run.json").get("header")
        if not isinstance(header, dict):
            raise SuiteError(f"{self.folder / 'run.json'}: no header")
        return header

    def footer(self) -> dict[str, Any] | None:
        """Return the footer of the run; None while it has not ended."""
        return self.read_json("run.json").get("footer")

    def close(self, footer: Mapping[str, Json]) -> None:
        """Write the footer: the run has ended."""
        self.write_json("run.json", {"schema": SCHEMA, "header": self.header(), "footer": dict(footer)})

    def done(self) -> set[str]:
        """Return the names of the shards that are complete."""
        return {path.stem for path in self.shards.glob("*.parquet")}

    def write_shard(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the observations of one shard."""
        content = io.BytesIO()
        pl.DataFrame(rows, schema=dict(OBSERVATIONS), orient="row").write_parquet(content, compression="zstd")
        self._replace(self.shards / f"{name}.parquet", content.getvalue())

    def observations(self) -> pl.LazyFrame:
        """Return every observation of the run, lazily, in the order of the shards' names."""
        paths = sorted(self.shards.glob("*.parquet"))
        if not paths:
            return pl.LazyFrame(schema=dict(OBSERVATIONS))
        return pl.scan_parquet(paths, schema=dict(OBSERVATIONS), missing_columns="insert")  # of older runs

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Run a query on the observations; a shard that cannot be read is named."""
        try:
            return query.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SuiteError(f"{self.shards}: {self._broken() or ' '.join(str(error).split())}") from error

    def _broken(self) -> str:
        """Name the first shard that cannot be read."""
        for path in sorted(self.shards.glob("*.parquet")):
            try:
                pl.scan_parquet(path, schema=dict(OBSERVATIONS), missing_columns="insert").collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                why = " ".join(str(error).split())
                return f"{path.name} cannot be read ({why}): remove it and go on with --resume {self.folder}"
        return ""

    def write_finding(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write the files of one finding."""
        folder = self.folder / "findings" / name
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            self._replace(folder / file, content)

    def keep_findings(self, names: Collection[str]) -> None:
        """Remove the folders of findings of other names: an earlier session of the run may have met them."""
        folder = self.folder / "findings"
        with storing(folder):
            for path in folder.glob("*/"):
                if path.name not in names:
                    shutil.rmtree(path)

    def _replace(self, path: Path, content: bytes) -> None:
        """Write a file under another name, then rename it."""
        part = path.with_name(path.name + ".part")
        with storing(path), part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with storing(path):
            part.replace(path)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Say what could not be written, and why: a full disk, a folder that is read-only."""
    try:
        yield
    except OSError as error:
        raise SuiteError(f"{path}: cannot be written: {error.strerror or error}") from error
