"""The regions of an op's small world: one for each dtype and part."""

from collections.abc import Mapping
from functools import cache

from conformance.cases.world import Region
from conformance.ops.table import OPS

__all__ = ["regions"]


@cache
def regions(op: str, side: int) -> Mapping[str, Region]:
    """Return the regions of an op up to a side, by name; the dtypes that the generator draws most come first."""
    record = OPS[op]
    parts = record.world.parts(side)
    found = (
        Region(op=op, dtype=dtype, part=part, side=side, axes=axes, call=record.world.call)
        for dtype in dict.fromkeys(record.dtypes)
        for part, axes in parts.items()
    )
    return {region.name: region for region in found}
