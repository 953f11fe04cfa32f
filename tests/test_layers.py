"""Imports point down: each layer knows those below it, and TensorFlow stands in one file. Read from the source."""

import ast
import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

import reference

ROOT = Path(__file__).parent.parent
ADAPTERS = ROOT / "conformance" / "targets" / "adapters"

# From the lowest up; a module belongs to the longest name that it starts with. Those on one line may know one another.
LAYERS = [
    [
        "reference.errors",
        "reference.floats",
        "reference.windows",
        "reference.checks",
        "reference.arithmetic",
        "reference.geometry",
        "reference.random_bits",
    ],
    ["reference.engine"],
    ["reference.ops"],
    ["reference"],
    ["conformance.model", "conformance.errors"],
    ["conformance.cases", "conformance.targets", "conformance.networks", "conformance.allowed"],
    [
        "conformance.verdicts",
        "conformance.masks",
        "conformance.trials",
        "conformance.findings",
        "conformance.repro",
        "conformance.repro_compared",
        "conformance.waivers",
    ],
    [
        "conformance.runs",
        "conformance.store",
        "conformance.fingerprints",
        "conformance.campaign",
        "conformance.replaying",
        "conformance.vectors",
        "conformance.worst",
        "conformance.unjudged",
        "conformance.networks.command",
        "conformance.bench",
        "conformance.order",
        "conformance.run_wide",
        "conformance.repro_wide",
        "conformance.trust",
    ],
    ["conformance.report", "conformance.explain"],
    ["conformance.cli", "conformance.screen"],
    ["conformance.__main__"],
    ["examples"],
]
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


def test_tensorflow_is_imported_by_its_adapter_alone() -> None:
    """It runs in the target's process only."""
    importing = [path for path in SOURCES if any(name.partition(".")[0] == "tensorflow" for name in imported(path))]

    assert all(path.parent == ADAPTERS and path.stem.startswith("tensorflow") for path in importing)


def test_only_the_worker_process_knows_the_adapters() -> None:
    """Nothing that runs in the suite's own process imports one: they are named as text, or imported in a function."""
    knowing = {
        module(path)
        for path in SOURCES
        if path.parent != ADAPTERS
        for node in ast.parse(path.read_text()).body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "adapters.tensorflow" in ast.unparse(node)
    }

    assert not knowing
