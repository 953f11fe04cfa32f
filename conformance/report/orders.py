"""What a report says of the order of sums: invariances, orders as pictures, and which products share them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.cases.linear import Sizes
from conformance.order.forms import Joined, Pairwise, Run, described
from conformance.order.invariances import Answer
from conformance.order.replay import Order
from conformance.order.results import Calls, Found, Survey, read
from conformance.order.wording import SUBJECTS, answered, kind_of, sized
from conformance.report.observed import Observed

__all__ = ["Invariances", "KindOfOrder", "Orders", "Picture", "Shared", "orders", "picture"]

Where = tuple[str, int, str]  # op, run, target
WIDE, HIGH = 240.0, 44.0  # of a picture, in pixels
COLORS = 4  # of runs, in turn


@dataclass(frozen=True, slots=True)
class Picture:
    """Each term a mark, as high as it goes through additions; the terms of one run in one color."""

    width: float
    height: float
    paths: tuple[tuple[int, str], ...]  # color, marks
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariances:
    """The answers of one op on one target, of calls that one kernel serves."""

    run: int
    target: str
    kernel: str
    op: str
    cells: tuple[tuple[str, str], ...]  # of each subject: "yes", "no" or "", and in words


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfOrder:
    """A kind of order of an op, and who has it."""

    op: str
    name: str
    picture: Picture | None  # None where no order was revealed, or of one term
    where: tuple[tuple[int, str, str, str], ...]  # run, target, kernel, kinds of sizes in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """How many kinds of sizes of an op have the same order on two products, of those that both revealed."""

    op: str
    one: tuple[int, str]  # run, target
    other: tuple[int, str]
    same: int
    common: int
    example: str  # of sizes that differ, and their orders on both; empty where none does


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Everything."""

    subjects: tuple[str, ...]
    invariances: tuple[Invariances, ...]
    calls: tuple[tuple[int, Calls], ...]
    rows: tuple[KindOfOrder, ...]
    shared: tuple[Shared, ...]


def orders(observed: Sequence[Observed]) -> Orders | None:
    """Return what the surveys among runs found; None where there is none."""
    surveys = {run: found for run, one in enumerate(observed) if (found := read(one.store.folder))}
    if not surveys:
        return None
    return Orders(
        subjects=tuple(SUBJECTS.values()),
        invariances=tuple(invariances(surveys)),
        calls=tuple((run, one) for run, survey in surveys.items() for one in survey.calls),
        rows=tuple(rows(surveys)),
        shared=tuple(shared(surveys)),
    )


def invariances(surveys: Mapping[int, Survey]) -> Iterator[Invariances]:
    """Yield a row for each op on each target, kernel by kernel."""
    for run, survey in surveys.items():
        rows: dict[tuple[str, str, str], dict[str, Answer]] = {}
        for target, op, one in survey.answers:
            rows.setdefault((target, op, one.kernel), {})[one.what] = one
        for (target, op, kernel), known in rows.items():
            cells = tuple(cell(known.get(subject)) for subject in SUBJECTS)
            yield Invariances(run=run, target=target, kernel=kernel, op=op, cells=cells)


def cell(answer: Answer | None) -> tuple[str, str]:
    """Return an answer in one word, if it is one, and what it rests on."""
    if answer is None:
        return "", "not tested"
    if answer.smallest:
        return "no", sized(answer.smallest)
    return "yes" if answer.holds else "", answered(answer)


def rows(surveys: Mapping[int, Survey]) -> Iterator[KindOfOrder]:
    """Yield the kinds of order of each op: the one that most sizes have first."""
    groups: dict[tuple[str, str], list[tuple[int, Found]]] = {}
    for run, survey in surveys.items():
        for one in survey.found:
            name = kind_of(survey.orders[one.order], one.axes) if one.order else f"not revealed: {one.why}"
            groups.setdefault((one.op, name), []).append((run, one))
    for (op, name), group in sorted(groups.items(), key=lambda entry: (entry[0][0], -len(entry[1]))):
        run, largest = max(group, key=lambda entry: volume(surveys, *entry))
        drawn = picture(surveys[run].orders[largest.order]) if volume(surveys, run, largest) > 1 else None
        yield KindOfOrder(op=op, name=name, picture=drawn, where=tuple(places(group)))


def volume(surveys: Mapping[int, Survey], run: int, one: Found) -> int:
    """Return how many terms the order of a kind has."""
    return surveys[run].orders[one.order].tree.terms if one.order else 0


def places(group: Sequence[tuple[int, Found]]) -> Iterator[tuple[int, str, str, str]]:
    """Yield the products and kernels that have one kind of order, each with the sizes."""
    products: dict[tuple[int, str, str], list[Found]] = {}
    for run, one in group:
        products.setdefault((run, one.target, one.kernel), []).append(one)
    for (run, target, kernel), kinds in products.items():
        more = f" and {len(kinds) - 1} more" if len(kinds) > 1 else ""
        alone, threads = (sum(getattr(one, name) is False for one in kinds) for name in ("alone", "threads"))
        note = f"; one image alone another in {alone}" if alone else ""
        note += f"; two threads another in {threads}" if threads else ""
        yield run, target, kernel, f"{sized(kinds[0].sizes)}{more}{note}"


def shared(surveys: Mapping[int, Survey]) -> Iterator[Shared]:
    """Yield every two products that revealed orders of the same sizes."""
    known = found_by(surveys)
    products = sorted(known)
    for at, first in enumerate(products):
        for second in (other for other in products[at + 1 :] if other[0] == first[0]):
            common = known[first].keys() & known[second].keys()
            differ = [
                (known[first][size], known[second][size])
                for size in known[first]
                if size in common and known[first][size].order != known[second][size].order
            ]
            yield Shared(
                op=first[0],
                one=first[1:],
                other=second[1:],
                same=len(common) - len(differ),
                common=len(common),
                example=difference(surveys, first, second, *differ[0]) if differ else "",
            )


def found_by(surveys: Mapping[int, Survey]) -> dict[Where, dict[Sizes, Found]]:
    """Return the revealed orders of each op on each product by sizes."""
    found: dict[Where, dict[Sizes, Found]] = {}
    for run, survey in surveys.items():
        for one in survey.found:
            if one.order:
                found.setdefault((one.op, run, one.target), {})[one.sizes] = one
    return found


def difference(surveys: Mapping[int, Survey], first: Where, second: Where, one: Found, other: Found) -> str:
    """Return sizes that two products add in different orders, and these."""
    names = [
        kind_of(surveys[run].orders[each.order], each.axes) for (_, run, _), each in ((first, one), (second, other))
    ]
    ways = " and ".join(names) if names[0] != names[1] else f"{names[0]}, but of other terms"
    return f"{sized(one.sizes)}: {ways}"


def picture(order: Order) -> Picture:
    """Draw an order: a mark for each term, from left to right, as high as it goes through additions."""
    shape = order.tree
    step = WIDE / max(shape.terms, 1)
    wide, unit = max(step * 0.8, 0.4), HIGH / max(shape.depth, 1)
    marks: dict[int, list[str]] = {}
    for number, run in enumerate(runs_of(order)):
        for term in run:
            height = max(shape.depths[term] * unit, 1.0)
            mark = f"M{term * step:.1f} {HIGH - height:.1f}h{wide:.1f}v{min(height, 3.0):.1f}h-{wide:.1f}z"
            marks.setdefault(number % COLORS, []).append(mark)
    paths = tuple((color, "".join(parts)) for color, parts in sorted(marks.items()))
    title = f"{shape.terms} terms, each as high as it goes through additions: at most {shape.depth}"
    return Picture(WIDE, HIGH, paths, title)


def runs_of(order: Order) -> list[tuple[int, ...]]:
    """Return the terms of each run; of pairs, each two."""
    match described(order.tree):
        case Run(terms):
            return [terms]
        case Pairwise(terms):
            return [terms[at : at + 2] for at in range(0, len(terms), 2)]
        case Joined(runs):
            return [run.order for run in runs]
