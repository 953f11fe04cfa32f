"""
A run on disk: `run.json`, the observations of its shards, `findings.json`, and a folder a finding.

`run.json` is written first with a header, and closed with a footer when the run has ended. docs/files.md describes the
files.
"""

import fcntl
import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from conformance.errors import SuiteError, UsageError
from conformance.model import Json
from conformance.run.rows import COLUMNS, Row, columns
from conformance.run.shards import Shards, replaced, storing
from conformance.run.sweep import SweptRow

__all__ = ["SCHEMA", "Store"]

SCHEMA = 2  # of run.json and findings.json
READ = (1, 2)  # schemas that reports take
SWEPT = columns(SweptRow)
OLD: Mapping[str, Any] = {"reason": pl.String}  # columns of schema 1 that are no more
OF_BLOCKS = ("-side-", "-corpus-")  # in the names of blocks, which are complete with the row of what came of them


class Store:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards = Shards(folder / "observations", COLUMNS, OLD)
        self.blocks = Shards(folder / "swept", SWEPT)

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
            folder.mkdir(parents=True, exist_ok=True)
        store.write_json("run.json", {"schema": SCHEMA, "header": dict(header), "footer": None})
        return store

    @classmethod
    def resume(cls, folder: Path) -> "Store":
        """
        Open the folder of a run, to go on with it.

        Raises:
            UsageError: there is none, or it was begun with another schema.
        """
        store = cls(folder)
        store.header()
        schema = store.read_json("run.json")["schema"]
        if schema != SCHEMA:
            raise UsageError(f"{folder} is of schema {schema}: it can be reported, and not gone on with")
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
        if not isinstance(data, dict) or data.get("schema") not in READ:
            raise SuiteError(f"{path}: not of schema {' or '.join(map(str, READ))}")
        return data

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file whole."""
        replaced(self.folder / name, (json.dumps(data, indent=1, allow_nan=False) + "\n").encode())

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
        observed = {name for name in self.shards.names() if not any(mark in name for mark in OF_BLOCKS)}
        return observed | self.blocks.names()

    def write_swept(self, name: str, rows: Sequence[SweptRow]) -> None:
        """Write what came of one block of a small world, after the observations of it that are kept."""
        self.blocks.write(name, rows)

    def write_shard(self, name: str, rows: Iterable[Row]) -> None:
        """Write the observations of one shard."""
        self.shards.write(name, rows)

    def pack(self) -> None:
        """Put small files together, so that a run of any length has some hundred; for who holds the folder."""
        self.shards.pack()
        self.blocks.pack()

    def write_file(self, name: str, content: bytes) -> None:
        """Write a file of a shard that was done in another folder."""
        with storing(self.folder):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        replaced(self.folder / name, content)

    def observations(self) -> pl.LazyFrame:
        """Return every observation of the run, lazily, in the order of the shards' names."""
        return self.shards.scan().drop("shard")

    def swept(self) -> pl.LazyFrame:
        """Return what came of every block of the small worlds, lazily."""
        return self.blocks.scan().drop("shard")

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Run a query on what the run holds; a file that cannot be read is named."""
        try:
            return query.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            self.shards.check()
            self.blocks.check()
            raise SuiteError(f"{self.folder}: {' '.join(str(error).split())}") from error

    def rows(self, condition: pl.Expr) -> list[Row]:
        """Return the observations that meet a condition, in the order of the shards' names."""
        found = self.collect(self.observations().filter(condition))
        lists = [name for name, kind in COLUMNS.items() if isinstance(kind, pl.List)]
        return [Row(**row | {name: tuple(row[name] or ()) for name in lists}) for row in found.iter_rows(named=True)]

    def earlier(self, row: Row) -> list[str]:
        """Return the cases, as JSON, that came before one on its target in the same shard, the latest first."""
        calls = self.shards.scan().filter(pl.col("op") == row.op, pl.col("target") == row.target)
        shards = self.collect(calls.filter(pl.col("case") == row.case).select("shard"))["shard"].to_list()
        found = self.collect(calls.filter(pl.col("shard").is_in(shards[:1])).select("case", "content"))
        cases = found["case"].to_list()
        return list(reversed(found["content"].to_list()[: cases.index(row.case)])) if cases else []

    def write_finding(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write the files of one finding."""
        folder = self.folder / "findings" / name
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            replaced(folder / file, content)

    def keep_findings(self, names: Collection[str]) -> None:
        """Remove the folders of findings of other names: an earlier session of the run may have found them."""
        folder = self.folder / "findings"
        with storing(folder):
            for path in folder.glob("*/"):
                if path.name not in names:
                    shutil.rmtree(path)
