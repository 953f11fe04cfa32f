"""A run's folder under attack: full disk, broken files, two writers. What was written is not lost."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from conformance.commands.cli import run_command
from conformance.errors import SuiteError, UsageError
from conformance.model import Json
from conformance.run.header import header
from conformance.run.plan import Plan
from conformance.run.rows import COLUMNS, Row
from conformance.run.store import Store
from conformance.triage import campaign

HEADER: dict[str, Json] = {"started": "2026-01-01T00:00:00+00:00", "options": {}}
RUN = ["run", "--target", "reference", "--op", "dropout_grad", "--cases", "96", "--jobs", "1", "--no-known"]

PLAN = Plan(ops=("dropout_grad",), targets=("reference",), cases=96, seed=0, jobs=1)


def rows(count: int, first: int = 0) -> list[Row]:
    """Return observations whose case tells their place."""
    numbers = range(first, first + count)
    return [Row(case=f"max_pool-{n}", op="max_pool", target="t", bound_used=0.0, ulps=0.0) for n in numbers]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty run."""
    return Store.create(tmp_path / "run", HEADER)


def test_observations_come_back_as_they_were_written(store: Store) -> None:
    """Two shards are read as one frame of all columns, in the order of their names."""
    store.write_shard("max_pool-00001", rows(2, 2))
    store.write_shard("max_pool-00000", rows(2))

    frame = store.collect(store.observations())

    assert frame["case"].to_list() == [f"max_pool-{number}" for number in range(4)]
    assert frame.columns == list(COLUMNS)
    assert store.rows(pl.col("op") == "max_pool") == rows(4)
    assert store.done() == {"max_pool-00000", "max_pool-00001"}


def test_a_run_without_observations_is_an_empty_frame(store: Store) -> None:
    """Columns and no rows: a run whose first shard has not ended can be read."""
    assert store.collect(store.observations()).shape == (0, len(COLUMNS))


def test_the_footer_is_null_until_the_run_is_closed(store: Store) -> None:
    """It is written beside the header, which stays."""
    assert store.footer() is None

    store.close({"complete": True})

    assert store.footer() == {"complete": True}
    assert store.header() == HEADER


def test_a_folder_that_holds_a_run_is_not_overwritten(store: Store) -> None:
    """The way on is named."""
    with pytest.raises(UsageError, match=r"already holds a run.*--resume"):
        Store.create(store.folder, HEADER)


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    """It is the user who named the wrong folder."""
    with pytest.raises(UsageError, match="holds no run"):
        Store.resume(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 3}', '{"schema": 2, "header": null}', "\udcff"])
def test_a_broken_run_file_is_named(store: Store, text: str) -> None:
    """Whatever is wrong with run.json, its path and the fault are told in one line."""
    path = store.folder / "run.json"
    path.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(SuiteError) as raised:
        Store.resume(store.folder)

    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def truncate(path: Path) -> None:
    """Cut the file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change every byte of the file's end, where Parquet keeps its directory."""
    content = path.read_bytes()
    path.write_bytes(content[:-100] + bytes(byte ^ 0xFF for byte in content[-100:]))


def empty(path: Path) -> None:
    """Leave nothing of the file."""
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    """Put another table in its place."""
    pl.DataFrame({"other": [1]}).write_parquet(path)


@pytest.mark.parametrize("damage", [truncate, flip, empty, foreign])
def test_a_broken_shard_is_named_with_the_way_on(store: Store, damage: Callable[[Path], None]) -> None:
    """One line says which file cannot be read, and what to do."""
    for number in range(3):
        store.write_shard(f"max_pool-0000{number}", rows(40, 40 * number))
    damage(store.shards.folder / "max_pool-00001.parquet")

    with pytest.raises(SuiteError) as raised:
        store.collect(store.observations())

    assert "max_pool-00001.parquet cannot be read" in str(raised.value)
    assert f"remove it and go on with --resume {store.folder}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_the_broken_shard_the_run_goes_on_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As long as it is there, --resume ends with one line and 3; once it is removed, the shard is done again."""
    store = Store.create(tmp_path / "run", header(PLAN))
    campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None)
    names = store.collect(store.observations())["case"].to_list()
    broken = store.shards.folder / "dropout_grad-00001.parquet"
    truncate(broken)

    code = run_command(["run", "--resume", str(store.folder)])

    assert code == 3
    assert f"{broken.name} cannot be read" in capsys.readouterr().err.strip().splitlines()[-1]
    broken.unlink()
    campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None)
    assert store.collect(store.observations())["case"].to_list() == names


@pytest.mark.parametrize("option", ["--resume", "--out"])
def test_two_runs_cannot_write_in_one_folder(tmp_path: Path, option: str) -> None:
    """The second ends with a line and exit code 3, and leaves what the first is just writing alone."""
    store = Store.create(tmp_path / "run", header(PLAN))
    half = store.folder / "max_pool-00000.part"
    words = ["--target", "reference", "--no-known"] if option == "--out" else []
    with store.locked():
        half.write_bytes(b"half")

        other = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "conformance", "run", option, str(store.folder), *words],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (other.returncode, other.stdout) == (3, "")
        assert other.stderr.strip() == f"conformance: {store.folder}: another run is writing here"
        assert half.exists()


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A second run of the same second, by the clock, is refused its folder; a resumed one ends in the same observations.

    All that is waited for is counted by a clock that nobody sets.
    """
    monkeypatch.chdir(tmp_path)
    store = Store.create(tmp_path / "run", header(PLAN))
    campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None)
    seen = store.collect(store.observations())["case"].to_list()
    (store.shards.folder / "dropout_grad-00001.parquet").unlink()
    monkeypatch.setattr("conformance.run.header.now", lambda: "1970-01-01T00:00:00+00:00")
    campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None)

    assert store.collect(store.observations())["case"].to_list() == seen
    assert (store.footer() or {})["seconds"] > 0
    monkeypatch.setattr("conformance.commands.cli._folder", lambda: store.folder)
    assert run_command(["run", "--no-known", "--target", "reference"]) == 2
    assert store.collect(store.observations())["case"].to_list() == seen


def test_what_a_killed_run_left_half_written_is_cleared_away(store: Store) -> None:
    """Not by looking at the run, only by the one that goes on with it."""
    rest = [
        store.shards.folder / "a.part",
        store.folder / "run.json.part",
        store.folder / "findings" / "x" / "case.json.part",
    ]
    for path in rest:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    with Store.resume(store.folder).locked():
        pass

    assert not any(path.exists() for path in rest)
    assert (store.folder / "run.json").exists()


def test_a_full_disk_costs_the_shard_in_flight_alone(tmp_path: Path) -> None:
    """
    Where a file can hold no more, one line says which, exit code 3; with room again the run goes on to its end.

    The disk is full in the way of RLIMIT_FSIZE: writing past 8000 bytes fails, as on a full disk.
    """
    folder = tmp_path / "run"
    full = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "conformance", *RUN, "--out", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000)),
    )

    assert full.returncode == 3, full.stderr
    assert "00000.parquet: cannot be written: File too large" in full.stderr.strip().splitlines()[-1]
    assert "Traceback" not in full.stderr
    store = Store.resume(folder)
    with store.locked():
        campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None)
    assert len(store.collect(store.observations())) == 96


def test_nowhere_to_write_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder inside a file cannot be made."""
    (tmp_path / "file").write_text("")

    code = run_command([*RUN, "--out", str(tmp_path / "file" / "run")])

    errors = capsys.readouterr().err.strip().splitlines()
    assert code == 3
    assert len(errors) == 1
    assert "cannot be written" in errors[0]


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder that even root cannot write in")
def test_a_read_only_folder_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """/proc takes no folder of ours."""
    assert run_command([*RUN, "--out", "/proc/run"]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_folders_of_findings_that_are_no_more_are_removed(store: Store) -> None:
    """An earlier session may have known fewer cases, and so other findings."""
    for name in ("old", "kept"):
        store.write_finding(name, {"case.json": b"{}"})

    store.keep_findings({"kept"})

    assert [path.name for path in (store.folder / "findings").iterdir()] == ["kept"]


def test_json_that_cannot_be_json_is_not_written(store: Store) -> None:
    """NaN is not JSON: what stands in the file stays."""
    before = json.loads((store.folder / "run.json").read_text())

    with pytest.raises(ValueError, match="JSON"):
        store.write_json("run.json", {"x": float("nan")})

    assert json.loads((store.folder / "run.json").read_text()) == before
