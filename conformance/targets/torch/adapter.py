"""PyTorch: its adapter and, beside it, `functions` alone import PyTorch, in a worker only."""

from collections.abc import Mapping

import torch

from conformance.model import Json
from conformance.targets.library import Library
from conformance.targets.torch.functions import FUNCTIONS, array

__all__ = ["load"]


def load(options: Mapping[str, Json]) -> Library:
    """Return the adapter; there are no options."""
    del options
    torch.set_num_threads(1)  # so that results do not depend on the machine
    return Library(functions=FUNCTIONS, versions={"torch": torch.__version__}, array=array)
