"""Memory that is free, given back to the system."""

import ctypes

__all__ = ["give_back"]

TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc: malloc_trim(3)


def give_back() -> None:
    """
    Give back what the C library keeps of arrays that are gone.

    Arrays of ever other sizes leave gaps that no later one fits: a process would grow for hours, and hold nothing.
    """
    if TRIM:
        TRIM(0)
