"""The dropouts."""
