"""Imports point down: each layer knows those below it, and TensorFlow stands in one file. Read from the source."""

import ast
import sys
from collections.abc import Container
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

import reference

ROOT = Path(__file__).parent.parent
# From the lowest up; a module belongs to the longest name that it starts with. Those on one line may know one another,
# but not in a circle.
LAYERS = [
    [
        "reference.errors",
        "reference.choices",
        "reference.reading",
        "reference.floats",
        "reference.activations",
        "reference.windows",
        "reference.checks",
        "reference.conventions",
        "reference.arithmetic",
        "reference.geometry",
        "reference.random_bits",
    ],
    ["reference.engine"],
    ["reference.ops"],
    ["reference"],
    ["conformance.model", "conformance.errors", "conformance.sets"],
    ["conformance.cases", "conformance.targets"],
    ["conformance.ops"],
    ["conformance.judge"],
    ["conformance.run", "conformance.networks"],
    ["conformance.triage", "conformance.selftest", "conformance.order"],
    ["conformance.report"],
    ["conformance.bench", "conformance.vectors"],
    ["conformance.commands"],
    ["conformance.__main__"],
    ["examples"],
]
# What imports the library that is judged: a worker's adapter alone, here or in the benchmarks.
ADAPTERS = {
    library: (
        f"conformance.targets.{library}.adapter",
        f"conformance.targets.{library}.functions",
        f"conformance.targets.{library}.fusions",
        "conformance.bench.implementations",
    )
    for library in ("tensorflow", "jax", "torch", "onnxruntime", "keras")
} | {"ai_edge_litert": ("conformance.targets.litert.adapter", "conformance.targets.litert.functions")}
SOURCES = sorted(
    path for package in ("reference", "conformance", "examples") for path in (ROOT / package).rglob("*.py")
)


def module(path: Path) -> str:
    """Return a file's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports, those from a package with what is imported from it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(name: str) -> int | None:
    """Return how high a module lies; None: outside the layers."""
    heights = {prefix: height for height, layer in enumerate(LAYERS) for prefix in layer}
    found = [prefix for prefix in heights if name == prefix or name.startswith(f"{prefix}.")]
    return heights[max(found, key=len)] if found else None


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_imports_point_down(path: Path) -> None:
    """No module imports one of a higher layer."""
    own = layer(module(path))
    above = {name for name in imported(path) if own is not None and (other := layer(name)) is not None and other > own}

    assert not above


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_every_module_has_a_layer(path: Path) -> None:
    """A new one is written into LAYERS, above; but for the package itself, which holds nothing."""
    assert layer(module(path)) is not None or not ast.parse(path.read_text()).body[1:]


@pytest.mark.parametrize("path", [path for path in SOURCES if module(path).startswith("reference")], ids=module)
def test_the_reference_imports_numpy_alone(path: Path) -> None:
    """NumPy, ml_dtypes, the standard library and itself."""
    roots = {name.partition(".")[0] for name in imported(path)}

    assert roots <= {"reference", "numpy", "ml_dtypes", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", [path for path in SOURCES if module(path).startswith("reference")], ids=module)
def test_no_name_of_the_reference_hides_a_module(path: Path) -> None:
    """`import reference.ops.conv2d as m` gives a module: no package hides one of its own behind a function."""
    name = module(path)
    loaded = import_module(name)

    assert name == "reference" or attrgetter(name.partition(".")[2])(reference) is loaded


@pytest.mark.parametrize("library", ADAPTERS)
def test_a_judged_library_is_imported_by_its_adapter_alone(library: str) -> None:
    """It runs in the target's process only."""
    importing = {module(path) for path in SOURCES if any(name.partition(".")[0] == library for name in imported(path))}

    assert importing <= set(ADAPTERS[library])


def test_only_the_worker_process_knows_the_adapters() -> None:
    """Nothing that runs in the suite's own process imports one: they are named as text, or imported in a function."""
    adapters = {name for names in ADAPTERS.values() for name in names}
    knowing = {
        module(path)
        for path in SOURCES
        if module(path) not in adapters
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ImportFrom)
        and adapters & {f"{node.module}.{a.name}" for a in node.names} | adapters & {node.module}
    }

    assert not knowing


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Whatever is imported, when a module is loaded or in a function, leads back to no module that it came from."""
    names = {module(path): path for path in SOURCES}
    known = {
        name: {target for found in imported(path) if (target := owner(found, names)) not in (None, name)}
        for name, path in names.items()
    }
    while leaves := {name for name, below in known.items() if not below & known.keys()}:
        known = {name: below for name, below in known.items() if name not in leaves}

    assert not known


def owner(name: str, modules: Container[str]) -> str | None:
    """Return the module that an imported name is, or stands in; a package counts where it holds the name itself."""
    return name if name in modules else parent if (parent := name.rpartition(".")[0]) in modules else None
