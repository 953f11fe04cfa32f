"""One module an op, or a family: the docstring that specifies it, its checks and its definition."""
