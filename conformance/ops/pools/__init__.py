"""The pools, their gradients, and avg_unpool."""
