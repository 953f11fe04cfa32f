"""Namespaces that claim more than they answer: `all_`, and `half`, which knows float32 only."""

from types import SimpleNamespace
from typing import Any

import reference

__all__ = ["all_", "half"]

PROFILE = {"ops": ["max_pool", "avg_pool"], "dtypes": ["float32", "float64"], "layouts": ["NHWC"]}


def never(**_: Any) -> None:  # noqa: ANN401 -- called as any op
    """Refuse every call."""
    raise NotImplementedError("not today")


def max_pool(**call: Any) -> Any:  # noqa: ANN401 -- called as tf.nn.max_pool
    """Compute float32 only."""
    if call["input"].dtype == "float64":
        raise NotImplementedError("float32 only")
    return reference.max_pool(**call)


all_ = SimpleNamespace(max_pool=never, avg_pool=never, PROFILE=PROFILE)
half = SimpleNamespace(max_pool=max_pool, PROFILE=PROFILE)
