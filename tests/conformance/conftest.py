"""What several tests of the suite share."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace

import pytest

from conformance.cases.network import Runner
from conformance.networks.running import OnTarget
from conformance.targets import registry
from conformance.targets.target import Target
from conformance.targets.transport.pool import Worker


@pytest.fixture(scope="module")
def tensorflow() -> Iterator[Runner]:
    """Give TensorFlow's eager target as a runner."""
    if not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed")
    with Worker(registry.find("tf-cpu-eager").start()) as worker:
        yield OnTarget(worker)


@pytest.fixture(params=["eager", "xla"])
def second_cpu(request: pytest.FixtureRequest) -> Target:
    """Give TensorFlow on a second logical CPU, which is placed as a GPU would be."""
    if reason := registry.available(registry.find("tf-cpu-eager")):
        pytest.skip(reason)
    return replace(registry.find(f"tf-cpu-{request.param}"), options={"mode": request.param, "device": "CPU:1"})
