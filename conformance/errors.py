"""Faults of the suite itself, as opposed to faults of a target, which are observations."""

__all__ = ["SuiteError", "UsageError"]


class UsageError(Exception):
    """The call of the suite was wrong: one line says what and where. Exit code 2."""

    def __init__(self, text: str) -> None:
        # Names that users gave stand in it: none of them may break the line.
        super().__init__(" ".join(text.splitlines()))


class SuiteError(Exception):
    """The suite could not finish its work: disk full, a corrupted store, no worker. Exit code 3."""
