"""What `conformance networks` prints: layers counted, and what running them came to."""

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from conformance.cases.network import Network
from conformance.networks.comparing import Distance, Judged
from conformance.networks.counting import CountedLayer, table
from conformance.networks.kinds import kind_of
from conformance.networks.results import NetworkRun
from reference.arithmetic import Image

__all__ = ["calls", "counted", "moved", "said", "share", "short", "tried"]

HEADINGS = ("weights", "neurons", "connections", "parameters", "FLOPs")


def counted(network: Network) -> Table:
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


def figures(row: CountedLayer) -> tuple[int, ...]:
    """Return what a layer has and costs. Filters that another layer has are no parameters of this one."""
    counted = row.counted
    parameters = 0 if row.layer.shares else counted.parameters
    return counted.weights, counted.neurons, counted.connections, parameters, counted.flops


def described(row: CountedLayer) -> str:
    """Say what a layer does."""
    taps = row.layer.taps if row.filters is None else row.filters[:2]
    return kind_of(row.layer).described(row.layer, taps)


def side(image: Image) -> str:
    """Write an image's size, a vector's as its length."""
    height, width, channels = image
    return str(channels) if (height, width) == (1, 1) else f"{height}x{width}x{channels}"


def figure(count: int) -> str:
    """Write a count; nothing for none."""
    return str(count) if count else ""


def tried(trial: NetworkRun) -> Table:
    """Return how each layer did alone, and how far the target's own activations went from the reference's."""
    title = f"{trial.network} on {trial.target}, weights {trial.weights}: alone, then on its own activations"
    drawn = Table("layer", "alone", title=title, box=box.SIMPLE_HEAD)
    for heading in ("bound used", "largest difference", "its bound", "largest activation"):
        drawn.add_column(heading, justify="right")
    for one, after in zip(trial.judged, trial.apart, strict=True):
        differences = map(short, (after.measured, after.bound, after.size))
        drawn.add_row(one.layer, said(one), share(one.bound_used), *differences)
    return drawn


def moved(apart: tuple[Distance, ...]) -> Iterator[str]:
    """Say in words where a bound is as large as the values themselves."""
    for one in apart:
        if one.elsewhere:
            values = "value is" if one.elsewhere == 1 else "values are"
            yield (
                f"{one.layer}: {one.elsewhere} {values} unpooled at another place than in the reference: from there "
                "on no bound is smaller than what moved."
            )


def calls(title: str, several: Sequence[Judged]) -> Table:
    """Return how each of several calls did: those of a training step, or patterns."""
    drawn = Table("layer", "op", "verdict", title=title, box=box.SIMPLE_HEAD)
    drawn.add_column("bound used", justify="right")
    drawn.add_column("kernels, fused ops among them")
    for one in several:
        drawn.add_row(one.layer, one.op, said(one), share(one.bound_used), "; ".join(one.kernels))
    return drawn


def said(judged: Judged) -> str:
    """Write a layer's verdict."""
    return f"{judged.outside} of {judged.elements} wrong" if judged.outside else f"all {judged.elements} conform"


def share(value: float) -> str:
    """Write a share of a bound."""
    return f"{value:.3f}" if math.isfinite(value) else "unbounded"


def short(value: float) -> str:
    """Write a number of any size."""
    return f"{value:.2e}" if math.isfinite(value) else "unbounded"
