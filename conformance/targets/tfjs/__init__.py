"""TensorFlow.js as a target: its profile; the program itself stands in `harness`."""
