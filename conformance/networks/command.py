"""`conformance networks`: the table of every network, as the literature counts it; and networks run on targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console

from conformance import unjudged
from conformance.errors import UsageError
from conformance.model import Json
from conformance.networks import tables, trying
from conformance.networks.digits import digits as read_digits
from conformance.networks.known import MNIST, NETWORKS
from conformance.networks.results import Lesson, Results, Shown, Trial, write
from conformance.networks.running import on_target
from conformance.networks.training import Recipe
from conformance.targets import registry
from conformance.targets.pool import Limits, Worker
from conformance.targets.registry import Target

__all__ = ["networks"]

WIDTH = 112
LIMITS = Limits(seconds=60.0)
About: TypeAlias = Mapping[str, Mapping[str, Json]]  # target -> what it says of itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run on every target."""

    names: tuple[str, ...]  # networks at random weights
    digits: bool
    pictures: bool
    seed: int

    @property
    def learns(self) -> bool:
        """Whether LeNet-5 is trained: pictures are of what it learned."""
        return self.digits or self.pictures


def networks(
    name: Annotated[list[str] | None, typer.Argument(help="Networks; all by default.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Run the networks on this target, too. Repeats.")] = None,
    digits: Annotated[
        bool, typer.Option("--digits", help="Train LeNet-5 on handwritten digits, and compare what it predicts.")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Lead the trained network's strongest features back to pixels.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of images, weights and dropout.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The folder of a run; reports/<time>-networks by default.")] = None,
) -> int:
    """Count the layers of whole networks; run them on targets, layer by layer and end to end."""
    for unknown in set(name or ()) - set(NETWORKS):
        raise UsageError(f"no network {unknown!r}: there are {', '.join(NETWORKS)}")
    learning = digits or pictures
    if learning:
        read_digits()  # they may not be installed: said before anything is trained
    targets = chosen(target, learning=learning)
    console = Console(highlight=False, width=max(Console().width, WIDTH))  # no figure is cut off
    count(console, name or ([MNIST.name] if learning else list(NETWORKS)))
    if not targets:
        return 0
    session = unjudged.opened(out, "networks")
    plan = Plan(names=tuple(name or ([] if learning else NETWORKS)), digits=digits, pictures=pictures, seed=seed)
    found, about = conducted(console, targets, plan)
    session.close(targets, about)
    write(session.folder, found)
    console.print(f"Written to {session.folder}: networks.json; conformance report {session.folder} shows it.")
    return 1 if found.wrong_on else 0


def chosen(names: list[str] | None, *, learning: bool) -> tuple[Target, ...]:
    """Return the targets asked for; for learning at least one."""
    found = [registry.find(name) for name in names or ()]
    for target in found:
        if reason := registry.available(target):
            raise UsageError(f"target {target.name} cannot run here: {reason}")
    if learning and not found:
        found = list(registry.default_targets().values())[:1]
        if not found:
            raise UsageError("no target can be trained here: name one with --target")
    return tuple(found)


def count(console: Console, names: Sequence[str]) -> None:
    """Print the tables of networks."""
    for network in (NETWORKS[name] for name in names):
        console.print(tables.counted(network))
        console.print(f"  {network.source}.", style="dim")
        for error in network.errors:
            console.print(f"  Printed wrongly: {error}")
        console.print()


def conducted(console: Console, targets: Sequence[Target], plan: Plan) -> tuple[Results, About]:
    """Run everything on one target after the other, the first of which teaches; print it, and return it."""
    trials: list[Trial] = []
    lessons: list[Lesson] = []
    shown: list[Shown] = []
    about: dict[str, Mapping[str, Json]] = {}
    known: trying.Taught | None = None
    progress = Console(stderr=True, highlight=False)
    for target in targets:
        with Worker(target.start(), LIMITS) as worker:
            about[target.name] = worker.ready().about
            runner = on_target(worker, target)
            for name in plan.names:
                progress.print(f"{name} on {target.name}", markup=False, soft_wrap=True)
                trials.append(trying.attempted(NETWORKS[name], target, runner, plan.seed))
            if plan.learns:
                known = known or trying.taught(target, runner, Recipe(seed=plan.seed))
                lessons.append(trying.examined(known, target, runner))
                trials.append(trying.tried(MNIST, target, runner, plan.seed, known))
            if plan.pictures and known:
                shown += trying.led_back(target, runner, known)
    found = Results(trials=tuple(trials), lessons=tuple(lessons), shown=tuple(shown))
    tell(console, found)
    return found, about


def tell(console: Console, found: Results) -> None:
    """Print what running the networks came to."""
    for trial in found.trials:
        if trial.judged:
            console.print(tables.tried(trial))
        if trial.gradients:
            console.print(tables.gradients(trial))
        for line in (*filter(None, [trial.note]), *tables.moved(trial.apart)):
            console.print(f"  {trial.network} on {trial.target}: {line}")
    for shown in found.shown:
        console.print(tables.led_back(shown))
        for line in tables.moved(shown.stages):
            console.print(f"  {line}")
    for lesson in found.lessons:
        console.print(tables.learned(lesson))
