"""`conformance report` and `conformance rules`."""

from pathlib import Path
from typing import Annotated

import typer

from conformance.errors import SuiteError, UsageError
from conformance.report import machine, specification, verdict
from conformance.report.data import gather
from conformance.report.wording import count

__all__ = ["page", "report", "rules", "write"]


def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of runs, of any versions and machines.", metavar="DIR...")
    ],
    html: Annotated[Path | None, typer.Option(help="The page; report.html in the last DIR unless given.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Also as JUnit XML.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also as JSON: docs/report.md.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also a summary in Markdown.")] = None,
    implementations: Annotated[
        Path | None, typer.Option(help="Also the scoreboard of implementations: FILE.md and FILE.html.", metavar="FILE")
    ] = None,
) -> int:
    """Make one report of any number of runs. The exit code is that of a run: 1 for what is new, or no longer there."""
    from conformance.report import pages  # noqa: PLC0415 -- Altair takes a second to import

    runs = [run for run in runs if not run.is_file()]  # reports/* names files, too
    if not runs:
        raise UsageError("these are files: name folders of runs")
    gathered = gather(runs)
    outputs = (
        (html or runs[-1] / "report.html", pages.page),
        (junit, machine.as_junit),
        (json, machine.as_json),
        (markdown, pages.markdown),
    )
    written = [write(path, text(gathered)) for path, text in outputs if path]
    if implementations:
        ends = ((implementations.with_name(f"{implementations.name}.{end}"), end) for end in ("md", "html"))
        written += [write(path, pages.implementations(gathered, end)) for path, end in ends]
    said = verdict.verdict(gathered)
    typer.echo("\n".join([said.sentence, *said.remarks, *(f"written: {path}" for path in written)]))
    return verdict.exit_code(gathered)


def rules(
    op: Annotated[str | None, typer.Argument(help="An op; all of them unless given.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the specification as a page instead.")] = None,
) -> None:
    """Print the specification's rules."""
    from conformance.report import pages  # noqa: PLC0415 -- Altair takes a second to import

    chosen = specification.find(op)
    if html:
        write(html, pages.specification(chosen))
        typer.echo(f"written: {html}, {count(sum(len(each.rules) for each in chosen), 'rule')}")
        return
    typer.echo("\n\n".join(specification.text(each) for each in chosen))
    if op is None:
        lines = (line for rule in specification.common_rules() for line in specification.stated(rule, 12))
        typer.echo("\n".join(["", "Of every op:", *lines]))


def page(runs: list[Path]) -> str:
    """Return the page of one report over these runs."""
    from conformance.report import pages  # noqa: PLC0415 -- Altair takes a second to import

    return pages.page(gather(runs))


def write(path: Path, text: str) -> Path:
    """
    Write a file whole, then give it its name.

    Raises:
        SuiteError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        raise SuiteError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
