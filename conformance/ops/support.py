"""Whether a target declares that it does not implement a case."""

from conformance.model import Case
from conformance.ops.features import features
from conformance.targets.target import Target

__all__ = ["unsupported"]


def unsupported(target: Target, case: Case, route: str = "") -> str | None:
    """Return why the target declares not to implement a valid call; None where it declares no such thing."""
    return target.unsupported(case.op, features(case), route)
