"""LiteRT, the runtime of TensorFlow Lite's models, as a target, with each of its kinds of kernels."""
