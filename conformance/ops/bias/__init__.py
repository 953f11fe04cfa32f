"""bias_add and its gradient."""
