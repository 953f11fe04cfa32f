"""ONNX Runtime: its adapter and, beside it, `functions` alone import it, in a worker only."""

from collections.abc import Mapping

import onnx
import onnxruntime

from conformance.model import Json
from conformance.targets.library import Library
from conformance.targets.onnxruntime.functions import FUNCTIONS

__all__ = ["load"]


def load(options: Mapping[str, Json]) -> Library:
    """Return the adapter; there are no options."""
    del options
    onnxruntime.set_default_logger_severity(4)
    versions = {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}
    return Library(functions=FUNCTIONS, versions=versions)
