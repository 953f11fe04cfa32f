"""`conformance networks`: the table of every network, as the literature counts it."""

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from conformance.errors import UsageError
from conformance.networks.counting import Row, table
from conformance.networks.known import NETWORKS
from conformance.networks.layers import Network
from reference.arithmetic import Image

__all__ = ["networks"]

WIDTH = 112
HEADINGS = ("weights", "neurons", "connections", "parameters", "FLOPs")


def networks(
    name: Annotated[list[str] | None, typer.Argument(help="Networks; all by default.")] = None,
) -> int:
    """Count the layers of whole networks: outputs, weights, neurons, connections, parameters, FLOPs."""
    for unknown in set(name or ()) - set(NETWORKS):
        raise UsageError(f"no network {unknown!r}: there are {', '.join(NETWORKS)}")
    console = Console(highlight=False, width=max(Console().width, WIDTH))  # no figure is cut off
    for network in (NETWORKS[chosen] for chosen in name or NETWORKS):
        console.print(drawn(network))
        console.print(f"  {network.source}.", style="dim")
        for error in network.errors:
            console.print(f"  Printed wrongly: {error}")
        console.print()
    return 0


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
