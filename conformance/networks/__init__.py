"""Whole networks as lists of layers."""
