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
from collections.abc import Callable, Mapping, Sequence
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

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}
NAMES = {dtype: name for name, dtype in DTYPES.items()}

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
    arrays = [describe(array) for array in frame.arrays]
    header = dict(frame.header) | ({"arrays": arrays} if arrays else {})
    try:
        text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"the header is not JSON: {error}") from error
    if len(text) > MAX_HEADER:
        raise ProtocolError(f"a header of {len(text)} bytes: the limit is {MAX_HEADER}")
    payload = b"".join(part for array in frame.arrays if array.dtype in NAMES for part in parts(array))
    return PREFIX.pack(MAGIC, len(text), len(payload)) + text + payload


def describe(array: Array) -> Json:
    """Return how a header describes this array."""
    return {"dtype": NAMES.get(array.dtype, OPAQUE), "shape": list(array.shape)}


def parts(array: Array) -> tuple[bytes, bytes]:
    """Return the bytes of one array and of the gap after it."""
    return array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).tobytes(), GAP * gap(array.nbytes)


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
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size]


def parse_header(text: bytearray) -> dict[str, Json]:
    """Return the header's object."""
    try:
        header = json.loads(text.decode(), parse_constant=reject_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ProtocolError(f"the header is a JSON {type(header).__name__}, not an object")
    return header


def reject_constant(name: str) -> Json:
    """Refuse NaN and Infinity, which Python's reader takes and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def parse_arrays(descriptions: Json, payload: Array) -> tuple[Array, ...]:
    """Cut the payload into arrays, read-only views of it, as described; every byte belongs to one of them or a gap."""
    if not isinstance(descriptions, list):
        raise ProtocolError(f'"arrays" is {descriptions!r}, not a list')
    arrays = []
    start = 0
    for description in descriptions:
        dtype, shape = parse_description(description)
        if dtype is None:
            arrays.append(opaque(shape))
            continue
        size = math.prod(shape) * dtype.itemsize
        if start + size + gap(size) > payload.nbytes:
            raise ProtocolError(f"{description} needs {size} bytes and {gap(size)} of gap: the payload is too short")
        arrays.append(view(payload[start : start + size], dtype, shape))
        start += size + gap(size)
    if start != payload.nbytes:
        raise ProtocolError(f"the arrays take {start} bytes of the payload's {payload.nbytes}")
    return tuple(arrays)


def parse_description(description: Json) -> tuple[np.dtype[np.generic] | None, tuple[int, ...]]:
    """Return dtype and shape of one array; the dtype is None for an opaque one."""
    match description:
        case {"dtype": str(name), "shape": list(shape), **rest} if not rest and (name in DTYPES or name == OPAQUE):
            if len(shape) <= MAX_RANK and all(type(size) is int and 0 <= size < 1 << 63 for size in shape):
                return DTYPES.get(name), tuple(size for size in shape if isinstance(size, int))
    raise ProtocolError(f"{shorten(description)} describes no array")


def shorten(value: Json) -> str:
    """Return the start of what was met, for a message of one line."""
    return repr(value)[:200]


def view(content: Array, dtype: np.dtype[np.generic], shape: Sequence[int]) -> Array:
    """Return the bytes as an array."""
    try:
        return content.view(dtype).reshape(shape)
    except ValueError as error:  # a shape with a zero whose other sizes overflow
        raise ProtocolError(f"no array has shape {list(shape)}: {error}") from error


def opaque(shape: tuple[int, ...]) -> Array:
    """Return an array of None that takes no memory, whatever its shape."""
    try:
        return np.broadcast_to(np.array(None, dtype=object), shape)
    except ValueError as error:
        raise ProtocolError(f"no array has shape {list(shape)}: {error}") from error
