"""The convolutions: conv2d, its transpose and its gradients."""
