"""`conformance networks`: the table of every network, as the literature counts it; and networks run on targets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console

from conformance.errors import UsageError
from conformance.model import Json
from conformance.networks import tables, trying
from conformance.networks.known import NETWORKS
from conformance.networks.results import NetworkRun, Results, write
from conformance.networks.running import OnTarget
from conformance.run import folders
from conformance.targets import registry
from conformance.targets.target import Target
from conformance.targets.transport.pool import Limits, Worker

__all__ = ["networks"]

WIDTH = 112
LIMITS = Limits(seconds=60.0)
About: TypeAlias = Mapping[str, Mapping[str, Json]]  # target -> what it says of itself


def networks(
    name: Annotated[list[str] | None, typer.Argument(help="Networks; all by default.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Run the networks on this target, too. Repeats.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of images, weights and dropout.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The folder of a run; reports/<time>-networks by default.")] = None,
) -> int:
    """Count the layers of whole networks; run them on targets, layer by layer and end to end."""
    for unknown in set(name or ()) - set(NETWORKS):
        raise UsageError(f"no network {unknown!r}: there are {', '.join(NETWORKS)}")
    targets = chosen(target)
    names = name or list(NETWORKS)
    console = Console(highlight=False, width=max(Console().width, WIDTH))  # no figure is cut off
    count(console, names)
    if not targets:
        return 0
    session = folders.opened(out, "networks")
    found, about = conducted(console, targets, names, seed)
    session.close(targets, about)
    write(session.folder, found)
    console.print(f"Written to {session.folder}: networks.json; conformance report {session.folder} shows it.")
    return 1 if found.wrong_on else 0


def chosen(names: list[str] | None) -> tuple[Target, ...]:
    """Return the targets asked for."""
    found = tuple(registry.find(name) for name in names or ())
    for target in found:
        if reason := registry.available(target):
            raise UsageError(f"target {target.name} cannot run here: {reason}")
    return found


def count(console: Console, names: Sequence[str]) -> None:
    """Print the tables of networks."""
    for network in (NETWORKS[name] for name in names):
        console.print(tables.counted(network))
        console.print(f"  {network.source}.", style="dim")
        for error in network.errors:
            console.print(f"  Printed wrongly: {error}")
        console.print()


def conducted(console: Console, targets: Sequence[Target], names: Sequence[str], seed: int) -> tuple[Results, About]:
    """Run the networks on one target after the other; print what they came to, and return it."""
    trials: list[NetworkRun] = []
    about: dict[str, Mapping[str, Json]] = {}
    progress = Console(stderr=True, highlight=False)
    for target in targets:
        with Worker(target.start(), LIMITS) as worker:
            about[target.name] = worker.ready().about
            runner = OnTarget(worker, target)
            for name in names:
                progress.print(f"{name} on {target.name}", markup=False, soft_wrap=True)
                trials.append(trying.attempted(NETWORKS[name], target, runner, seed))
    found = Results(trials=tuple(trials))
    tell(console, found)
    return found, about


def tell(console: Console, found: Results) -> None:
    """Print what running the networks came to."""
    for trial in found.trials:
        if trial.judged:
            console.print(tables.tried(trial))
        for about, several in (
            ("layers with a bias and relu, each as one graph", trial.patterns),
            ("a training step, each gradient on the reference's values", trial.gradients),
        ):
            if several:
                console.print(tables.calls(f"{trial.network} on {trial.target}: {about}", several))
        for line in (*filter(None, [trial.note]), *tables.moved(trial.apart)):
            console.print(f"  {trial.network} on {trial.target}: {line}")
