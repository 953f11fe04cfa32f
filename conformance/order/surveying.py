"""Survey a target: its orders over kinds of sizes, the small calls they predict, and what bits do not depend on."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np

from conformance.cases.linear import Sizes
from conformance.model import Json
from conformance.order import kinds
from conformance.order.invariances import ELSEWHERE, Answer, drawn, measured
from conformance.order.kinds import KINDS, kinds_of
from conformance.order.operands import call, middle
from conformance.order.prediction import Predicted, predict
from conformance.order.probing import in_layout, probed
from conformance.order.replay import Order
from conformance.order.results import Calls, Found, Missed, Survey, key_of
from conformance.order.reveal import keeps, reveal
from conformance.order.summation import UnrevealedError
from conformance.targets.target import Target
from conformance.targets.transport.pool import Worker
from conformance.targets.transport.zygote import Zygotes

__all__ = ["MANY", "Surveyor"]

MANY = 64  # masks in a call
THREADS = 2
VARIED = 60  # small calls, beside KINDS, that invariances are looked for in


@dataclass(slots=True)
class Surveyor:
    """Surveys targets one after another, and keeps what it finds."""

    calls: int  # small calls to predict, for each op
    say: Callable[[str], None]
    python: str = sys.executable  # of the workers
    orders: dict[str, Order] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    predicted: list[Calls] = field(default_factory=list)
    answers: list[tuple[str, str, Answer]] = field(default_factory=list)
    about: dict[str, dict[str, Json]] = field(default_factory=dict)

    def survey(self, target: Target, ops: Sequence[str]) -> None:
        """Survey one target."""
        with ExitStack() as stack:
            zygotes = stack.enter_context(Zygotes())
            worker = stack.enter_context(Worker(target.start(self.python), zygotes=zygotes))
            elsewhere = {
                what: stack.enter_context(Worker(other.start(self.python), zygotes=zygotes))
                if isinstance(other, Target)
                else other
                for what, other in others(target).items()
            }
            self.about[target.name] = dict(worker.ready().about)
            for op in ops:
                self.say(f"{op} on {target.name}: orders")
                more = elsewhere["threads"]
                self.found += (self._order(target, worker, more, op, sizes) for sizes in kinds_of(op))
                self.say(f"{op} on {target.name}: {self.calls} small calls predicted")
                self.predicted += self._calls(target, worker, op)
                self.say(f"{op} on {target.name}: invariances")
                varied = [*kinds.small(0, VARIED), *KINDS]
                self.answers += ((target.name, op, one) for one in measured(op, worker, elsewhere, varied))

    def result(self) -> Survey:
        """Return what was found so far."""
        return Survey(
            orders=dict(self.orders),
            found=tuple(self.found),
            calls=tuple(self.predicted),
            answers=tuple(self.answers),
        )

    def _order(self, target: Target, worker: Worker, more: Worker | str, op: str, sizes: Sizes) -> Found:
        """Reveal one order; try whether one image alone has it, too, and more threads."""
        case = call(op, sizes)
        index = middle(case)
        box = probed(worker, case, index, MANY)
        found = Found(target=target.name, op=op, sizes=sizes, many=MANY, axes=box.element.axes())
        try:
            order = reveal(box).order
        except UnrevealedError as error:
            return replace(found, why=str(error))
        key, found = key_of(order), replace(found, kernel=box.kernel)
        self.orders[key] = order
        threads = keeps(probed(more, case, index, MANY), order) if isinstance(more, Worker) else None
        return replace(found, order=key, alone=keeps(probed(worker, case, index, 1), order), threads=threads)

    def _calls(self, target: Target, worker: Worker, op: str) -> Iterator[Calls]:
        """Predict small calls, and yield how many were, kernel by kernel."""
        generator = np.random.Generator(np.random.Philox(1))
        kernels: dict[str, list[tuple[Sizes, Predicted]]] = {}
        for sizes in kinds.small(0, self.calls):
            given, case = drawn(op, sizes, generator), call(op, sizes)
            one = predict(worker, case, *in_layout(case, given.left, given.right))
            if one:
                kernels.setdefault(one.kernel, []).append((sizes, one))
        for kernel, several in sorted(kernels.items()):
            yield Calls(
                target=target.name,
                op=op,
                dtype="float32",
                kernel=kernel,
                calls=len(several),
                missed=tuple(missed(sizes, one) for sizes, one in several if not one.whole),
            )


def missed(sizes: Sizes, one: Predicted) -> Missed:
    """Return what a call that was not predicted came to."""
    return Missed(sizes=sizes, exact=one.exact, elements=one.elements, why=one.unrevealed, outside=one.outside)


def others(target: Target) -> dict[str, Target | str]:
    """Return what else makes the same calls: more threads, the other mode, memory elsewhere; or why there is none."""
    if "mode" not in target.options:
        return dict.fromkeys(ELSEWHERE, "the suite cannot set it for this target")
    threads = replace(
        target,
        options={**target.options, "threads": THREADS},
        environment={
            **target.environment,
            "OMP_NUM_THREADS": str(THREADS),
            "TF_NUM_INTRAOP_THREADS": str(THREADS),
        },
    )
    mode = "graph" if target.options["mode"] == "eager" else "eager"
    options: dict[str, dict[str, Json]] = {"mode": {"mode": mode}, "memory": {"moved": True}}
    return {
        "threads": threads,
        **{what: replace(target, options={**target.options, **more}) for what, more in options.items()},
    }
