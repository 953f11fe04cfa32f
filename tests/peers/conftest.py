"""What the packages' own tests expect of pytest."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks that Keras' tests carry."""
    for mark in ("requires_trainable_backend", "multi_device", "openvino_backend"):
        config.addinivalue_line("markers", f"{mark}: Keras' own")
