"""The one exception of the specification: a call that it refuses."""

__all__ = ["SpecError"]


class SpecError(ValueError):
    """
    A call that the specification forbids.

    rule: the numbered rule that the call breaks, such as "conv2d.R2"; it stands in the op's docstring.
    reason: the values met, and why they cannot be.
    open_to_empty: the rule leaves open whether such a call is refused or gives an empty result.
    """

    def __init__(self, rule: str, reason: str, *, open_to_empty: bool = False) -> None:
        super().__init__(rule, reason)
        self.rule = rule
        self.reason = reason
        self.open_to_empty = open_to_empty

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"
