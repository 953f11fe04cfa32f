"""JAX: its adapter and, beside it, `functions` alone import JAX, in a worker only."""

from collections.abc import Mapping

import jax
import jaxlib

from conformance.model import Json
from conformance.targets.jax.functions import FUNCTIONS
from conformance.targets.library import Library

__all__ = ["load"]


def load(options: Mapping[str, Json]) -> Library:
    """Return the adapter; there are no options."""
    del options
    jax.config.update("jax_enable_x64", val=True)  # else float64 and int64 would silently become 32 bits
    versions = {"jax": jax.__version__, "jaxlib": jaxlib.__version__}
    return Library(functions=FUNCTIONS, versions=versions)
