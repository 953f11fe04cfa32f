"""
Two layers with pooling between them, each inferred so that it explains the image itself.

    image = deconvolution(filters1) unpooling(switches1) deconvolution(filters2) z2

A pool covers 2x2 elements of two neighbouring maps, and keeps the one of largest magnitude; its place is the switch.
Unpooling puts every value back at its switch. Layer 1 is inferred alone; its switches are then kept, and layer 2 is
inferred and its filters are learnt through them, down to the pixels.

Each step of inference is a step of `sparse_coding.ista` whose shrinkage is followed by pooling and unpooling
(`sparse_pools`). Together these two are exact: they minimise |z - v|^2 / 2 + step |z|_1 over all z with at most one
element in a pool, since keeping element i gains max(|v_i| - step, 0)^2 / 2. So no step raises C.

Source: Zeiler, Taylor and Fergus, Adaptive deconvolutional networks for mid and high level feature learning, ICCV 2011.
"""

from dataclasses import dataclass

import numpy as np

from conformance.cases.network import Runner
from conformance.model import Array
from examples.sparse_coding import Linear, Prox, soft

__all__ = ["Switches", "sparse_pools", "switched", "unpooling"]

POOL = {"ksize": [2, 4], "strides": [2, 4], "padding": "VALID"}  # of maps side by side: 2x2 elements of two maps


def side_by_side(maps: Array) -> Array:
    """Put each pair of maps [N, H, W, K] into one of twice the width, their columns in turn: [N, H, 2 W, K / 2]."""
    n, h, w, k = maps.shape
    return maps.reshape(n, h, w, k // 2, 2).transpose(0, 1, 2, 4, 3).reshape(n, h, 2 * w, k // 2)


def apart(maps: Array) -> Array:
    """Undo `side_by_side`."""
    n, h, w, k = maps.shape
    return maps.reshape(n, h, w // 2, 2, k).transpose(0, 1, 2, 4, 3).reshape(n, h, w // 2, 2 * k)


@dataclass(frozen=True, slots=True)
class Switches:
    """Where each pool's element lies."""

    argmax: Array  # N, H / 2, W / 2, K / 2: flat index into an image of the maps side by side
    shape: tuple[int, int, int, int]  # of the maps: N, H, W, K

    def pooled(self, maps: Array) -> Array:
        """Take the elements at the switches: maps [N, H, W, K] -> [N, H / 2, W / 2, K / 2]. The adjoint of unpooled."""
        flat = side_by_side(maps).reshape(len(maps), -1)
        return np.take_along_axis(flat, self.argmax.reshape(len(maps), -1), 1).reshape(self.argmax.shape)

    def unpooled(self, pools: Array, runner: Runner) -> Array:
        """Put values at the switches, zero elsewhere: [N, H / 2, W / 2, K / 2] -> maps [N, H, W, K]."""
        n, h, w, k = self.shape
        arguments = {"input": pools, "argmax": self.argmax, "output_shape": [n, h, 2 * w, k // 2]}
        return apart(runner("max_unpool", arguments)[0])


def switched(maps: Array, runner: Runner) -> Switches:
    """
    Return where each pool of maps [N, H, W, K] has its element of largest magnitude.

    Raises:
        ValueError: the maps cannot be divided into pools.
    """
    if any(side % 2 for side in maps.shape[1:]):
        raise ValueError(f"maps of shape {list(maps.shape)}: pools of 2x2 elements of two maps take even H, W and K")
    _, argmax = runner("max_pool_with_argmax", {"input": np.abs(side_by_side(maps)), **POOL})
    return Switches(argmax, maps.shape)


def sparse_pools(runner: Runner) -> Prox:
    """Return the shrinkage that leaves at most one element in a pool: soft, pool, unpool."""

    def prox(v: Array, step: float) -> Array:
        shrunk = soft(v, step)
        switches = switched(shrunk, runner)
        return switches.unpooled(switches.pooled(shrunk), runner)

    return prox


def unpooling(switches: Switches, runner: Runner) -> Linear:
    """Return unpooling at fixed switches; it keeps lengths, as no two pools overlap."""
    return Linear(lambda pools: switches.unpooled(pools, runner), switches.pooled, 1.0)
