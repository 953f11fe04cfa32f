"""The files of a run's shards: few however many shards there are, and of a writer that is killed nothing is lost."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from conformance.errors import SuiteError
from conformance.run import shards
from conformance.run.shards import Shards
from conformance.run.store import Store


@dataclass(frozen=True, slots=True)
class Number:
    """A row."""

    value: int
    op: str = ""


def number(name: str) -> int:
    """Return what a shard's first row holds."""
    return int(name.rpartition("-")[2]) * 10


def wrote(files: Shards, *names: str) -> None:
    """Write shards of two rows."""
    for name in names:
        files.write(name, [Number(number(name)), Number(number(name) + 1)])


def values(files: Shards) -> list[int]:
    """Return what all rows hold, in order."""
    return files.scan().collect()["value"].to_list()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shards:
    """Give a folder whose files are put together where there are four."""
    monkeypatch.setattr(shards, "TOGETHER", 4)
    return Shards(tmp_path / "observations", {"value": pl.Int64, "op": pl.String})


def test_many_shards_are_few_files(files: Shards) -> None:
    """Of forty, packed as they come, at most three files are left, and no row is missing or out of its place."""
    names = [f"a-{place:05d}" for place in range(40)]
    for name in reversed(names):
        wrote(files, name)
        files.pack()
        assert len(files.files()) < 4

    assert files.names() == set(names)
    assert values(files) == [number(name) + more for name in names for more in (0, 1)]


def test_a_file_that_is_not_small_is_left_alone(files: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one byte is no longer small, nothing is put together: what was written is not written again for ever."""
    monkeypatch.setattr(shards, "SMALL", 1)
    wrote(files, *(f"a-{place}" for place in range(8)))

    files.pack()

    assert len(files.files()) == 8


def test_a_shard_without_rows_stays_done(files: Shards) -> None:
    """Its name stands beside the rows of the others."""
    wrote(files, "a-1", "a-2", "a-3")
    files.write("a-4", [])

    files.pack()

    assert len(files.files()) == 1
    assert files.names() == {"a-1", "a-2", "a-3", "a-4"}


@pytest.mark.parametrize("removed", range(5))
def test_who_is_killed_while_files_are_put_together_loses_and_doubles_nothing(
    files: Shards, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """Killed after so many of four files were removed: the rows are there once, and the rest goes next time."""
    names = ["a-1", "a-2", "a-3", "a-4"]
    wrote(files, *names)
    left = iter([None] * removed)
    unlink = Path.unlink

    def killed(path: Path) -> None:
        if next(left, "none") == "none":
            raise KeyboardInterrupt
        unlink(path)

    monkeypatch.setattr(Path, "unlink", killed)
    try:
        files.pack()
    except KeyboardInterrupt:
        assert removed < 4
    monkeypatch.setattr(Path, "unlink", unlink)

    assert values(files) == [10, 11, 20, 21, 30, 31, 40, 41]
    wrote(files, "a-5", "a-6", "a-7")
    files.pack()
    assert len([*files.folder.iterdir()]) < 4
    assert values(files)[-2:] == [70, 71]


def test_a_shard_that_is_written_again_counts_once(files: Shards) -> None:
    """The observations of a block, killed before what came of it was written, are in a pack and written again."""
    wrote(files, "a-1", "a-2", "a-3", "a-4")
    files.pack()
    wrote(files, "a-2")

    assert values(files) == [10, 11, 20, 21, 30, 31, 40, 41]


def test_a_broken_pack_is_named_and_its_shards_are_done_again_without_it(files: Shards) -> None:
    """Its names cannot be read either: one line says what to do, after which they are not done."""
    wrote(files, "a-1", "a-2", "a-3", "a-4")
    files.pack()
    (pack,) = files.files()
    pack.write_bytes(pack.read_bytes()[:-20])

    with pytest.raises(SuiteError, match=rf"{pack.name} cannot be read .* remove it and go on with --resume"):
        files.names()

    pack.unlink()
    assert files.names() == set()


def test_a_broken_file_is_not_put_together(files: Shards) -> None:
    """It is named, and all others are still there."""
    wrote(files, "a-1", "a-2", "a-3", "a-4")
    (files.folder / "a-2.parquet").write_bytes(b"")

    with pytest.raises(SuiteError, match=r"a-2\.parquet cannot be read"):
        files.pack()

    assert len(files.files()) == 4


@pytest.mark.parametrize("name", ["conv2d-float32-SAME-NHWC-side-3-000001", "conv2d-corpus-0-00001"])
def test_a_block_is_done_once_what_came_of_it_is_written(tmp_path: Path, name: str) -> None:
    """Its observations are written first: killed between, the block is made again."""
    store = Store.create(tmp_path / "run", {})
    store.write_shard(name, [])
    assert store.done() == set()

    store.write_swept(name, [])
    assert store.done() == {name}
