"""The arrays of a bundle: raw elements, little-endian, one after another."""

import numpy as np

from conformance.model import Array, Json
from conformance.targets.transport.protocol import NAMES

__all__ = ["Arrays"]

ALIGNMENT = 64  # bytes: every array starts at a multiple


class Arrays:
    """What `arrays.bin` will hold; equal bytes are held once."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._places: dict[bytes, int] = {}

    def place(self, array: Array) -> dict[str, Json]:
        """Hold an array, and return what a case says of it: dtype, shape, and the offset of its first byte."""
        raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        if raw not in self._places:
            self.content += bytes(-len(self.content) % ALIGNMENT)
            self._places[raw] = len(self.content)
            self.content += raw
        return {"dtype": NAMES[np.dtype(array.dtype)], "shape": list(array.shape), "offset": self._places[raw]}
