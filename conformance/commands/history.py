"""`conformance history`: known causes by target and release, and by bisection the first release that differs."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.commands import bits, releases
from conformance.commands.report import write
from conformance.errors import SuiteError, UsageError
from conformance.order.bits import Kept
from conformance.report import history as rows
from conformance.run.trials import Panel
from conformance.targets import registry
from conformance.targets.tensorflow.releases import STABLE, parsed, without_release
from conformance.targets.transport.session import StartError
from conformance.triage.known import history as known
from conformance.triage.known.cause import Cause
from conformance.triage.known.history import Column, History, State
from conformance.triage.known.installation import Installation, installation_of
from conformance.triage.known.reading import SHIPPED, load, shipped
from conformance.triage.known.writing import write as write_causes

__all__ = ["history"]

FOLDER = Path("reports/history")
# What the causes speak of, and each release has.
TARGETS = ("tf-cpu-eager", "tf-cpu-graph", "tf-cpu-xla", "tf-cpu-eager-nodnn")


def history(
    cause: Annotated[list[str] | None, typer.Option(help="The id of a cause. Repeats; all by default.")] = None,
    target: Annotated[list[str] | None, typer.Option(help=f"A target. Repeats; {', '.join(TARGETS)}.")] = None,
    tensorflow: Annotated[
        list[str] | None, typer.Option(help="2.18.1, nightly, nightly:YYYYMMDD, an interpreter. Repeats.")
    ] = None,
    processor: Annotated[list[str] | None, typer.Option(help="x86_64, or aarch64, emulated. Repeats.")] = None,
    known_file: Annotated[
        list[Path] | None, typer.Option("--known", help="A file of causes instead of the suite's own. Repeats.")
    ] = None,
    bisect: Annotated[
        str | None, typer.Option(help="A..B, releases or nightlies: find the first that differs from A.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder that keeps what is measured, and the pages.")] = FOLDER,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what is kept.")] = False,
    same_bits: Annotated[
        bool,
        typer.Option("--bits", help="Compare bits, too: which kinds of calls keep them."),
    ] = False,
    record: Annotated[bool, typer.Option("--record", help="Write the releases into the causes' files.")] = False,
) -> int:
    """Show by target and release which known causes are seen; what was measured is kept, and not measured again."""
    paths = known_file or [SHIPPED]
    causes = chosen([each for path in paths for each in load(path)] if known_file else shipped(), cause or ())
    out.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(out, History(columns={}, found={}) if again else known.read(out), causes)
    if bisect is not None:
        return bisected(ledger, causes, target or (), bisect)
    names, missing = releases.crossed(target or TARGETS, tensorflow or (), processor or (), typer.echo)
    for name in names:
        ledger.fill(name)
    for name, why in missing.items():
        ledger.add(column(name, why=why), name)
    ledger.keep()
    if same_bits:
        bits.measured(sorted(names, key=lambda name: rows.order(ledger.history.columns[name])), out, typer.echo)
    show(rows.table(ledger.history, causes), bits.read(out), out)
    if record:
        recorded(paths, ledger.history)
    return 0


def chosen(causes: Sequence[Cause], ids: Sequence[str]) -> list[Cause]:
    """Return the causes asked for."""
    if unknown := sorted(set(ids) - {each.id for each in causes}):
        raise UsageError(f"no cause {', '.join(unknown)}: `conformance causes` lists them")
    return [each for each in causes if not ids or each.id in ids]


def column(name: str, installation: Installation | None = None, why: str = "") -> Column:
    """Return the column of a target."""
    release = name.partition("@")[2]
    found = installation or Installation()
    return Column(target=without_release(name), release=release, version=found.version, isa=found.isa, why=why)


class Ledger:
    """What is known, filled target by target and kept after each place: by emulation a target takes hours."""

    def __init__(self, folder: Path, history: History, causes: Sequence[Cause]) -> None:
        self.folder, self.history, self.causes = folder, history, causes

    def add(self, found: Column, name: str) -> None:
        """Take in a column."""
        self.history.columns[name] = found

    def keep(self) -> None:
        """Write what is known."""
        known.write(self.folder, self.history)

    def fill(self, name: str) -> None:
        """Measure on a target what is not known of it."""
        found = self.history.found.setdefault(name, {})
        every = [(each, place) for each in self.causes for place in each.where]
        left = {key: pair for pair in every if (key := known.key_of(*pair)) not in found}
        if not left and name in self.history.columns and not self.history.columns[name].why:
            return
        typer.echo(f"{name}: {len(left)} places of causes")
        try:
            with Panel({name: registry.find(name)}, confirm=False) as panel:
                about = panel.about()[name]
                installation = installation_of(name, about)
                self.add(column(name, installation), name)
                for key, (cause, place) in left.items():
                    found[key] = known.measured(cause, place, panel, name, installation)
                    self.keep()
        except StartError as error:
            self.add(column(name, why=" ".join(str(error).split())), name)
        self.keep()

    def state(self, name: str, cause: Cause) -> State | None:
        """
        Measure one cause on one target, if it is not known.

        Raises:
            SuiteError: the environment of its release cannot be made, or its worker does not start.
        """
        target, _, release = name.partition("@")
        releases.crossed([target], [release], (), typer.echo)
        self.fill(name)
        if why := self.history.columns[name].why:
            raise SuiteError(f"{name}: not run: {why}")
        found = self.history.state(name, cause)
        typer.echo(f"{name} ({self.history.columns[name].version}): {found or 'the cause does not speak of it'}")
        return found


def bisected(ledger: Ledger, causes: Sequence[Cause], targets: Sequence[str], ends: str) -> int:
    """Find the first release between two that differs from the first one in a cause."""
    if len(causes) != 1 or len(targets) != 1:
        raise UsageError("--bisect is of one --cause on one --target")
    (cause,), (target,) = causes, targets
    names = [f"{target}@{parsed(text).name}" for text in between(ends)]
    found = known.first_that_differs(names, lambda name: ledger.state(name, cause))
    if found is None:
        typer.echo(f"{cause.id} on {target}: the same at both ends of {ends}")
        return 1
    pair = (names[names.index(found) - 1], found)
    before, after = (f"{ledger.history.state(name, cause)} in {name.partition('@')[2]}" for name in pair)
    typer.echo(f"{cause.id} on {target}: {before}, {after}")
    return 0


def between(ends: str) -> list[str]:
    """Return the releases from one to another, or every day's nightly, both ends included."""
    first, _, last = ends.partition("..")
    if first in STABLE and last in STABLE[STABLE.index(first) + 1 :]:
        return list(STABLE[STABLE.index(first) : STABLE.index(last) + 1])
    begin, end = (parsed(text).until for text in (first, last))
    if begin and end and begin < end:
        return [f"nightly:{begin + dt.timedelta(day):%Y%m%d}" for day in range((end - begin).days + 1)]
    raise UsageError(f"--bisect {ends}: two of {', '.join(STABLE)}, or two nightlies, the older one first")


def show(table: rows.Table, kept: Sequence[Kept], folder: Path) -> None:
    """Print the table, and write it as pages."""
    drawn = Table("cause", "target", *table.releases, "change", box=box.SIMPLE_HEAD)
    for row in table.rows:
        cells = ("" if cell is None else "-" if cell == "not there" else cell for cell in row.cells)
        drawn.add_row(escape(row.cause.id), row.target, *cells, escape(row.change))
    console = Console(highlight=False)
    console.print(drawn)
    for name, why in table.not_run:
        console.print(f"not run: {name}: {why}", markup=False)
    from conformance.report import pages  # noqa: PLC0415 -- Altair takes a second to import

    written = [write(folder / f"history.{end}", pages.history(table, kept, end)) for end in ("html", "md")]
    console.print(f"written: {', '.join(map(str, written))}, {folder / known.FILE}", markup=False, soft_wrap=True)


def recorded(paths: Sequence[Path], found: History) -> None:
    """Write the releases in which causes were seen, and were not there, into their files."""
    files = [file for path in paths for file in (sorted(path.rglob("*.toml")) if path.is_dir() else [path])]
    for file in files:
        write_causes(file, [known.versions(found, each) for each in load(file)])
    typer.echo(f"written: the releases, into {len(files)} files of causes")
