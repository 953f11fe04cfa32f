"""Several ops in turn, as graph optimisers fuse them."""
