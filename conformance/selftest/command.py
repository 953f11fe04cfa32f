"""The commands: a minute's sample for users, and all of it for `tox -e mutants`."""

import datetime as dt
import multiprocessing
import os
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from conformance.errors import UsageError
from conformance.model import OPS, Json
from conformance.run.jobs import CASES
from conformance.run.store import SCHEMA, Store
from conformance.selftest.emulations import emulations
from conformance.selftest.false_positives import Quiet, blocks, listen, together
from conformance.selftest.mutants import acceptances, mutants
from conformance.selftest.scoreboard import page, score
from conformance.selftest.scores import Caught, hunt
from conformance.selftest.subjects import Subject
from conformance.selftest.survival import Survived, survive

__all__ = ["main", "measure", "selftest"]

SAMPLE = 12  # one in so many faulty implementations is in the sample
SAMPLE_CASES = 24  # for each op of a correct implementation in the sample
QUIET_CASES = 9 * CASES  # of each correct arithmetic: of a run's length for each op of those that most ops can have
TELL_EVERY = 10.0  # seconds


def selftest(
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Which implementations, and which cases.")] = 0,
    seconds: Annotated[float, typer.Option(min=1, help="No further implementations after so many.")] = 60.0,
    into: Annotated[Path | None, typer.Option(help="A run to keep the scores with, for its report.")] = None,
) -> int:
    """Try the suite itself, for about a minute: what it catches, what it leaves alone, what it survives."""
    store = Store.resume(into) if into else None
    until = time.monotonic() + seconds
    survived = survive(seed)
    caught: list[Caught] = []
    faulty = sample(mutants(), seed) + sample(acceptances(), seed)
    for start in range(0, len(faulty), SAMPLE):
        if time.monotonic() < until - seconds / 3:
            caught += hunt(faulty[start : start + SAMPLE], seed, CASES, silent)
    quiet: list[Quiet] = []
    for correct in emulations()[seed % 3 :: 3]:
        if time.monotonic() < until:
            quiet += listen([correct], seed, 0, SAMPLE_CASES)
    report(caught, quiet)
    typer.echo(f"faults of targets survived: {survived.deeds - len(survived.wrong)} of {survived.deeds}")
    for wrong in survived.wrong:
        typer.echo(f"  {wrong}")
    if store:
        store.write_json("selftest.json", kept(caught, quiet, survived, seed))
    return int(failed(caught, quiet) or bool(survived.wrong))


def kept(caught: Sequence[Caught], quiet: Sequence[Quiet], survived: Survived, seed: int) -> dict[str, Json]:
    """Return the scores as a run keeps them."""
    return {
        "schema": SCHEMA,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "seed": seed,
        "faulty": len(caught),
        "caught": sum(entry.cases > 0 for entry in caught),
        "quiet_cases": sum(entry.cases for entry in quiet),
        "false_alarms": sum(len(entry.found) for entry in quiet),
        "deeds": survived.deeds,
        "survived": survived.deeds - len(survived.wrong),
    }


def sample(subjects: Sequence[Subject], seed: int) -> list[Subject]:
    """Return one implementation in `SAMPLE`, others for another seed."""
    return list(subjects[seed % SAMPLE :: SAMPLE])


def report(caught: Sequence[Caught], quiet: Sequence[Quiet]) -> None:
    """Print the scores, and what went wrong."""
    typer.echo(f"faulty implementations caught: {score(caught)}")
    for entry in caught:
        if not entry.cases:
            typer.echo(f"  survives: {entry.subject.name} ({entry.subject.about})")
    alarms = [(entry.name, alarm) for entry in quiet for alarm in entry.found]
    typer.echo(f"false alarms: {len(alarms)} in {sum(entry.cases for entry in quiet)} cases of correct ones")
    for name, alarm in alarms:
        typer.echo(f"  {name}: {alarm}")


def failed(caught: Sequence[Caught], quiet: Sequence[Quiet]) -> bool:
    """Return whether one survives, or a correct one is found fault with."""
    return any(not entry.cases for entry in caught) or any(entry.found for entry in quiet)


def silent(_text: str) -> None:
    """Say nothing."""


def measure(
    cases: Annotated[int, typer.Option(min=1, help="Of each op, for a faulty implementation.")] = CASES,
    quiet_cases: Annotated[
        int, typer.Option(min=0, help="Of each correct arithmetic, shared by the ops that it is tried on.")
    ] = QUIET_CASES,
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="The same seed gives the same cases.")] = 0,
    op: Annotated[list[str] | None, typer.Option(help="An op. Repeats; all by default.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; all cores by default.")] = os.cpu_count() or 1,
    keep: Annotated[
        Path | None, typer.Option(help="A folder to keep what is known of correct ones in, and to go on from.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Where to write the scoreboard.")] = None,
) -> int:
    """Try every faulty and every correct implementation."""
    if unknown := set(op or ()) - set(OPS):
        raise UsageError(f"no op {', '.join(sorted(unknown))}: there are {', '.join(OPS)}")
    chosen = [name for name in OPS if not op or name in op]
    listened = list(blocks(quiet_cases, chosen))
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        hunts = [pool.submit(hunted, name, cases=cases, seed=seed) for name in chosen]
        parts = [pool.submit(block.kept, seed + 1, keep) for block in listened]
        follow(parts)
        caught, accepted = ([entry for part in hunts for entry in part.result()[which]] for which in (0, 1))
        quiet = together(entry for part in parts for entry in part.result())
    report([*caught, *accepted], quiet)
    if write:
        command = shlex.join(["python", "-m", "conformance.selftest", *sys.argv[1:]])
        write.write_text(page(caught, accepted, quiet, command, dt.datetime.now(dt.UTC).date().isoformat()))
    return int(failed([*caught, *accepted], quiet))


def hunted(op: str, *, cases: int, seed: int) -> tuple[list[Caught], list[Caught]]:
    """Return what became of the faulty implementations of an op, and of those that accept what a rule refuses."""
    groups = [[subject for subject in subjects if subject.op == op] for subjects in (mutants(), acceptances())]
    caught, accepted = (plain(hunt(group, seed, cases, typer.echo)) for group in groups)
    return caught, accepted


def plain(entries: Sequence[Caught]) -> list[Caught]:
    """Return results without the functions that they are of, which cannot be sent to another process."""
    return [replace(entry, subject=replace(entry.subject, functions=None)) for entry in entries]


def follow(parts: Sequence[Future[list[Quiet]]]) -> None:
    """Say now and then how far the correct implementations are."""
    started = told = time.monotonic()
    cases = alarms = 0
    for number, part in enumerate(as_completed(parts), 1):
        cases += sum(entry.cases for entry in part.result())
        alarms += sum(len(entry.found) for entry in part.result())
        now = time.monotonic()
        if now - told > TELL_EVERY or number == len(parts):
            told, left = now, (now - started) / number * (len(parts) - number) / 60
            typer.echo(
                f"{number} of {len(parts)} blocks: {alarms} false alarms in {cases:,} cases, "
                f"about {left:.0f} minutes left",
                err=True,
            )


def main() -> int:
    """Run `measure` with the arguments of the process."""
    app = typer.Typer(add_completion=False)
    app.command()(measure)
    try:
        return int(app(standalone_mode=False) or 0)
    except UsageError as error:
        said = str(error)
    except typer.TyperException as error:
        said = error.format_message()
    typer.echo(f"conformance.selftest: {said}", err=True)
    return 2
