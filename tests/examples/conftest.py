"""What the tests of the examples share."""

from collections.abc import Iterator

import pytest

from conformance.cases.network import Runner
from conformance.targets import registry
from examples import running


@pytest.fixture(scope="module")
def tensorflow() -> Iterator[Runner]:
    """Give TensorFlow's eager target as a runner."""
    if reason := registry.available(registry.find("tf-cpu-eager")):
        pytest.skip(reason)
    with running.target("tf-cpu-eager") as (_, runner):
        yield runner
