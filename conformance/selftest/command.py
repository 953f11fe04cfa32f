"""The commands: a minute's sample for users, and everything for `tox -e mutants`."""

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
from conformance.model import Json
from conformance.ops import OPS
from conformance.run.plan import CASES
from conformance.run.store import SCHEMA, Store
from conformance.selftest.correct import correct_implementations
from conformance.selftest.false_positives import FalsePositives, added_up, blocks, run_correct
from conformance.selftest.implementations import Implementation
from conformance.selftest.killing import MutantResult, run_mutants
from conformance.selftest.mutants import acceptances, mutants
from conformance.selftest.robustness import HazardResults, run_hazards
from conformance.selftest.scoreboard import page, score

__all__ = ["main", "measure", "selftest"]

SAMPLE = 12  # one mutant in so many is in the sample
SAMPLE_CASES = 24  # for each op of a correct implementation in the sample
CORRECT_CASES = 2_700  # of each correct arithmetic, shared by the ops that it is tried on
REPORT_EVERY = 10.0  # seconds


def selftest(
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Which implementations, and which cases.")] = 0,
    seconds: Annotated[float, typer.Option(min=1, help="No further implementations after so many.")] = 60.0,
    into: Annotated[Path | None, typer.Option(help="A run to keep the scores with, for its report.")] = None,
) -> int:
    """Try the suite itself, for about a minute: mutants killed, false positives, hazards survived."""
    store = Store.resume(into) if into else None
    until = time.monotonic() + seconds
    hazards = run_hazards(seed)
    killed: list[MutantResult] = []
    sampled = sample(mutants(), seed) + sample(acceptances(), seed)
    for start in range(0, len(sampled), SAMPLE):
        if time.monotonic() < until - seconds / 3:
            killed += run_mutants(sampled[start : start + SAMPLE], seed, CASES, silent, more=True)
    correct: list[FalsePositives] = []
    for implementation in correct_implementations()[seed % 3 :: 3]:
        if time.monotonic() < until:
            correct += run_correct([implementation], seed, 0, SAMPLE_CASES)
    report(killed, correct)
    typer.echo(f"hazards survived: {hazards.survived} of {hazards.hazards}")
    for line in hazards.misclassified:
        typer.echo(f"  {line}")
    if store:
        store.write_json("selftest.json", scores(killed, correct, hazards, seed))
    return int(failed(killed, correct) or bool(hazards.misclassified))


def scores(
    killed: Sequence[MutantResult], correct: Sequence[FalsePositives], hazards: HazardResults, seed: int
) -> dict[str, Json]:
    """Return the scores as a run keeps them."""
    return {
        "schema": SCHEMA,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "seed": seed,
        "mutants": len(killed),
        "killed": sum(result.killed for result in killed),
        "correct_cases": sum(result.cases for result in correct),
        "false_positives": sum(len(result.alarms) for result in correct),
        "hazards": hazards.hazards,
        "survived": hazards.survived,
    }


def sample(implementations: Sequence[Implementation], seed: int) -> list[Implementation]:
    """Return one implementation in `SAMPLE`, others for another seed."""
    return list(implementations[seed % SAMPLE :: SAMPLE])


def report(killed: Sequence[MutantResult], correct: Sequence[FalsePositives]) -> None:
    """Print the scores, and what went wrong."""
    typer.echo(f"mutants killed: {score(killed)}")
    for result in killed:
        if not result.killed:
            typer.echo(f"  survived: {result.mutant.name} ({result.mutant.about})")
    alarms = [(result.name, alarm) for result in correct for alarm in result.alarms]
    typer.echo(f"false positives: {len(alarms)} in {sum(result.cases for result in correct)} cases of correct ones")
    for name, alarm in alarms:
        typer.echo(f"  {name}: {alarm}")


def failed(killed: Sequence[MutantResult], correct: Sequence[FalsePositives]) -> bool:
    """Return whether a mutant survived, or there is a false positive."""
    return not all(result.killed for result in killed) or any(result.alarms for result in correct)


def silent(_text: str) -> None:
    """Print nothing."""


def measure(
    cases: Annotated[int, typer.Option(min=1, help="Of each op's stream, for a faulty implementation.")] = CASES,
    correct_cases: Annotated[
        int, typer.Option(min=0, help="Of each correct arithmetic, shared by the ops that it is tried on.")
    ] = CORRECT_CASES,
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
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        of_ops = [pool.submit(run_op, name, cases=cases, seed=seed) for name in chosen]
        parts = [pool.submit(block.run_once, seed + 1, keep) for block in blocks(correct_cases, chosen)]
        follow(parts)
        killed, accepting = ([result for part in of_ops for result in part.result()[which]] for which in (0, 1))
        correct = added_up(result for part in parts for result in part.result())
    report([*killed, *accepting], correct)
    if write:
        command = shlex.join(["python", "-m", "conformance.selftest", *sys.argv[1:]])
        write.write_text(page(killed, accepting, correct, command, dt.datetime.now(dt.UTC).date().isoformat()))
    return int(failed([*killed, *accepting], correct))


def run_op(op: str, *, cases: int, seed: int) -> tuple[list[MutantResult], list[MutantResult]]:
    """Return what became of the mutants of an op, and of those that accept what a rule refuses."""
    groups = [[each for each in found if each.op == op] for found in (mutants(), acceptances())]
    killed, accepting = (plain(run_mutants(group, seed, cases, typer.echo, more=True)) for group in groups)
    return killed, accepting


def plain(results: Sequence[MutantResult]) -> list[MutantResult]:
    """Return results without the functions of their mutants, which cannot be sent to another process."""
    return [replace(result, mutant=replace(result.mutant, functions=None)) for result in results]


def follow(parts: Sequence[Future[list[FalsePositives]]]) -> None:
    """Print now and then how far the correct implementations are."""
    started = reported = time.monotonic()
    cases = alarms = 0
    for number, part in enumerate(as_completed(parts), 1):
        cases += sum(result.cases for result in part.result())
        alarms += sum(len(result.alarms) for result in part.result())
        now = time.monotonic()
        if now - reported > REPORT_EVERY or number == len(parts):
            reported, left = now, (now - started) / number * (len(parts) - number) / 60
            typer.echo(
                f"{number} of {len(parts)} blocks: {alarms} false positives in {cases:,} cases, "
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
        message = str(error)
    except typer.TyperException as error:
        message = error.format_message()
    typer.echo(f"conformance.selftest: {message}", err=True)
    return 2
