"""Keras as a target, on each of its backends."""
