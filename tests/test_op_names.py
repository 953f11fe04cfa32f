"""
No module outside `conformance.ops` and the libraries' adapters asks what an op is called. Read from the source.

What differs from op to op stands in the op's record: with a new op, nothing elsewhere can be forgotten.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.ops import OPS

ROOT = Path(__file__).parent.parent
LIBRARIES = ("jax", "keras", "litert", "onnxruntime", "tensorflow", "torch")
# Rooms and modules that may: the records, and what calls a library's own functions.
EXEMPT = (
    ROOT / "conformance" / "ops",
    *(ROOT / "conformance" / "targets" / library for library in LIBRARIES),
    ROOT / "conformance" / "targets" / "arguments.py",  # shared by the libraries' adapters
)
SOURCES = sorted(
    path
    for path in (ROOT / "conformance").rglob("*.py")
    if not any(path == exempt or exempt in path.parents for exempt in EXEMPT)
)
PARTS = ("startswith", "endswith", "removeprefix", "removesuffix")


def literals(node: ast.expr) -> Iterator[str]:
    """Yield the text that an expression is, or the texts in the list that it is."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for entry in node.elts:
            yield from literals(entry)


def branches(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what compares with an op's name, asks for a part of one, or is a table by op names."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                if any(name in OPS for each in (left, *others) for name in literals(each)):
                    yield node
            case ast.Call(func=ast.Attribute(attr=part), args=[first, *_]) if part in PARTS:
                if any(
                    text and any(op.startswith(text) or op.endswith(text) for op in OPS) for text in literals(first)
                ):
                    yield node
            case ast.Dict(keys=keys) if any(isinstance(key, ast.Constant) and key.value in OPS for key in keys):
                yield node
            case ast.MatchValue(value=value) if any(name in OPS for name in literals(value)):
                yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_outside_the_records_asks_for_an_ops_name(path: Path) -> None:
    """No comparison with a name, no part of one, no table by names."""
    found = [f"line {node.lineno}: {ast.unparse(node)[:100]}" for node in branches(ast.parse(path.read_text()))]  # type: ignore[attr-defined]

    assert not found
