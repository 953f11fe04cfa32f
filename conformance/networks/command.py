"""`conformance networks`: the table of every network, as the literature counts it; and networks run on targets."""

from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from conformance.errors import UsageError
from conformance.networks.comparing import Distance, Judged, end_to_end, layer_by_layer
from conformance.networks.counting import Row, table
from conformance.networks.known import NETWORKS
from conformance.networks.layers import Network
from conformance.networks.running import initialised, on_target
from conformance.targets import registry
from conformance.targets.pool import Limits, Worker
from reference.arithmetic import Image

__all__ = ["networks"]

WIDTH = 112
HEADINGS = ("weights", "neurons", "connections", "parameters", "FLOPs")


def networks(
    name: Annotated[list[str] | None, typer.Argument(help="Networks; all by default.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Run the networks on this target, too. Repeats.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the images, the weights and dropout.")] = 0,
) -> int:
    """Count the layers of whole networks; run them on targets, layer by layer and end to end."""
    for unknown in set(name or ()) - set(NETWORKS):
        raise UsageError(f"no network {unknown!r}: there are {', '.join(NETWORKS)}")
    for wanted in target or ():
        if reason := registry.available(registry.find(wanted)):
            raise UsageError(f"target {wanted} cannot run here: {reason}")
    console = Console(highlight=False, width=max(Console().width, WIDTH))  # no figure is cut off
    wrong = False
    for network in (NETWORKS[chosen] for chosen in name or NETWORKS):
        console.print(drawn(network))
        console.print(f"  {network.source}.", style="dim")
        for error in network.errors:
            console.print(f"  Printed wrongly: {error}")
        console.print()
        for wanted in target or ():
            wrong |= ran(console, network, wanted, seed)
    return 1 if wrong else 0


def ran(console: Console, network: Network, target: str, seed: int) -> bool:
    """Run a network with random weights on a target, print how each layer did; return whether any was wrong."""
    image = np.random.Generator(np.random.Philox(seed)).random((1, *network.input), np.float32)
    weights = initialised(network, seed)
    with Worker(registry.find(target).start(), Limits(seconds=60.0)) as worker:
        judged = layer_by_layer(network, image, weights, on_target(worker), seed)
        apart = end_to_end(network, image, weights, on_target(worker), seed)
    title = f"{network.title} on {target}: alone, then on its own activations"
    drawn = Table("layer", "verdict", title=title, box=box.SIMPLE_HEAD)
    for heading in ("bound used", "largest difference", "its bound", "largest activation"):
        drawn.add_column(heading, justify="right")
    for one, after in zip(judged, apart, strict=True):
        drawn.add_row(
            one.layer, said(one), f"{one.bound_used:.3f}", *map(short, (after.measured, after.bound, after.size))
        )
    console.print(drawn)
    return any(map(is_wrong, judged, apart))


def is_wrong(judged: Judged, after: Distance) -> bool:
    """Return whether an element is not allowed, or further away than its bound."""
    return judged.outside > 0 or after.used > 1


def said(judged: Judged) -> str:
    """Write a layer's verdict."""
    return f"{judged.outside} of {judged.elements} wrong" if judged.outside else f"all {judged.elements} conform"


def short(value: float) -> str:
    """Write a number of any size."""
    return f"{value:.2e}"


def drawn(network: Network) -> Table:
    """Return the table of one network."""
    rows = table(network)
    drawn = Table("layer", "op", "output", title=f"{network.title} ({side(network.input)})", box=box.SIMPLE_HEAD)
    for heading in HEADINGS:
        drawn.add_column(heading, justify="right")
    for row in rows:
        drawn.add_row(row.layer.name, described(row), side(row.counted.output), *map(figure, figures(row)))
    drawn.add_section()
    sums = [sum(column) for column in zip(*map(figures, rows), strict=True)]
    drawn.add_row("all", "", "", "", *map(figure, sums[1:]))
    return drawn


def figures(row: Row) -> tuple[int, ...]:
    """Return what a layer has and costs. Filters that another layer has are no parameters of this one."""
    counted = row.counted
    parameters = 0 if row.layer.shares else counted.parameters
    return counted.weights, counted.neurons, counted.connections, parameters, counted.flops


def described(row: Row) -> str:
    """Say what a layer does."""
    layer = row.layer
    if layer.op == "dropout":
        return f"dropout {layer.rate}"
    if layer.op == "max_unpool":
        return f"max_unpool at {layer.shares}"
    taps = layer.taps if row.filters is None else row.filters[:2]
    stride = "" if layer.strides == (1, 1) else f" / {layer.strides[0]}"
    return f"{layer.op} {taps[0]}x{taps[1]}{stride}"


def side(image: Image) -> str:
    """Write an image's size, a vector's as its length."""
    height, width, channels = image
    return str(channels) if (height, width) == (1, 1) else f"{height}x{width}x{channels}"


def figure(count: int) -> str:
    """Write a count; nothing for none."""
    return str(count) if count else ""
