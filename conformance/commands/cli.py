"""
The command line: each command parses, calls one function, prints; the exit code says what happened.

0: nothing new, and evidence for all that was claimed and asked for. 1: new findings, or accepted causes that no longer
hold. 2: the call was wrong. 3: the suite could not finish, or has no evidence for something.
"""

import datetime as dt
import difflib
import errno
import importlib.util
import json
import math
import re
import shutil
import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from conformance.cases.vocabulary import FEATURES
from conformance.commands import known as what_is_known
from conformance.commands import releases, screen
from conformance.commands import replay as replays
from conformance.commands import report as reports
from conformance.commands.bench import bench
from conformance.commands.explain import explain
from conformance.commands.history import history
from conformance.commands.networks import networks
from conformance.commands.order import order
from conformance.errors import SuiteError, UsageError
from conformance.ops import OPS
from conformance.ops.profile_reading import loaded
from conformance.run.header import header
from conformance.run.jobs import Dispatch, default_jobs
from conformance.run.joining import joined
from conformance.run.machines import condition
from conformance.run.plan import CASES, SECONDS, SIDE, Plan
from conformance.run.store import Store
from conformance.run.trials import Panel
from conformance.selftest.command import selftest
from conformance.targets import registry
from conformance.targets.target import constants, way_of, words
from conformance.targets.tensorflow.environments import prepare
from conformance.targets.tensorflow.releases import parsed
from conformance.targets.transport.session import StartError
from conformance.triage import campaign
from conformance.triage.known.cause import Cause
from conformance.vectors import bundle

__all__ = ["app", "run_command"]

REPORTS = Path("reports")

app = typer.Typer(
    help="Fuzz-compare implementations of TensorFlow's convolution, pooling, unpooling and dropout ops with the "
    "specification in `reference`.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Exit(IntEnum):
    """What an exit code means."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    UNFINISHED = 3


def run_command(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; one line, and no traceback, for whatever goes wrong."""
    try:
        return int(app(arguments, standalone_mode=False) or 0)
    except SystemExit:  # by which rich ends a program whose output is closed, as by `| head`
        return Exit.UNFINISHED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- no fault of the suite may look like a finding
        code, text = _ending(error)
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False).print(f"conformance: {text}")
        return code


def _ending(error: BaseException) -> tuple[Exit, str]:
    """Return the exit code that an error ends in, and what is said of it."""
    match error:
        case UsageError():
            return Exit.USAGE, str(error)
        case typer.TyperException():
            return Exit.USAGE, error.format_message()
        case SuiteError():
            return Exit.UNFINISHED, str(error)
        case typer.Abort() | KeyboardInterrupt():
            return Exit.UNFINISHED, "interrupted"
        case OSError():
            wrong = error.errno == errno.ENAMETOOLONG
            return Exit.USAGE if wrong else Exit.UNFINISHED, f"{error.filename or 'output'}: {error.strerror or error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    text = " ".join(str(error).split())
    return Exit.UNFINISHED, f"a fault of the suite itself ({place}): {type(error).__name__}: {text}"


@app.command()
def run(
    target: Annotated[
        list[str] | None, typer.Option(help="A target: its name, module:object or 'command:...'. Repeats.")
    ] = None,
    op: Annotated[list[str] | None, typer.Option(help="An op. Repeats; all by default.")] = None,
    dtype: Annotated[
        list[str] | None, typer.Option(help="A dtype of the first array. Repeats; all that a target claims by default.")
    ] = None,
    layout: Annotated[list[str] | None, typer.Option(help="NHWC or NCHW. Repeats; both by default.")] = None,
    valid_only: Annotated[bool, typer.Option("--valid-only", help="Make no calls that break a rule.")] = False,
    mathematics: Annotated[
        bool, typer.Option("--mathematics", help="Hold targets to the rules of mathematics alone, to no choice.")
    ] = False,
    cases: Annotated[
        int | None,
        typer.Option(min=1, max=2**32, help="Cases of the common stream for each op, and of no other source."),
    ] = None,
    world: Annotated[
        int | None,
        typer.Option(min=1, max=16, help="All calls whose images go up to this side, and no other cases."),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="At which layers of other projects' lists: small, as by default, or all.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which no further cases are begun; findings come after.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**64 - 1, help="The same seed gives the same cases; 0 by default.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that compare, each with its workers.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; reports/<time> by default.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    shard: Annotated[
        str | None, typer.Option(help="Do part I of N alone, as I/N; `join` makes one run of all N folders.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Dask's scheduler, tcp://HOST:8786, whose workers do the run; or local.")
    ] = None,
    on: Annotated[
        list[str] | None,
        typer.Option(help="Of a cluster, such machines only: isa=avx512_core, tensorflow=2.21.0. Repeats."),
    ] = None,
    known: Annotated[
        list[Path] | None, typer.Option(help="A file of what is known, beside the suite's own. Repeats.")
    ] = None,
    no_known: Annotated[bool, typer.Option("--no-known", help="Leave the suite's own list out.")] = False,
    python: Annotated[str | None, typer.Option(help="The interpreter of the workers: another TensorFlow.")] = None,
    tensorflow: Annotated[
        list[str] | None,
        typer.Option(
            help="Run TensorFlow's targets with this one: 2.18.1, nightly, nightly:YYYYMMDD, a path. Repeats."
        ),
    ] = None,
    processor: Annotated[
        list[str] | None,
        typer.Option(help="Run TensorFlow's targets on this one, x86_64 or aarch64, emulated if need be. Repeats."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds that one call may take; 10 by default.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="A TOML file that says what the target claims: docs/profiles.md.")
    ] = None,
) -> int:
    """Compare targets with the specification, write what was seen, and say what is new."""
    for name, seconds in (("timeout", timeout), ("budget", budget)):
        if not math.isfinite(seconds or 0):
            raise UsageError(f"--{name} {seconds}: not a finite number of seconds")
    dispatch = _dispatch(cluster, on or [])
    if resume:
        planned = {"target": target, "op": op, "cases": cases, "seed": seed, "timeout": timeout, "python": python}
        given: dict[str, object] = {"out": out, "profile": profile, "known": known, "world": world, **planned}
        given |= {"tensorflow": tensorflow, "dtype": dtype, "layout": layout, "valid-only": valid_only or None}
        given |= {
            "mathematics": mathematics or None,
            "corpus": corpus,
            "shard": shard,
            "processor": processor,
            "no-known": no_known or None,
        }
        if said := [f"--{name}" for name, value in given.items() if value is not None]:
            raise UsageError(f"--resume goes on with the run as it was planned: leave {', '.join(said)}")
        store = Store.resume(resume)
        plan = _planned(store.header().get("options", {}), budget, jobs)
        causes = what_is_known.of_run(plan.known, without_shipped=plan.no_known)
    else:
        if profile and len(target or ()) != 1:
            raise UsageError("--profile is of one target: name it with --target")
        if world and cases:
            raise UsageError("--world and --cases: a run of the small world has no other cases")
        ops = _ops(op)
        chosen, unavailable = _crossed(target, _interpreter(python), tensorflow, processor)
        if world and not target:
            chosen = tuple(name for name in chosen if not registry.find(name).traces)
        plan = Plan(
            ops=ops,
            targets=chosen,
            cases=0 if world else cases or (10**6 if budget else CASES),
            world=world or SIDE,
            more=not (world or cases),
            corpus=_corpus(corpus, alone=bool(world or cases)),
            seed=seed or 0,
            jobs=jobs or default_jobs(),
            budget=budget,
            seconds=timeout or SECONDS,
            python=python,
            profile=str(profile) if profile else None,
            dtypes=_words("dtype", dtype),
            layouts=_words("layout", layout),
            valid_only=valid_only or mathematics,
            mathematics=mathematics,
            part=_part(shard),
            known=tuple(map(str, known or ())),
            no_known=no_known,
        )
        causes = what_is_known.of_run(plan.known, without_shipped=plan.no_known)  # before a folder is made
        store = Store.create(out or _folder(), header(plan, unavailable))
    return _conduct(plan, store, causes, dispatch)


@app.command()
def join(
    parts: Annotated[list[Path], typer.Argument(help="The folders of all the parts.")],
    out: Annotated[Path | None, typer.Option(help="The run's folder; reports/<time> by default.")] = None,
) -> int:
    """Put the parts of a plan, run apart by --shard, together as one run, and look for findings in all of it."""
    store = joined(parts, out or _folder())
    plan = _planned(store.header()["options"], None, None)
    return _conduct(plan, store, what_is_known.of_run(plan.known, without_shipped=plan.no_known), None)


def _conduct(plan: Plan, store: Store, known: list[Cause], dispatch: Dispatch | None) -> int:
    """Run a plan with progress on the screen, then say what came of it and write the report."""
    with store.locked():
        try:
            with screen.Live(plan) as live:
                result = campaign.conduct(plan, store, known, live.progress, live.say, dispatch=dispatch)
        except KeyboardInterrupt:
            raise SuiteError(f"interrupted: what was written stays; go on with --resume {store.folder}") from None
        page = reports.write(store.folder / "report.html", reports.page([store.folder]))
        not_run: dict[str, list[str]] = {}
        for left_out in store.header().get("not_run", []):
            not_run.setdefault(left_out["reason"], []).append(left_out["name"])
        screen.summary(result, not_run, store.folder, page)
    if result.failed:
        return Exit.FINDINGS
    return Exit.UNFINISHED if result.missing or not result.judged else Exit.FINE


def _folder() -> Path:
    """Return the folder of a new run, named by the time."""
    return REPORTS / dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def _interpreter(python: str | None) -> str | None:
    """Return the program, or command, that the user names for the workers, if there is one of this name."""
    if python and not shutil.which(words(python)[0]):
        raise UsageError(f"--python {python}: no such program")
    return python


def _ops(names: list[str] | None) -> tuple[str, ...]:
    """Return the ops asked for, in the suite's order."""
    for name in names or ():
        if name not in OPS:
            raise UsageError(f"no op {name!r}: there are {', '.join(OPS)}")
    return tuple(name for name in OPS if not names or name in names)


def _corpus(given: str | None, *, alone: bool) -> str:
    """Return at which layers of the corpus calls are made; alone: whether other calls are asked for alone."""
    if given not in (None, "small", "all"):
        raise UsageError(f"--corpus {given}: small or all")
    return given or ("" if alone else "small")


def _words(feature: str, given: list[str] | None) -> tuple[str, ...]:
    """Return the classes of a feature that are asked for."""
    for text in given or ():
        if text not in FEATURES[feature]:
            raise UsageError(f"--{feature} {text}: there are {', '.join(FEATURES[feature])}")
    return tuple(dict.fromkeys(given or ()))


def _part(text: str | None) -> tuple[int, int]:
    """Return which part of how many is asked for."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text or "1/1", re.ASCII)
    number, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= parts:
        raise UsageError(f"--shard {text}: not a part such as 2/4, the second of four")
    return number, parts


def _dispatch(address: str | None, on: list[str]) -> Dispatch | None:
    """Return who does the shards: a cluster, where one is named."""
    if not address:
        if on:
            raise UsageError("--on chooses machines of a cluster: name it with --cluster")
        return None
    if not importlib.util.find_spec("distributed"):
        raise UsageError("--cluster needs Dask's distributed: pip install 'conv-conformance[cluster]'")
    from conformance.run.cluster import Cluster  # noqa: PLC0415 -- it imports Dask, which need not be installed

    return Cluster(address, tuple(map(condition, on))).dispatch


def _crossed(
    names: list[str] | None, python: str | None, tensorflow: list[str] | None, processor: list[str] | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the targets asked for, those of TensorFlow with each release, and what cannot run, with the reason."""
    if not tensorflow and not processor:
        return _targets(names, python), {}
    if python:
        raise UsageError(
            f"--python and --{'tensorflow' if tensorflow else 'processor'}: one of them names the interpreter"
        )
    return releases.crossed(names, tensorflow or (), processor or (), typer.echo)


def _targets(names: list[str] | None, python: str | None = None) -> tuple[str, ...]:
    """Return the targets asked for, or the default ones that can run here."""
    elsewhere = python is not None
    if not names:
        found = tuple(registry.default_targets(elsewhere=elsewhere))
        if not found:
            reasons = {registry.available(target) for target in registry.builtin().values() if target.default}
            raise UsageError(f"no target can run here: {'; '.join(sorted(filter(None, reasons)))}")
    else:
        found = tuple(dict.fromkeys(registry.find(name).name for name in names))
        for name in found:
            if registry.find(name).python:
                prepare(parsed(name.partition("@")[2]), typer.echo)
            reason = registry.available(registry.find(name), elsewhere=elsewhere)
            if reason:
                raise UsageError(f"target {name} cannot run here: {reason}")
    for name in found:
        if (elsewhere or name not in registry.BUILT_IN) and not registry.find(name).python:
            _start(name, python)
    return found


def _start(name: str, python: str | None) -> None:
    """Start a target once that may not: before a folder is made for its run, say that what it names does not exist."""
    try:
        with Panel({name: registry.find(name)}, python=python) as panel:
            offered = panel.about()[name].get("ops")
    except StartError as error:
        raise UsageError(" ".join(str(error).split())) from error
    except UsageError as error:
        near = [] if name in registry.BUILT_IN else difflib.get_close_matches(name, registry.BUILT_IN, n=1)
        raise UsageError(f"{error}; did you mean {near[0]}?" if near else str(error)) from error
    if offered == []:
        raise UsageError(f"target {name} has no function of the suite's ops: {', '.join(OPS)}")


def _planned(options: dict[str, Any], budget: float | None, jobs: int | None) -> Plan:
    """Return the plan of a run's header."""
    try:
        listed = {"ops": _ops(options["ops"]), "targets": _targets(options["targets"], options["python"])}
        listed |= {name: tuple(options.get(name, ())) for name in ("known", "dtypes", "layouts")}
        listed["part"] = tuple(options.get("part", (1, 1)))
        numbers = {name: int(options[name]) for name in ("cases", "world", "seed", "jobs")}
        return Plan(**{**options, **listed, **numbers, "budget": budget, "jobs": jobs or numbers["jobs"]})
    except (KeyError, TypeError, ValueError) as error:
        raise SuiteError(f"run.json: its options are not those of a plan: {error}") from error


@app.command()
def replay(
    case: Annotated[str, typer.Argument(help="A case id of a run, or a case file.")],
    target: Annotated[str, typer.Option(help="The target.")],
    run: Annotated[Path | None, typer.Option("--run", help="The run's folder; all of reports/ by default.")] = None,
    route: Annotated[str | None, typer.Option(help="The target's way to compute the op.")] = None,
    python: Annotated[str | None, typer.Option(help="The interpreter of the worker: another TensorFlow.")] = None,
) -> int:
    """Run one case again on one target: the verdict, and the difference shown."""
    name = _targets([target], _interpreter(python))[0]
    calls = replays.find(case, run, REPORTS)
    op = calls[-1].op
    ways = registry.find(name).routes.get(op, ())
    if route and ways and not (way_of(route) in ways and calls[-1].arrays.keys() >= {*constants(route)}):
        raise UsageError(f"target {name} has no route {route!r} to {op}: it has {', '.join(ways)}")
    return Exit.FINDINGS if replays.replay(calls, name, route, python) else Exit.FINE


@app.command()
def targets() -> None:
    """List the targets: available or not, and why."""
    screen.targets()


@app.command()
def worst(
    op: Annotated[str, typer.Argument(help="An op.")],
    target: Annotated[str, typer.Option(help="The target.")],
    examples: Annotated[int, typer.Option(min=1, help="Calls to make.")] = 500,
) -> None:
    """Search for the largest error of a target, as a share of the bound."""
    from conformance.run.worst import search  # noqa: PLC0415 -- Hypothesis takes half a second to import

    name, op = _targets([target])[0], _ops([op])[0]
    with Panel({name: registry.find(name)}) as panel:
        found = search(op, panel, name, examples)
    typer.echo(f"{op} on {name}: at most {found.share:.3g} of the bound in {examples} calls")
    if found.case:
        typer.echo(json.dumps(found.case.to_json()))


@app.command()
def vectors(
    out: Annotated[Path, typer.Option(help="A new folder.")],
    op: Annotated[list[str] | None, typer.Option(help="An op. Repeats; all by default.")] = None,
    cases: Annotated[int, typer.Option(min=1, help="Cases in all; the ops take turns.")] = bundle.CASES,
    elements: Annotated[int, typer.Option(min=1, help="That an array may have.")] = bundle.ELEMENTS,
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="The same seed gives the same cases.")] = 0,
    profile: Annotated[
        Path | None, typer.Option(help="A TOML file that says what is claimed and allowed: docs/profiles.md.")
    ] = None,
) -> None:
    """Write cases and their allowed results as files, for other languages: docs/vectors.md."""
    claims = {"profile": loaded(profile)} if profile else {}
    content = bundle.Content(ops=_ops(op), cases=cases, elements=elements, seed=seed, **claims)
    bundle.write(out, content)
    typer.echo(f"{cases} cases written to {out}")


app.command()(what_is_known.accept)
app.command()(what_is_known.causes)
app.command()(history)
app.command()(explain)
app.command()(reports.report)
app.command()(reports.rules)
app.command()(bench)
app.command()(networks)
app.command()(order)
app.command()(selftest)


if __name__ == "__main__":
    sys.exit(run_command())
