"""What the terminal shows while calls are timed: a bar; where it is none, a line now and then. On standard error."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.bench.subjects import Subject

__all__ = ["Live"]

EVERY = 10.0  # seconds between two lines


class Live:
    """Progress through so many calls; a context manager."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.calls = 0
        self.console = Console(stderr=True, highlight=False, emoji=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=self.console, transient=True)
        self.task = self.bar.add_task("starting", total=total)
        self._began = time.monotonic()
        self._printed = self._began - EVERY  # the first line comes at once

    def __enter__(self) -> Self:
        """Show the bar."""
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self.console.is_terminal:
            self.bar.stop()

    def began(self, subject: Subject, threads: int) -> None:
        """Say what is being timed."""
        self.calls += 1
        what = f"{subject.name}, {threads} threads"
        if self.console.is_terminal:
            self.bar.update(self.task, advance=1, description=what)
            return
        now = time.monotonic()
        if now - self._printed >= EVERY:
            self._printed = now
            line = f"{self.calls} of {self.total}, {now - self._began:.0f} s: {what}"
            self.console.print(line, markup=False, soft_wrap=True)
