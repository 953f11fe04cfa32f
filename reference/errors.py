"""The one exception of the specification: a call that it refuses."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["Fault", "SpecError", "shown"]

LONGEST = 120  # characters of one value in a message


class Fault(StrEnum):
    """In which way a call breaks a rule that can be broken in several."""

    NO_INTEGERS = "no-integers"  # neither an integer nor a sequence of integers
    ENTRIES = "number-of-entries"
    RANGE = "out-of-range"
    NOT_A_NUMBER = "not-a-number"
    RANK = "rank"
    UNFIT_SHAPE = "unfit-shape"  # another shape than the other arguments imply
    BATCH = "other-batch"  # another number of images than the other arguments imply
    NO_BATCH = "no-batch"  # no image, where the other arguments imply some
    OUTER_AXES = "outer-axes"  # windows, strides, dilations or padding along batch or channels
    GROUPS = "uneven-groups"  # channels that the depth of the filters does not divide
    FILTERS = "uneven-filters"  # filters that the groups do not divide
    INDEX = "no-cell"  # an index of no cell


class SpecError(ValueError):
    """
    A call that the specification forbids.

    rule: the numbered rule that the call breaks, such as "conv2d.R2"; it stands in the op's docstring.
    reason: the values met, and why they cannot be, in words. The wording may change; programs read the other fields.
    fault: in which way the call breaks the rule; None where there is but one.
    values: the values met, by the name of the argument, or of what was computed: "strides", "input.shape".
    open_to_empty: the rule leaves open whether such a call is refused or gives an empty result.
    """

    def __init__(
        self,
        rule: str,
        reason: str,
        *,
        fault: Fault | None = None,
        values: Mapping[str, object] | None = None,
        open_to_empty: bool = False,
    ) -> None:
        super().__init__(rule, reason)
        self.rule = rule
        self.reason = reason
        self.fault = fault
        self.values: Mapping[str, object] = dict(values or {})
        self.open_to_empty = open_to_empty

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


def shown(value: object) -> str:
    """
    Return a value as a message shows it: on one line, and cut where it is long.

    >>> shown([1, 2]), shown("x" * 1000)[-8:], shown(10**5000)
    ('[1, 2]', "xxx ...'", 'a value of type int')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 -- another library's object prints itself as it likes; Python no integer of 5000 digits
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 5]} ...{text[-1]}"
