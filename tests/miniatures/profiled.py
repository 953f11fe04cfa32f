"""A namespace that says what it claims: one op in float32, without dilation, and fewer words than tf.nn has."""

from reference import conv2d

__all__ = ["PROFILE", "conv2d"]

PROFILE = {
    "name": "profiled",
    "version": "1.0",
    "ops": ["conv2d"],
    "dtypes": ["float32"],
    "limits": [{"reason": "no dilation", "features": {"dilation": "above 1"}}],
    "deterministic": True,
}
