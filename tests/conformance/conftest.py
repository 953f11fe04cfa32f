"""What several tests of the suite share."""

import importlib.util
from collections.abc import Iterator

import pytest

from conformance.networks.running import Runner, on_target
from conformance.targets import registry
from conformance.targets.pool import Worker


@pytest.fixture(scope="module")
def tensorflow() -> Iterator[Runner]:
    """Give TensorFlow's eager target as a runner."""
    if not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed")
    with Worker(registry.find("tf-cpu-eager").start()) as worker:
        yield on_target(worker)
