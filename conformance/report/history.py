"""Causes by release, as rows that a terminal and a page show alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from conformance.judge.severity import gravity
from conformance.triage.known.cause import Cause
from conformance.triage.known.history import Column, History, State

__all__ = ["Row", "Table", "change", "order", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cause on one target."""

    cause: Cause
    target: str
    cells: tuple[State | None, ...]  # by release; None: the cause does not speak of it, or is not measured
    change: str  # when it began and ended, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows, the gravest causes first; the releases in order."""

    releases: tuple[str, ...]
    rows: tuple[Row, ...]
    not_run: tuple[tuple[str, str], ...]  # columns, each with the reason


def table(history: History, causes: Sequence[Cause]) -> Table:
    """Return what is known of causes."""
    columns = sorted(history.columns.items(), key=lambda entry: order(entry[1]))
    releases = tuple(dict.fromkeys(label(column) for _, column in columns))
    targets = tuple(dict.fromkeys(column.target for _, column in columns))
    ranked = sorted(causes, key=lambda cause: (gravity(cause.severity, ""), cause.id))
    rows = (row for cause in ranked for target in targets for row in _row(history, cause, target, releases))
    not_run = tuple((name, column.why) for name, column in columns if column.why)
    return Table(releases=releases, rows=tuple(rows), not_run=not_run)


def label(column: Column) -> str:
    """Return what heads a column: the release, and of a nightly the version that it turned out to be."""
    dated = column.version and not column.release.startswith(column.version)
    return f"{column.release} ({column.version})" if column.release and dated else column.release or column.version


def order(column: Column) -> tuple[bool, Version, str]:
    """Return what sorts columns: processors apart, releases by age."""
    try:
        version = Version(column.version or column.release.partition("-")[0])
    except InvalidVersion:
        version = Version("9999")  # a nightly that could not run, or another library's
    return "aarch64" in column.release, version, column.target


def _row(history: History, cause: Cause, target: str, releases: Sequence[str]) -> Iterator[Row]:
    """Yield the row of a cause on a target, if it speaks of it."""
    states = {
        label(column): history.state(name, cause) for name, column in history.columns.items() if column.target == target
    }
    cells = tuple(states.get(release) for release in releases)
    if set(cells) <= {None, "not run"}:
        return
    here = [(release, cell) for release, cell in zip(releases, cells, strict=True) if "aarch64" not in release]
    yield Row(cause=cause, target=target, cells=cells, change=change(here))


def change(cells: Sequence[tuple[str, State | None]]) -> str:
    """
    Say in which release a fault is new, and in which it is mended; cells: in the order of the releases.

    >>> change([("2.20", "not there"), ("2.21", "seen"), ("2.22", "not there")])
    'new in 2.21, mended in 2.22'
    """
    tried = [(release, cell) for release, cell in cells if cell in ("seen", "not there", "otherwise")]
    seen = [number for number, (_, cell) in enumerate(tried) if cell == "seen"]
    if not seen:
        return ""
    first, last = seen[0], seen[-1]
    words = [f"new in {tried[first][0]}"] if any(cell == "not there" for _, cell in tried[:first]) else []
    words += [f"mended in {tried[last + 1][0]}"] if any(cell == "not there" for _, cell in tried[last + 1 :]) else []
    return ", ".join(words)
