"""Keras: its adapter and, beside it, `functions` alone import Keras, in a worker only. KERAS_BACKEND is its backend."""

import importlib
from collections.abc import Mapping

import keras

from conformance.model import Json
from conformance.targets.keras.functions import FUNCTIONS
from conformance.targets.library import Library

__all__ = ["load"]


def load(options: Mapping[str, Json]) -> Library:
    """Return the adapter; there are no options."""
    del options
    backend = keras.backend.backend()
    library = importlib.import_module(backend)
    if backend == "jax":
        library.config.update("jax_enable_x64", True)
    if backend == "torch":
        library.set_num_threads(1)
    versions = {"keras": keras.__version__, backend: str(library.__version__)}
    return Library(functions=FUNCTIONS, versions=versions, array=keras.ops.convert_to_numpy)
