"""TensorFlow as a target."""
