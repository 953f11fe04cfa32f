"""
The same windows in the words of other libraries: padding, ceil_mode, output_padding and auto_pad, to and from ours.

Along one axis every call is an `Axis` of `reference.windows`: the windows of the convolution or pool itself, or, for a
transposed convolution, those of the forward convolution that it transposes (whose image is the larger one). Two calls
do the same where their axes have the same windows: equal size, taps, stride, dilation, out and before. `laid` reads a
call of a library, `spelled` writes one. The module of each library says what its words mean, and its source.

Rules:
    conventions.R1  There is such a library, such an op, and such a word in its calls.
    conventions.R2  Paddings and shapes are integers from 0 to 2^31 - 1, or names that the library knows.
    conventions.R3  The library itself does not refuse the words.
    conventions.R4  The forward convolution maps a transposed one's output to its input.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from reference import windows
from reference.conventions import keras, onnx, tensorflow, torch
from reference.conventions.places import Kind, Place
from reference.errors import SpecError, shown
from reference.windows import Axis

__all__ = ["LIBRARIES", "laid", "spelled"]

Words: TypeAlias = Mapping[str, Any]

LIBRARIES: dict[str, dict[str, Kind]] = {
    "tensorflow": tensorflow.KINDS,
    "torch": torch.KINDS,
    "keras": keras.KINDS,
    "onnx": onnx.KINDS,
}
KINDS = {
    "conv2d": "convolution",
    "conv2d_transpose": "transposed",
    "max_pool": "pool",
    "max_pool_with_argmax": "pool",
    "avg_pool": "pool",
}


def laid(
    library: str, op: str, size: int, taps: int, stride: int = 1, dilation: int = 1, *, words: Words | None = None
) -> Axis:
    """
    Lay the windows that a library's call has along one axis; of a transposed convolution, the forward ones.

    size: of the op's input. words: the library's own arguments; its defaults without.

    Raises:
        SpecError: naming the rule of the conventions, of the windows (R1) or of the arithmetic that the call breaks.

    >>> laid("torch", "conv2d_transpose", 3, 3, 2, words={"padding": 1, "output_padding": 1}).size
    6
    >>> laid("onnx", "max_pool", 5, 2, 2, words={"auto_pad": "SAME_LOWER"}).before
    1
    """
    read, _ = _row(library, op)
    place = windows.same(size, taps, stride, dilation)  # the checks of windows.R1
    known = read.__annotations__.keys() - {"at", "return"}
    for word in words or {}:
        if word not in known:
            reason = f"{library} has no {shown(word)} in {op}: it has {', '.join(sorted(known))}"
            raise SpecError("conventions.R1", reason, values={"word": word})
    return read(Place(place.size, place.taps, place.stride, place.dilation), **(words or {}))


def spelled(library: str, op: str, axes: Sequence[Axis]) -> dict[str, Any] | None:
    """
    Return the words with which a library lays these windows along rows and columns; None where it has none.

    axes: as `laid` gives them. A name that holds for both axes stands once; two numbers are (rows, columns), and pads
    are in ONNX's order: before rows, before columns, after rows, after columns.

    >>> even = windows.same(6, 3, 2)
    >>> spelled("onnx", "conv2d_transpose", (even, even))
    {'auto_pad': 'SAME_UPPER', 'output_shape': (6, 6)}
    >>> spelled("torch", "conv2d_transpose", (even, even)) is None  # its output_padding would be -1
    True
    """
    _, ways = _row(library, op)
    for way in ways:
        found = [words for axis in axes if _fits(library, op, axis, words := way(axis))]
        if len(found) == len(axes):
            return {word: _both(word, [words[word] for words in found]) for word in found[0]}
    return None


def _fits(library: str, op: str, axis: Axis, words: Words) -> bool:
    """Say whether words lay the windows of an axis."""
    size = axis.out if KINDS[op] == "transposed" else axis.size
    try:
        other = laid(library, op, size, axis.taps, axis.stride, axis.dilation, words=words)
    except SpecError:
        return False
    return (other.size, other.out, other.before) == (axis.size, axis.out, axis.before)


def _both(word: str, values: list[Any]) -> Any:  # noqa: ANN401 -- a name, a flag, numbers or pairs of them
    """Join the values that a word has along rows and along columns."""
    if word == "pads":
        return tuple(end for ends in zip(*values, strict=True) for end in ends)
    return values[0] if isinstance(values[0], str | bool) else tuple(values)


def _row(library: str, op: str) -> Kind:
    """Return how a library reads the words of an op, and its ways to write them."""
    for name, value, options in (("library", library, LIBRARIES), ("op", op, KINDS)):
        if not isinstance(value, str) or value not in options:
            reason = f"{name} {shown(value)}: none of {', '.join(options)}"
            raise SpecError("conventions.R1", reason, values={name: value})
    return LIBRARIES[library][KINDS[op]]
