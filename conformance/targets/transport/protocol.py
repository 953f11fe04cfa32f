"""
The frames of the wire protocol: a prefix, a JSON header, raw little-endian arrays. Nothing is ever unpickled.

    prefix   16 bytes: b"CNF1", header length (uint32), payload length (uint64), little-endian
    header   JSON in UTF-8: one object; its "arrays" describe the payload in order: [{"dtype", "shape"}, ...]
    payload  the arrays' bytes in C order; each is followed by 64 bytes of gap and as many more as bring the next
             one to a multiple of 64

What a header says, message by message, is in `messages.py`; both together in docs/wire-protocol.md.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ml_dtypes
import numpy as np

from conformance.model import Array, Json

__all__ = ["DTYPES", "VERSION", "Frame", "ProtocolError", "encode", "read"]

VERSION = 1
MAGIC = b"CNF1"
PREFIX = struct.Struct("<4sIQ")
MAX_HEADER = 1 << 20  # bytes
MAX_PAYLOAD = 1 << 32  # bytes
MAX_RANK = 32  # NumPy's own limit before 2.0
ALIGNMENT = 64  # bytes: what TensorFlow and Eigen want, so that no input is copied
# A read past the end of an array meets NaN in every floating type (and -1), not the next array.
GAP = b"\xff"
# An array of any other type (objects, text): its shape is told, its content is not sent.
OPAQUE = "opaque"
NOTHING: Array = np.array(None, dtype=object)

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

Fill = Callable[[memoryview], None]  # fills the whole view with the next bytes, or raises


class ProtocolError(Exception):
    """The other side broke the wire protocol: one line that says how."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its header without "arrays", and the arrays."""

    header: Mapping[str, Json]
    arrays: tuple[Array, ...] = ()


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame. An array of a type without a name on the wire goes as opaque: its shape alone."""
    arrays = [array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")) for array in frame.arrays]
    header = dict(frame.header)
    if arrays:
        header["arrays"] = [{"dtype": NAMES.get(a.dtype, OPAQUE), "shape": list(a.shape)} for a in arrays]
    try:
        text = ENCODER.encode(header).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"the header is not JSON: {error}") from error
    if len(text) > MAX_HEADER:
        raise ProtocolError(f"a header of {len(text)} bytes: the limit is {MAX_HEADER}")
    content = [part for a in arrays if a.dtype in NAMES for part in (a.tobytes(), GAP * gap(a.nbytes))]
    return b"".join([PREFIX.pack(MAGIC, len(text), sum(map(len, content))), text, *content])


def gap(size: int) -> int:
    """Return how many bytes follow an array of `size` bytes: at least 64, up to the next multiple of 64."""
    return ALIGNMENT + -size % ALIGNMENT


def read(fill: Fill) -> Frame:
    """
    Read one frame.

    Raises:
        ProtocolError: what arrives is no frame; nothing larger than the limits is ever allocated.
        Whatever `fill` raises.
    """
    prefix = bytearray(PREFIX.size)
    fill(memoryview(prefix))
    magic, header_size, payload_size = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise ProtocolError(f"a frame starts with {bytes(prefix)!r}, not with {MAGIC!r}")
    if header_size > MAX_HEADER or payload_size > MAX_PAYLOAD:
        raise ProtocolError(
            f"a header of {header_size} and a payload of {payload_size} bytes: the limits are "
            f"{MAX_HEADER} and {MAX_PAYLOAD}"
        )
    text = bytearray(header_size)
    fill(memoryview(text))
    header = parse_header(text)
    payload = aligned(payload_size)
    fill(payload.data)
    payload.flags.writeable = False  # a target that writes into its arguments is told so by NumPy
    return Frame(header, parse_arrays(header.pop("arrays", []), payload))


def aligned(size: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return `size` uninitialised bytes that start at a multiple of 64."""
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.__array_interface__["data"][0] % ALIGNMENT
    return room[start : start + size]


def parse_header(text: bytearray) -> dict[str, Json]:
    """Return the header's object."""
    try:
        header = DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ProtocolError(f"the header is a JSON {type(header).__name__}, not an object")
    return header


def reject_constant(name: str) -> Json:
    """Refuse NaN and Infinity, which Python's reader takes and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=reject_constant)


def parse_arrays(descriptions: Json, payload: Array) -> tuple[Array, ...]:
    """Cut the payload into arrays, read-only views of it, as described; every byte belongs to one of them or a gap."""
    if not isinstance(descriptions, list):
        raise ProtocolError(f'"arrays" is {shorten(descriptions)}, not a list')
    arrays: list[Array] = []
    start = 0
    for description in descriptions:
        dtype, shape = parse_description(description)
        size = math.prod(shape) * dtype.itemsize if dtype else 0
        end = start + size + gap(size) if dtype else start
        if end > payload.nbytes:
            raise ProtocolError(f"{shorten(description)} with its gap ends at byte {end} of {payload.nbytes}")
        try:
            arrays.append(np.ndarray(shape, dtype, payload, start) if dtype else np.broadcast_to(NOTHING, shape))
        except ValueError as error:  # a zero among sizes whose product is too large
            raise ProtocolError(f"{shorten(description)}: {error}") from error
        start = end
    if start != payload.nbytes:
        raise ProtocolError(f"the arrays take {start} bytes of the payload's {payload.nbytes}")
    return tuple(arrays)


def parse_description(description: Json) -> tuple[np.dtype[np.generic] | None, tuple[int, ...]]:
    """Return dtype and shape of one array; the dtype is None for an opaque one."""
    match description:
        case {"dtype": str(name), "shape": list(shape), **rest} if not rest and (name in DTYPES or name == OPAQUE):
            sizes = tuple(size for size in shape if type(size) is int and 0 <= size < 1 << 63)
            if len(sizes) == len(shape) <= MAX_RANK:
                return DTYPES.get(name), sizes
    raise ProtocolError(f"{shorten(description)} describes no array")


def shorten(value: Json) -> str:
    """Return the start of what was met, for a message of one line."""
    return repr(value)[:200]
