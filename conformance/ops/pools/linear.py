"""avg_pool as a sum: its operand, and the shapes of a call by its sizes."""

from conformance.cases.linear import Linear, Shapes, Sizes

__all__ = ["AVERAGE"]


def of_avg_pool(sizes: Sizes) -> Shapes:
    """Return likewise for avg_pool."""
    return {"input": sizes.shaped(sizes.image, sizes.filters)}, {"ksize": list(sizes.window)}


AVERAGE = Linear(
    left="input",
    right=None,
    many=0,
    out=0,
    slides=True,
    axes=("images", "rows", "columns", "channels"),
    shapes=of_avg_pool,
)
