"""
Shards on disk: a Parquet file each, until many are small, which are then put together in one.

A file is written whole under another name and then renamed, so that what stands under its name is complete. Shards put
together have the column `shard`, and their names stand in the file's metadata. The files that they come from are
removed after that: whoever is killed meanwhile leaves shards in two files, of which the larger counts.
"""

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl

from conformance.errors import SuiteError

__all__ = ["Shards", "replaced", "storing"]

TOGETHER = 64  # small files are put together where there are so many
SMALL = 1 << 20  # bytes, from which a file is not small
PACKED = "packed-"  # begins the name of a file of several shards
NAMES = "shards"  # the key of their names in its metadata


class Shards:
    """The shards of a run of one kind: the files of a folder."""

    def __init__(self, folder: Path, columns: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self._columns = columns  # of a row, with their types
        self._known = {**columns, **(old or {}), "shard": pl.String}  # old: columns that are no more

    def names(self) -> set[str]:
        """Return the names of the shards that are complete."""
        return set().union(*self._held().values())

    def write(self, name: str, rows: Iterable[object]) -> None:
        """Write the rows of a shard, records with a field for each column."""
        data = list(map(attrgetter(*self._columns), rows))
        self._write(name, pl.DataFrame(data, schema=dict(self._columns), orient="row"))

    def files(self) -> list[Path]:
        """Return the files that count."""
        return list(self._held())

    def scan(self) -> pl.LazyFrame:
        """Return all rows, lazily, with the name of their `shard`, in the order of these names."""
        return self._scanned(self._held())

    def pack(self) -> None:
        """Put small files together where they are many."""
        small = [path for path in sorted(self.folder.glob("*.parquet")) if path.stat().st_size < SMALL]
        if len(small) < TOGETHER:
            return
        held = self._held()
        chosen = [path for path in small if path in held][:TOGETHER]
        if len(chosen) > 1:
            names = sorted(name for path in chosen for name in held[path])
            rows = pl.concat(map(self._read, chosen)).sort("shard", maintain_order=True)
            self._write(f"{PACKED}{names[0]}-{len(names)}", rows, {NAMES: json.dumps(names)})
            held = self._held()
        for path in small:
            if path not in held:
                path.unlink()

    def check(self) -> None:
        """Read every file; raises SuiteError, naming the first that cannot be read."""
        for path in sorted(self.folder.glob("*.parquet")):
            self._read(path)

    def _held(self) -> dict[Path, frozenset[str]]:
        """Return the files, each with the names of its shards, but for those whose shards all stand in a larger one."""
        held: dict[Path, frozenset[str]] = {}
        found = {path: _names(path) for path in sorted(self.folder.glob("*.parquet"))}
        known: set[str] = set()
        for path in sorted(found, key=lambda path: -len(found[path])):
            if not found[path] <= known:
                held[path] = found[path]
                known |= found[path]
        return held

    def _read(self, path: Path) -> pl.DataFrame:
        """Return the rows of a file."""
        _names(path)
        with reading(path):
            return self._scanned([path]).collect()

    def _scanned(self, paths: Iterable[Path]) -> pl.LazyFrame:
        """Return the rows of files, lazily, ordered by `shard`: of older ones with nulls for columns that they lack."""
        if not (several := list(paths)):
            return pl.LazyFrame(schema={**self._columns, "shard": pl.String})
        rows = pl.scan_parquet(several, schema=self._known, missing_columns="insert", include_file_paths="path")
        shard = pl.coalesce("shard", pl.col("path").str.extract(r"([^/\\]+)\.parquet$"))
        return rows.select(*self._columns, shard).sort("shard", maintain_order=True)

    def _write(self, name: str, rows: pl.DataFrame, metadata: dict[str, str] | None = None) -> None:
        """Write a file."""
        content = io.BytesIO()
        rows.write_parquet(content, metadata=metadata)
        with storing(self.folder):
            self.folder.mkdir(exist_ok=True)
        replaced(self.folder / f"{name}.parquet", content.getvalue())


def _names(path: Path) -> frozenset[str]:
    """Return the names of the shards of a file."""
    if not path.name.startswith(PACKED):
        return frozenset([path.stem])
    with reading(path):
        return frozenset(json.loads(pl.read_parquet_metadata(path)[NAMES]))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say which file cannot be read, why, and what to do."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, ValueError, KeyError) as error:
        why, run = " ".join(str(error).split()), path.parent.parent
        raise SuiteError(f"{path.name} cannot be read ({why}): remove it and go on with --resume {run}") from error


def replaced(path: Path, content: bytes) -> None:
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
