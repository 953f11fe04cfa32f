"""The small worlds of max_unpool and of its gradient."""

from collections.abc import Mapping
from typing import Any

from conformance.cases.world import Axes, half
from conformance.model import Case
from conformance.ops.unpooling.calls import Unpool, written

__all__ = ["call", "parts"]


def parts(side: int) -> Mapping[str, Axes]:
    """
    Return the axes of the unpoolings up to a side, by the dtype of the indices.

    What is pooled may be larger than the image: with ties, and by half the seeds, indices come twice.
    """
    few, sides = tuple(half(side)), tuple(range(1, side + 1))
    return {
        argmax: {
            "batch": few,
            "high": few,
            "wide": few,
            "channels": few,
            "rows": sides,
            "columns": sides,
            "include_batch_in_index": (None, False, True),
            "regime": ("lattice", "ties"),
            "argmax": (argmax,),
        }
        for argmax in ("int64", "int32")
    }


def call(op: str, dtype: str, number: int, **chosen: Any) -> Case:  # noqa: ANN401 -- an entry of each axis
    """Return the call."""
    return written(
        Unpool(
            op=op,
            result=(chosen["batch"], chosen["high"], chosen["wide"], chosen["channels"]),
            size=(chosen["rows"], chosen["columns"]),
            argmax=chosen["argmax"],
            include_batch_in_index=chosen["include_batch_in_index"],
            sizes="list",
            dtype=dtype,
            regime=chosen["regime"],
            seed=number,
        )
    )
