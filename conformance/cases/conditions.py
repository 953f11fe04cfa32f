"""Which valid calls exercise a rule of mathematics, by their features: conditions that several ops share."""

from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["ALWAYS", "NO_BATCH", "NO_COLUMNS", "NO_ROWS", "PADDED", "SPECIAL", "TIES", "WHOLE", "Condition"]

Condition: TypeAlias = Mapping[str, tuple[str, ...]]  # feature: the classes that it is in, all of them

Classes: TypeAlias = dict[str, tuple[str, ...]]

ALWAYS: Classes = {}
SPECIAL: Classes = {"regime": ("special",)}
TIES: Classes = {"regime": ("ties",)}
WHOLE: Classes = {"dtype": ("int32",)}
PADDED: Classes = {"padding": ("SAME", "EXPLICIT")}
NO_BATCH: Classes = {"batch": ("0",)}
NO_ROWS: Classes = {"output height": ("0",)}
NO_COLUMNS: Classes = {"output width": ("0",)}
