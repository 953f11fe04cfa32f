"""The source of the functions by which users of TensorFlow compute an op, as a finding's script shows them."""

import ast
from functools import cache
from itertools import accumulate
from pathlib import Path

from conformance.targets import tensorflow

__all__ = ["definitions"]

FUNCTIONS = Path(tensorflow.__file__).with_name("functions.py")
# What the functions raise where TensorFlow offers no such thing: the suite's own, which a script does without.
NOT_OFFERED = "NotOfferedError"


@cache
def definitions(name: str) -> tuple[str, ...]:
    """
    Return the definitions of a function of `targets.tensorflow.functions` and of those that it calls, as plain source.

    Without docstrings and types; none for a function of TensorFlow itself, "tf....".
    """
    source = FUNCTIONS.read_bytes()
    known = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    needed = _reached(name, known)
    text = [_plain(node, source) for found, node in known.items() if found in needed]
    raises = any(NOT_OFFERED in each for each in text)
    return tuple([f"{NOT_OFFERED} = NotImplementedError"] * raises + text)


def _reached(name: str, known: dict[str, ast.FunctionDef]) -> set[str]:
    """Return the names of the functions that one leads to, its own among them."""
    found: set[str] = set()
    left = [name]
    while left:
        one = left.pop()
        if one in known and one not in found:
            found.add(one)
            left += [node.id for node in ast.walk(known[one]) if isinstance(node, ast.Name)]
    return found


def _plain(function: ast.FunctionDef, source: bytes) -> str:
    """Return the lines of a function as they stand, without docstring and types: functions inside it, too."""
    starts = list(accumulate(map(len, source.splitlines(keepends=True)), initial=0))

    def place(line: int | None, column: int | None) -> int:
        return starts[(line or 0) - 1] + (column or 0)

    text, end = b"", place(function.lineno, function.col_offset)
    inside = (node for node in ast.walk(function) if isinstance(node, ast.FunctionDef))
    for inner in sorted(inside, key=lambda node: node.lineno):
        first = inner.body[ast.get_docstring(inner) is not None]
        text += source[end : place(inner.lineno, inner.col_offset)]
        text += f"def {inner.name}({_untyped(inner.args)}):\n{' ' * first.col_offset}".encode()
        end = place(first.lineno, first.col_offset)
    return (text + source[end : place(function.end_lineno, function.end_col_offset)]).decode()


def _untyped(given: ast.arguments) -> str:
    """Return the arguments of a function without their types."""
    for node in ast.walk(given):
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(given)
