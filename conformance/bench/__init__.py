"""Timings of the layers of real networks: targets, the reference and other implementations, in one table."""
