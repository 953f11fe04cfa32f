"""The source of the functions by which users of TensorFlow compute an op, as a finding's script shows them."""

import ast
from functools import cache
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
    known = {
        node.name: node for node in ast.parse(FUNCTIONS.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    }
    needed = _reached(name, known)
    text = [ast.unparse(_plain(node)) for found, node in known.items() if found in needed]
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


def _plain(function: ast.FunctionDef) -> ast.FunctionDef:
    """Return a function without docstring, and without types, in the functions inside it, too."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef):
            node.returns = None
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return function
