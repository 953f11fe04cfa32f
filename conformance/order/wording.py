"""Orders in words and drawn in the terminal; nothing reads them back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.cases.linear import Sizes
from conformance.order.forms import Form, Joined, Loop, Pairwise, Run, described, loops, relative
from conformance.order.invariances import Answer
from conformance.order.replay import Order
from conformance.order.reveal import Revealed

__all__ = ["SUBJECTS", "Axes", "answered", "drawn", "facts", "kind_of", "named", "sized"]

Axes = Sequence[tuple[str, int]]  # names and lengths of the axes along which terms lie, outermost first
FEW = 3  # branches that are drawn at each end of many


def named(form: Form, axes: Axes) -> str:
    """Return the name of a form."""
    match form:
        case Run(order, group):
            return f"{run_name(order, group)}: {visited(order, axes)}" if len(order) > 1 else "one term"
        case Pairwise(terms):
            return f"pairwise: {len(terms)} terms"
        case Joined(runs, outer):
            return f"{parts_name(form, axes)}, joined {joint(outer)}" if runs else ""
    raise TypeError(form)


def run_name(order: Sequence[int], group: int) -> str:
    """Return how a run adds."""
    if group > 1:
        return f"fused in groups of {group}"
    return "sequential, from the last to the first" if backwards(order) else "sequential"


def backwards(order: Sequence[int]) -> bool:
    """Return whether a run goes from the last term to the first."""
    return len(order) > 1 and list(order) == sorted(order, reverse=True)


def parts_name(form: Joined, axes: Axes) -> str:
    """Return what the parts of a sum are."""
    runs = form.runs
    if not form.alike:
        lengths = sorted({len(run.order) for run in runs}, reverse=True)
        return f"{len(runs)} parts of {', '.join(map(str, lengths))} terms"
    first = runs[0]
    inner = visited(first.order, axes)
    starts = [run.order[0] for run in runs]
    interleaved = max(starts) < max(first.order)
    kind = "lanes" if interleaved else "blocks"
    how = f" fused in groups of {first.group}" if first.group > 1 else ""
    return f"{len(runs)} {kind} of {len(first.order)} terms{how} ({inner})"


def joint(outer: Form) -> str:
    """Return how sums of parts are joined."""
    match outer:
        case Run(order, group):
            if len(order) <= group + 1:
                return "in one addition"
            if group > 1:
                return f"{group} at a time"
            return "from the last to the first" if backwards(order) else "one after another"
        case Pairwise():
            return "pairwise"
        case Joined(runs, further):
            return f"{step_name(runs)}, then {joint(further)}"
    raise TypeError(outer)


def step_name(runs: Sequence[Run]) -> str:
    """Return how parts are first joined to fewer."""
    if len({relative(run) for run in runs}) > 1:
        return f"to {len(runs)} sums"
    order = runs[0].order
    return (
        f"each {len(order)} neighbours"
        if order[-1] - order[0] < len(order)
        else f"each with the {ordinal(order[1] - order[0])} after it"
    )


def visited(order: Sequence[int], axes: Axes) -> str:
    """
    Return along which axes a run goes, the outermost first.

    >>> visited(range(18), [("rows", 3), ("columns", 3), ("channels", 2)])
    'rows, columns, channels'
    >>> visited([0, 1, 4, 5, 2, 3, 6, 7], [("rows", 2), ("channels", 4)])
    'blocks of 2 channels, rows, channels'
    """
    found = loops(order)
    if any(loop.count == 1 for loop in found):
        return f"{len(order)} terms in no regular order"
    passes = [one for loop in found for one in along(loop, axes)]
    return ", ".join(pass_name(one, passes) for one in passes)


@dataclass(frozen=True, slots=True)
class Pass:
    """A loop along one axis: so many of its elements, so far apart."""

    axis: str
    taken: int
    step: int
    length: int  # of the axis


def along(loop: Loop, axes: Axes) -> list[Pass]:
    """Return the axes that one loop goes along, the outermost first."""
    found: list[Pass] = []
    inside, left, stride = 1, loop.count, abs(loop.stride)
    for name, length in reversed(list(axes)):
        if left > 1 and stride < inside * length:
            step = max(stride // inside, 1)
            covered = -(-length // step)
            found.insert(0, Pass(name, min(left, covered), step, length))
            left, stride = -(-left // covered), inside * length
        inside *= length
    return found or [Pass("terms", loop.count, abs(loop.stride), 0)]


def pass_name(one: Pass, passes: Sequence[Pass]) -> str:
    """Return a pass in a few words, in the light of the others."""
    if one.step > 1 and any((other.axis, other.taken, other.step) == (one.axis, one.step, 1) for other in passes):
        return f"blocks of {one.step} {one.axis}"
    if one.step == 1 and any((other.axis, other.step) == (one.axis, one.taken) for other in passes):
        return one.axis
    return one.axis if one.step == 1 and one.taken == one.length else f"{one.taken} {one.axis}{every(one.step)}"


def every(step: int) -> str:
    """Return the words for a step that leaves terms out."""
    return "" if abs(step) == 1 else f", every {ordinal(abs(step))}"


def ordinal(number: int) -> str:
    """
    Return a number as that of a place.

    >>> [ordinal(number) for number in (2, 3, 4, 12, 21)]
    ['2nd', '3rd', '4th', '12th', '21st']
    """
    last = 0 if 10 < number % 100 < 14 else number % 10
    return f"{number}{('th', 'st', 'nd', 'rd')[last] if last < 4 else 'th'}"


def drawn(revealed: Revealed, axes: Axes) -> list[str]:
    """Return the lines of an order drawn as text: its name, what it rounds, and the tree, runs of terms in one line."""
    order = revealed.order
    form = described(order.tree)
    checked = "every bit of ordinary sums as predicted" if revealed.replayed else "checked by masks alone"
    return [named(form, axes), *facts(order), checked, "", *lines(form, axes)]


def kind_of(order: Order, axes: Axes) -> str:
    """Return what orders of sums of other lengths may have in common."""
    widths = sorted(set(order.bits))
    found = [general(described(order.tree), axes)]
    found += [f"{order.several} numbers an addition"] if order.several > 2 else []
    found += [" and ".join(map(str, widths)) + " bits"] if widths else []
    found += ["FMA"] if any(order.fused) else []
    return ", ".join(found)


def general(form: Form, axes: Axes) -> str:
    """Return the name of a form without what its length alone decides."""
    match form:
        case Run(order, 1) if len(order) > 1 and sorted(order) == list(order):
            return "sequential"
        case Pairwise():
            return "pairwise"
        case Joined() if form.alike:
            first, starts = form.runs[0].order, [run.order[0] for run in form.runs]
            interleaved = max(starts) < max(first)
            parts = f"{len(form.runs)} lanes" if interleaved else f"blocks ({visited(first, axes)})"
            return f"{parts}, joined {joint(form.outer)}"
        case Joined():
            return f"parts, joined {joint(form.outer)}"
    return named(form, axes)


def facts(order: Order) -> list[str]:
    """Return what else was found."""
    shape = order.tree
    if not shape.steps:
        return ["no addition"]
    widths = sorted(set(order.bits))
    several = f", {order.several} numbers an addition" if order.several > 2 else ""
    found = [f"{shape.terms} terms, depth {shape.depth}{several}"]
    if widths:
        found.append("accumulator: " + " and ".join(map(str, widths)) + " significant bits")
    if any(order.fused):
        found.append(f"products added unrounded (FMA): {sum(order.fused)} of {shape.terms}")
    if order.reciprocal:
        found.append("means: the sum times the rounded reciprocal of its terms")
    return found


def lines(form: Form, axes: Axes) -> list[str]:
    """Draw a form as a tree, the last additions first; of many that are alike, a few."""
    levels: list[tuple[Run, ...]] = []  # what is joined first stands first
    while isinstance(form, Joined):
        levels.append(form.runs)
        form = form.outer
    top = Run(form.terms) if isinstance(form, Pairwise) else form
    if not levels:
        return [run_line(top, axes)]
    return [f"{len(top.order)} sums, added {joint(form)}", *branches(top, levels, axes)]


def branches(run: Run, levels: Sequence[tuple[Run, ...]], axes: Axes) -> list[str]:
    """Draw what a run of sums adds; levels: of what those sums are runs."""
    blocks: list[list[str]] = []
    for at in shown(len(run.order)):
        part = levels[-1][run.order[at]] if at >= 0 else None
        if part is None:
            blocks.append([f"... {len(run.order) - 2 * FEW} more"])
        elif len(levels) == 1:
            blocks.append([run_line(part, axes)])
        else:
            blocks.append([f"{len(part.order)} sums, added {joint(part)}", *branches(part, levels[:-1], axes)])
    return [line for at, block in enumerate(blocks) for line in hung(block, last=at == len(blocks) - 1)]


def shown(count: int) -> list[int]:
    """Return which of so many branches are drawn; -1 stands for those that are left out."""
    return list(range(count)) if count <= 2 * FEW + 1 else [*range(FEW), -1, *range(count - FEW, count)]


def hung(block: Sequence[str], *, last: bool) -> list[str]:
    """Hang lines onto their parent's."""
    first, others = ("└─ ", "   ") if last else ("├─ ", "│  ")
    return [(others if at else first) + line for at, line in enumerate(block)]


def run_line(run: Run, axes: Axes) -> str:
    """Return one run in a line: its first terms and its last."""
    terms = [place(term, axes) for term in run.order]
    text = " + ".join(terms if len(terms) <= 4 else [*terms[:3], "...", terms[-1]])
    if len(terms) == 1:
        return text if axes else "the term"
    how = f" at a time {run.group}" if run.group > 1 else ""
    return f"{text}   {len(terms)} terms{how}: {visited(run.order, axes)}"


def place(term: int, axes: Axes) -> str:
    """Return a term's coordinates."""
    found: list[str] = []
    for _, length in reversed(list(axes)):
        term, at = divmod(term, length)
        found.insert(0, str(at))
    return f"[{','.join(found)}]"


# What an answer is about: `invariances`.
SUBJECTS: Mapping[str, str] = {
    "batch": "whatever the batch",
    "place": "wherever the image stands in the batch",
    "threads": "whatever the number of threads",
    "memory": "wherever operands lie in memory, at multiples of 64 bytes",
    "layout": "NHWC or NCHW",
    "mode": "eager or graph",
    "translation": "wherever the window lies, under VALID",
    "beside": "whatever filters, or channels of a pool, are beside",
    "channels": "whatever input channels are beside",
}


def answered(answer: Answer) -> str:
    """Return an answer in a few words."""
    if answer.holds is None:
        return f"not tested: {answer.why}"
    if answer.smallest:
        return f"no: {sized(answer.smallest)}"
    return f"yes: {answer.pairs} pairs of calls"


def sized(sizes: Sizes) -> str:
    """Return sizes in a few words."""
    (high, wide), (taps, across) = sizes.image, sizes.window
    many = f"{sizes.images} of " if sizes.images > 1 else ""
    stride = f", stride {sizes.stride}" if sizes.stride > 1 else ""
    return (
        f"image {many}{high}x{wide}x{sizes.depth}, window {taps}x{across}, {sizes.filters} out{stride}, "
        f"{sizes.padding} {sizes.layout} {sizes.dtype}"
    )
