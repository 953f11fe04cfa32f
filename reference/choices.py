"""
Rules of kind choice: where implementations decide otherwise than TensorFlow does, and are not wrong.

A rule states what the op is (mathematics), which calls are refused (interface), or what TensorFlow decided where others
decide otherwise (choice). The docstring of an op states its rules under these three headings; `CHOICES` of its module
lists the alternatives of each choice, the one that the reference makes first. `reference.ops.CHOICES` has those of
every op.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["EITHER", "TENSORFLOW", "Alternative", "Alternatives", "Choices"]

TENSORFLOW = "TensorFlow"  # as a maker
EITHER = "either"  # of an alternative: now one of the others, now another


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which implementations decide a choice."""

    name: str  # a word or two, by which a profile adopts it
    gives: str  # what comes of it
    makers: tuple[str, ...]  # who decides so; several where one library's kernels or modes differ
    source: str  # where that can be seen

    @property
    def of_tensorflow(self) -> bool:
        """Whether a kernel or a mode of TensorFlow decides so."""
        return TENSORFLOW in self.makers


Alternatives: TypeAlias = tuple[Alternative, ...]
Choices: TypeAlias = Mapping[str, Alternatives]  # by the id of the rule
