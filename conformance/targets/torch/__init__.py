"""PyTorch as a target."""
