"""Vectors: cases and what they may give, as files for implementations that Python cannot call."""
