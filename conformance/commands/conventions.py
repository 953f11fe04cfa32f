"""One call's padding in the words of several libraries: read from options of `explain`, written below its drawing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.errors import UsageError
from reference.arithmetic import Padding, Pair
from reference.conventions import LIBRARIES, laid, spelled
from reference.geometry import Geometry

__all__ = ["TITLES", "converted", "translations"]

TITLES = {"tensorflow": "TensorFlow", "torch": "PyTorch", "keras": "Keras", "onnx": "ONNX"}
MISSING = {
    "tensorflow": "its pools have no such padding",
    "torch": "it pads both ends alike, and output_padding only makes an output longer",
    "keras": "it has 'same' and 'valid', of one output each, or by output_padding",
    "onnx": "its pads are not negative",
}
# What PyTorch would count otherwise: by default its means count the padding.
BESIDES = {("torch", "avg_pool"): {"count_include_pad": False}}


def converted(
    library: str, op: str, input: Pair, filters: Pair, strides: Pair, dilations: Pair, words: Mapping[str, Any]
) -> tuple[Padding, Pair | None]:
    """
    Return TensorFlow's padding for a call in another library's words, and the output of a transposed convolution.

    words: of each, its value, or a pair (rows, columns) of them; pads as (top, bottom, left, right).

    Raises:
        SpecError: the library has no such call.
        UsageError: TensorFlow has none that does the same.
    """
    axes = [
        laid(library, op, *place, words={word: _along(value, axis) for word, value in words.items()})
        for axis, place in enumerate(zip(input, filters, strides, dilations, strict=True))
    ]
    found = spelled("tensorflow", op, axes)
    if found is None:
        raise UsageError(f"explain {op}: no call of TensorFlow does this: {MISSING['tensorflow']}")
    return found["padding"], found.get("output_shape")


def _along(value: Any, axis: int) -> Any:  # noqa: ANN401 -- a name, a flag, a pair or four numbers
    """Return the part of a word's value that is about rows (axis 0) or about columns (axis 1)."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    return value[axis] if len(value) == 2 else tuple(value[2 * axis : 2 * axis + 2])


def translations(call: Geometry) -> Iterator[str]:
    """Yield one line for each library: its words for the windows of a call, or why it has none."""
    for library in LIBRARIES:
        words = spelled(library, call.op, call.windows)
        if words is None:
            yield f"{TITLES[library]}: no such call: {MISSING[library]}"
            continue
        words |= BESIDES.get((library, call.op), {})
        yield f"{TITLES[library]}: " + ", ".join(f"{word} {value}" for word, value in words.items())
