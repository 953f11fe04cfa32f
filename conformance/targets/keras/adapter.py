"""Keras: its adapter and, beside it, `functions` alone import Keras, in a worker only. KERAS_BACKEND is its backend."""

import importlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from conformance.model import Array, Json
from conformance.targets.keras.functions import FUNCTIONS
from conformance.targets.library import Library

__all__ = ["load"]


def array(tensor: Any) -> Array:  # noqa: ANN401 -- of a backend
    """Return a tensor as an array; TensorFlow's __array__ gives no array of a bfloat16 without axes."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    return np.asarray(tensor.numpy() if on_tensorflow else keras.ops.convert_to_numpy(tensor))


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
    return Library(functions=FUNCTIONS, versions=versions, array=array)
