"""The version by which what is known of a target goes: that of the library that is judged."""

from collections.abc import Mapping
from typing import Any

__all__ = ["version_of"]

# Of what a target says of itself: of the suite's own needs, and no library that is judged.
BESIDE = ("python", "numpy", "git")


def version_of(about: Mapping[str, Any]) -> str:
    """Return the version of the library behind what a target says of itself; "" where it says none."""
    versions = about.get("versions", {})
    if not isinstance(versions, Mapping):
        return ""
    return next((str(text) for name, text in versions.items() if name not in BESIDE), "")
