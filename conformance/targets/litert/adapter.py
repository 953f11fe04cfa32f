"""
LiteRT: its adapter and, beside it, `functions` alone import LiteRT, in a worker only.

Options:
    kernels  "builtin", the optimized ones; "xnnpack", what the delegate of that name takes, and builtin; "reference"
"""

from collections.abc import Mapping
from importlib.metadata import version

from ai_edge_litert.interpreter import OpResolverType

from conformance.model import Json
from conformance.targets.library import Library
from conformance.targets.litert.functions import functions

__all__ = ["load"]

RESOLVERS = {
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": OpResolverType.BUILTIN,
    "reference": OpResolverType.BUILTIN_REF,
}


def load(options: Mapping[str, Json]) -> Library:
    """Return the adapter of one kind of kernels."""
    kernels = str(options.get("kernels", "builtin"))
    return Library(functions=functions(RESOLVERS[kernels]), versions={"ai-edge-litert": version("ai-edge-litert")})
