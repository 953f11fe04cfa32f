"""A survey of orders as lines of text."""

from collections.abc import Iterator

from conformance.order.invariances import Answer
from conformance.order.results import Calls, Found, Survey
from conformance.order.wording import SUBJECTS, answered, kind_of, sized

__all__ = ["lines"]


def lines(survey: Survey) -> Iterator[str]:
    """Yield what a survey found: for each target and op its orders, predicted calls and invariances."""
    for target, op in dict.fromkeys((one.target, one.op) for one in survey.found):
        yield f"{op} on {target}"
        yield from orders(survey, [one for one in survey.found if (one.target, one.op) == (target, op)])
        yield from (f"  {calls(one)}" for one in survey.calls if (one.target, one.op) == (target, op))
        yield from invariances([answer for *where, answer in survey.answers if where == [target, op]])
        yield ""


def invariances(answers: list[Answer]) -> Iterator[str]:
    """Yield the answers, kernel by kernel."""
    for kernel in dict.fromkeys(answer.kernel for answer in answers):
        yield f"  the same bits{by(kernel)}"
        yield from (f"    {SUBJECTS[one.what]}: {answered(one)}" for one in answers if one.kernel == kernel)


def by(kernel: str) -> str:
    """Return the words for a kernel; nothing where the target does not tell."""
    return f" by {kernel}" if kernel else ""


def orders(survey: Survey, found: list[Found]) -> Iterator[str]:
    """Yield the kinds of order, each with the sizes that have it: the first of them, and how many more."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(name(survey, one), []).append(one)
    for text, group in groups.items():
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        yield f"  {text}: {sized(group[0].sizes)}{more}"
        for words, changed in (
            ("one image alone", [one for one in group if one.alone is False]),
            ("two threads", [one for one in group if one.threads is False]),
        ):
            if changed:
                yield f"    {words} in another order: {sized(changed[0].sizes)}; {len(changed)} of {len(group)}"


def name(survey: Survey, one: Found) -> str:
    """Return the kind of an order."""
    if not one.order:
        return f"not revealed, {one.why}"
    return f"{kind_of(survey.orders[one.order], one.axes)}{by(one.kernel)}"


def calls(one: Calls) -> str:
    """Return how many small calls were predicted, and the first that were not."""
    text = f"{one.predicted} of {one.calls} small {one.dtype} calls{by(one.kernel)} predicted bit for bit"
    missed = [
        f"{sized(miss.sizes)}: {miss.why or f'{miss.exact} of {miss.elements} elements'}" for miss in one.missed[:3]
    ]
    outside = sum(miss.outside for miss in one.missed)
    far = [f"{outside} elements outside the bound of their own order"] if outside else []
    return "; ".join([text, *missed, *far])
