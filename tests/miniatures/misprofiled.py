"""A namespace whose profile is none."""

from reference import conv2d

__all__ = ["PROFILE", "conv2d"]

PROFILE = {"dtypes": ["float31"]}
