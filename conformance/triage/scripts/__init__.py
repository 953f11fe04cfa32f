"""The scripts of findings: plain NumPy and TensorFlow, for a bug report."""
