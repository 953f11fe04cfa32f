"""`conformance order`: the order in which a target adds, drawn; or a survey of orders and of what follows from them."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conformance.cases.linear import Sizes
from conformance.errors import UsageError
from conformance.order import tables
from conformance.order.operands import OPERANDS, call, middle
from conformance.order.probing import Probed, probed
from conformance.order.replay import Order
from conformance.order.results import write
from conformance.order.reveal import keeps, reveal
from conformance.order.summation import UnrevealedError
from conformance.order.surveying import Surveyor
from conformance.order.wording import drawn
from conformance.run import folders
from conformance.targets import registry
from conformance.targets.target import Target, words
from conformance.targets.transport.pool import Worker
from conformance.targets.transport.process import Start
from reference import SpecError
from reference.floats import FORMATS

__all__ = ["order"]

BATCHES = (64, 1)


def order(
    op: Annotated[list[str] | None, typer.Argument(help=f"Ops that add products: {', '.join(OPERANDS)}.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="A target. Repeats, for a survey.")] = None,
    filters: Annotated[str, typer.Option(help="Rows and columns of the filters, or of the pool's window.")] = "3,3",
    depth: Annotated[
        int,
        typer.Option(
            min=1, help="Channels that one sum runs over; filters of each channel, of a depthwise convolution."
        ),
    ] = 1,
    outputs: Annotated[int, typer.Option(min=1, help="Channels of the result.")] = 8,
    image: Annotated[
        str | None, typer.Option(help="Rows and columns of the forward image; 7 more than the filters by default.")
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="Of rows and columns.")] = 1,
    padding: Annotated[str, typer.Option(help="VALID or SAME.")] = "VALID",
    dtype: Annotated[str, typer.Option(help=f"{', '.join(FORMATS)}.")] = "float32",
    layout: Annotated[str, typer.Option(help="NHWC or NCHW.")] = "NHWC",
    batch: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Images in a call (input channels, of a filter gradient). Repeats; 1 and 64."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Images that a filter gradient sums over.")] = 1,
    route: Annotated[str, typer.Option(help="The target's way to compute the op.")] = "",
    python: Annotated[str | None, typer.Option(help="The interpreter of the workers: another TensorFlow.")] = None,
    survey: Annotated[
        bool, typer.Option("--survey", help="Survey kinds of sizes, and write the folder of a run.")
    ] = False,
    calls: Annotated[int, typer.Option(min=1, help="Small calls that a survey predicts, for each op.")] = 30,
    out: Annotated[Path | None, typer.Option(help="A survey's folder; reports/<time>-orders by default.")] = None,
) -> int:
    """Reveal the order in which a target adds the products of one output element, and draw its tree."""
    for unknown in set(op or ()) - set(OPERANDS):
        raise UsageError(f"no order of {unknown!r}: sums of products are {', '.join(OPERANDS)}")
    targets = chosen_targets(target, python)
    if survey:
        return surveyed(targets, op or list(OPERANDS), calls, out, python)
    if not op or len(op) != 1 or len(targets) != 1:
        raise UsageError("one op and one --target are drawn; --survey takes several")
    sizes = read_sizes(op[0], filters, image, depth, outputs, images, stride, padding, dtype, layout)
    return show(targets[0].start(python or sys.executable), op[0], sizes, batch or BATCHES, route)


def read_sizes(
    op: str,
    filters: str,
    image: str | None,
    depth: int,
    outputs: int,
    images: int,
    stride: int,
    padding: str,
    dtype: str,
    layout: str,
) -> Sizes:
    """Read the sizes that the user gives."""
    window = pair("filters", filters)
    sizes = Sizes(
        window=window,
        image=pair("image", image) if image else (window[0] + 7, window[1] + 7),
        depth=depth,
        filters=outputs,
        images=images if OPERANDS[op].of_filters else 1,
        stride=stride,
        padding=chosen("padding", padding.upper(), ("VALID", "SAME")),
        dtype=chosen("dtype", dtype, tuple(FORMATS)),
        layout=chosen("layout", layout.upper(), ("NHWC", "NCHW")),
    )
    if min(sizes.out) < 1:
        raise UsageError(f"--filters {filters}: wider than the image, {sizes.image[0]} x {sizes.image[1]}")
    return sizes


def chosen_targets(names: Sequence[str] | None, python: str | None) -> tuple[Target, ...]:
    """Return the targets asked for; the default ones that can run here where none is named."""
    if python and not shutil.which(words(python)[0]):
        raise UsageError(f"--python {python}: no such program")
    elsewhere = python is not None
    found = tuple(registry.find(name) for name in names or registry.default_targets(elsewhere=elsewhere))
    for target in found:
        if reason := registry.available(target, elsewhere=elsewhere):
            raise UsageError(f"target {target.name} cannot run here: {reason}")
    return found


def surveyed(targets: Sequence[Target], ops: Sequence[str], calls: int, out: Path | None, python: str | None) -> int:
    """Survey targets, print what was found, write it into the folder of a run."""
    session = folders.opened(out, "orders")
    progress = Console(stderr=True, highlight=False, markup=False)
    surveyor = Surveyor(calls=calls, say=progress.print, python=python or sys.executable)
    for target in targets:
        surveyor.survey(target, ops)
    found = surveyor.result()
    session.close(targets, surveyor.about)
    write(session.folder, found)
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    for line in tables.lines(found):
        console.print(line)
    console.print(f"Written to {session.folder}: orders.json; conformance report {session.folder} shows it.")
    return 0 if found.complete else 3


def pair(name: str, text: str) -> tuple[int, int]:
    """Read two whole numbers."""
    try:
        high, wide = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--{name} {text}: not two whole numbers, such as 3,3") from None
    if min(high, wide) < 1:
        raise UsageError(f"--{name} {text}: not above zero")
    return high, wide


def chosen(name: str, text: str, among: Sequence[str]) -> str:
    """Return one of several words."""
    if text not in among:
        raise UsageError(f"--{name} {text}: not one of {', '.join(among)}")
    return text


def show(start: Start, op: str, sizes: Sizes, batches: Sequence[int], route: str) -> int:
    """Reveal and draw the order for each batch size, the largest first; those with the same order are drawn once."""
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    seen: dict[int, Order] = {}
    missing = False
    with Worker(start) as worker:
        for batch in sorted(set(batches), reverse=True):
            console.print(f"{op} on {start.name}, {sizes.dtype}, {batch} in a call")
            try:
                box = boxed(worker, op, sizes, batch, route)
                text = one_order(box, batch, seen)
            except UnrevealedError as error:
                text, missing = [f"not revealed: {error}"], True
            for line in text:
                console.print(f"   {line}".rstrip())
            console.print()
        if len(set(seen.values())) > 1:
            console.print("The order depends on how many are in a call: a result depends on what comes with it.")
    return 3 if missing else 0


def boxed(worker: Worker, op: str, sizes: Sizes, batch: int, route: str) -> Probed:
    """Return the element in the middle of a call's output as a black box."""
    try:
        case = call(op, sizes)
        return probed(worker, case, middle(case), batch, route=route)
    except SpecError as error:
        raise UsageError(str(error)) from error


def one_order(box: Probed, batch: int, seen: dict[int, Order]) -> list[str]:
    """Return the order with this batch as lines; it is sampled first for those that larger batches have."""
    for before, known in seen.items():
        if keeps(box, known):
            return [f"the same tree as with {before} in a call, by a sample"]
    revealed = reveal(box)
    seen[batch] = revealed.order
    kernel = [f"kernel: {box.kernel}"] if box.kernel else []
    return [*kernel, *drawn(revealed, box.element.axes())]
