"""What is known: `accept` makes what a run found known, `causes` lists it."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from conformance.commands import screen
from conformance.commands.report import write
from conformance.run.store import Store
from conformance.triage import accepting
from conformance.triage.known.cause import Cause
from conformance.triage.known.page import page
from conformance.triage.known.reading import load, shipped

__all__ = ["accept", "causes", "of_run"]


def of_run(files: Iterable[str], *, without_shipped: bool) -> list[Cause]:
    """
    Return what a run knows: the causes of the user's files, then those that come with the suite.

    Raises:
        UsageError: a file is no file of causes.
    """
    own = [replace(cause, own=True) for path in dict.fromkeys(files) for cause in load(Path(path))]
    return accepting.numbered([*own, *([] if without_shipped else shipped())])


def accept(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    into: Annotated[Path, typer.Option(help="The file that it is added to; a new one, or one of earlier.")],
    reason: Annotated[str, typer.Option(help="Why it is accepted.")],
    review: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="When to look again: 2027-05-01.")],
    finding: Annotated[list[str] | None, typer.Option(help="The id of a new finding. Repeats; all by default.")] = None,
    name: Annotated[str, typer.Option("--as", help="Make them one cause of this id; the reason is its title.")] = "",
) -> None:
    """Make what a run found known, in a file of your own: `run --known FILE` then calls it new no more."""
    number = accepting.accept(Store.resume(run), into, reason, review.date(), finding or (), name)
    typer.echo(f"{number} findings of {run} are known in {into}")


def causes(
    known: Annotated[list[Path] | None, typer.Option(help="A file of causes of your own. Repeats.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write them as a page, docs/known-divergences.md.")] = None,
) -> None:
    """List the known causes of divergence: those of your files, or those that come with the suite."""
    found = [cause for path in known for cause in load(path)] if known else shipped()
    if markdown:
        write(markdown, page(found))
    else:
        screen.causes(found)
