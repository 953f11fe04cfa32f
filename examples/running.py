"""How a script of this folder runs: its command line, its exit code, its progress, and the target that computes."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import track

from conformance.cases.network import Runner
from conformance.errors import SuiteError, UsageError
from conformance.networks.running import OnTarget
from conformance.targets import registry
from conformance.targets.target import Target
from conformance.targets.transport.pool import Limits, Worker

__all__ = ["run", "target", "watched", "writable"]

LIMITS = Limits(seconds=60.0)
Item = TypeVar("Item")


def run(story: Callable[..., int], arguments: list[str] | None = None) -> int:
    """
    Run a script's command line.

    Exit code 0: the story is told. 1: the target computed something that is not allowed. 2: the call was wrong. 3: the
    script could not finish; 130: it was interrupted. A mistake gets one line on stderr, and no traceback.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(story)
    try:
        return int(app(arguments, standalone_mode=False) or 0)
    except UsageError as error:
        return said(2, str(error))
    except typer.TyperException as error:
        return said(2, error.format_message())
    except (SuiteError, OSError) as error:
        return said(3, str(error))


def said(code: int, text: str) -> int:
    """Write an error on one line, and return its exit code."""
    print(" ".join(text.split()), file=sys.stderr)  # noqa: T201 -- the script's own words
    return code


@contextmanager
def target(name: str | None) -> Iterator[tuple[Target, Runner]]:
    """
    Start a target's worker process; by default the first TensorFlow that can run here, or else the reference.

    Raises:
        UsageError: no such target, or it cannot run here.
    """
    found = registry.find(name or next(iter(registry.default_targets()), "reference"))
    if reason := registry.available(found):
        raise UsageError(f"target {found.name} cannot run here: {reason}")
    with Worker(found.start(), LIMITS) as worker:
        worker.ready()
        yield found, OnTarget(worker, found)


def watched(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, with a bar on stderr that shows how many are done."""
    yield from track(items, what, total, console=Console(stderr=True))


def writable(out: Path) -> Path:
    """
    Return where the outcome goes, its folder made: before the work, not after it.

    Raises:
        UsageError: nothing can be written there.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("ab"):
            return out
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror or error}") from error
