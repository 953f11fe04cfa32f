"""What dropout's page says of later draws, which it does not specify, is what TensorFlow does. It runs in a child."""

import importlib.util
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from reference.floats import FORMATS, Array
from reference.random_bits import op_seeds, philox, uniform

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
]

GLOBAL_SEED, SEED = 7, 3
SIZES = [3, 35, 4]  # of three draws, one after the other
PROGRAM = """
import json, sys
import tensorflow as tf

def kept(size, dtype, seed):
    return (tf.nn.dropout(tf.ones([size], dtype), 0.5, seed=seed) != 0).numpy().tolist()

given = json.load(sys.stdin)
answers = []
for dtype in given["dtypes"]:
    for seed in (given["seed"], None):
        tf.random.set_seed(given["global_seed"])
        answers.append([kept(size, dtype, seed) for size in given["sizes"]])
print(json.dumps(answers))
"""


def numbers(size: int, dtype: np.dtype[np.generic], seed: int, block: int) -> Array:
    """Return the uniform numbers that start at a block of the sequence of both seeds."""
    key, stream = op_seeds(GLOBAL_SEED, seed)
    words = [word & 0xFFFFFFFF for word in (key, key >> 32, stream, stream >> 32)]
    blocks = np.arange(block, block + size)
    counters = np.stack(np.broadcast_arrays(blocks, 0, *words[2:]), axis=-1).astype(np.uint32)
    count = size * (2 if dtype == np.float64 else 1)
    return uniform(philox(counters, words[:2]).reshape(-1)[:count], dtype)


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[str, bool], list[list[bool]]]:
    """Return by dtype, and whether the op had a seed, what three calls kept."""
    given = {"dtypes": list(FORMATS), "seed": SEED, "global_seed": GLOBAL_SEED, "sizes": SIZES}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(  # noqa: S603 -- this program
        command, input=json.dumps(given), text=True, check=True, timeout=300, stdout=subprocess.PIPE
    )
    keys = [(dtype, seeded) for dtype in FORMATS for seeded in (True, False)]
    return dict(zip(keys, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_seeded_op_goes_on_256_blocks_further_for_each_element(
    drawn: dict[tuple[str, bool], list[list[bool]]], dtype: str
) -> None:
    """Dropout's docstring: the sizes of the calls before count, whatever this one's is."""
    starts = [256 * sum(SIZES[:call]) for call in range(len(SIZES))]

    masks = [numbers(size, FORMATS[dtype].dtype, SEED, start) >= 0.5 for size, start in zip(SIZES, starts, strict=True)]

    assert drawn[dtype, True] == [mask.tolist() for mask in masks]


@pytest.mark.parametrize("dtype", FORMATS)
def test_without_an_ops_seed_each_call_takes_the_next_of_pythons_integers(
    drawn: dict[tuple[str, bool], list[list[bool]]], dtype: str
) -> None:
    """Dropout's docstring: each starts a sequence of its own."""
    source = random.Random(GLOBAL_SEED)  # noqa: S311 -- TensorFlow's choice
    seeds = [source.randint(0, 2**31 - 1) for _ in SIZES]

    masks = [numbers(size, FORMATS[dtype].dtype, seed, 0) >= 0.5 for size, seed in zip(SIZES, seeds, strict=True)]

    assert drawn[dtype, False] == [mask.tolist() for mask in masks]
