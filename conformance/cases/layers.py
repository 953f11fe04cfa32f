"""
Layers: geometries that somebody uses. Those of real networks stand here, `corpus` reads many more.

Sources: LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86(11), 1998 (LeNet-5); Mnih
et al., Playing Atari with deep reinforcement learning, 2013 (DQN); He et al., Deep residual learning, CVPR 2016
(ResNet-20 on CIFAR-10); Howard et al., MobileNets, 2017; Radford et al., DCGAN, ICLR 2016. They cost less than some
four million multiplications.
"""

from dataclasses import dataclass
from math import prod

from reference import windows
from reference.windows import Axis

__all__ = ["CONVOLUTIONS", "DEPTHWISE", "POOLS", "Layer", "laid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One geometry; of a transposed convolution, the forward one behind it."""

    kind: str  # conv, deconv or pool
    source: str  # the network, or the list, that it comes from
    batch: int
    groups: int
    channels: int  # of the forward op's image
    outputs: int  # channels of its result
    rows: Axis
    columns: Axis
    padding: str  # the word for it: VALID, SAME or EXPLICIT

    @property
    def products(self) -> int:
        """The products of all sums, or the elements of all windows."""
        each = 1 if self.kind == "pool" else self.channels // self.groups
        return prod(
            (self.batch, self.rows.out, self.columns.out, self.outputs, self.rows.taps, self.columns.taps, each)
        )


def laid(kind: str, source: str, outer: tuple[int, int, int, int], rows: Axis, columns: Axis) -> Layer:
    """Return a layer, whose padding follows from its axes; outer: images, groups, channels, outputs."""
    batch, groups, channels, outputs = outer
    both = (rows, columns)
    same = all(axis == windows.lay(axis.size, axis.taps, axis.stride, axis.dilation, "SAME") for axis in both)
    none = all(axis.before == axis.after == 0 for axis in both)
    return Layer(
        kind=kind,
        source=source,
        batch=batch,
        groups=groups,
        channels=channels,
        outputs=outputs,
        rows=rows,
        columns=columns,
        padding="VALID" if none else "SAME" if same else "EXPLICIT",
    )


def real(
    source: str, image: tuple[int, int, int], taps: int, stride: int, padding: str, outputs: int, groups: int = 1
) -> Layer:
    """Return a layer of square windows; image: H, W, C; outputs: filters, 0 of a pool."""
    rows, columns = (windows.lay(size, taps, stride, 1, padding) for size in image[:2])
    return laid("conv" if outputs else "pool", source, (1, groups, image[2], outputs or image[2]), rows, columns)


CONVOLUTIONS = (
    real("LeNet-5, C3", (14, 14, 6), 5, 1, "VALID", 16),
    real("LeNet-5, C1", (32, 32, 1), 5, 1, "VALID", 6),
    real("LeNet-5, C5", (5, 5, 16), 5, 1, "VALID", 120),
    real("LeNet for MNIST, first", (28, 28, 1), 5, 1, "SAME", 32),
    real("DQN, first", (84, 84, 4), 8, 4, "VALID", 16),
    real("DQN, second", (20, 20, 16), 4, 2, "VALID", 32),
    real("ResNet-20, first", (32, 32, 3), 3, 1, "SAME", 16),
    real("ResNet-20, conv1", (32, 32, 16), 3, 1, "SAME", 16),
    real("ResNet-20, conv3", (8, 8, 64), 3, 1, "SAME", 64),
    real("MobileNet, depthwise at 14", (14, 14, 512), 3, 1, "SAME", 512, 512),
    real("MobileNet, pointwise at 7", (7, 7, 256), 1, 1, "SAME", 256),
    real("DCGAN, last, in reverse", (64, 64, 3), 5, 2, "SAME", 16),
)

DEPTHWISE = (
    real("MobileNet, depthwise at 14", (14, 14, 512), 3, 1, "SAME", 512, 512),
    real("MobileNet, depthwise at 14, stride 2", (14, 14, 512), 3, 2, "SAME", 512, 512),
    real("MobileNet, depthwise at 7", (7, 7, 1024), 3, 1, "SAME", 1024, 1024),
    real("MobileNet, depthwise at 56, stride 2", (56, 56, 64), 3, 2, "SAME", 64, 64),
)

POOLS = (
    real("LeNet-5, S2", (28, 28, 6), 2, 2, "VALID", 0),
    real("LeNet-5, S4", (10, 10, 16), 2, 2, "VALID", 0),
    real("LeNet for MNIST, first", (28, 28, 32), 2, 2, "SAME", 0),
    real("VGG-16, pool5", (14, 14, 128), 2, 2, "VALID", 0),
    real("AlexNet, pool5", (13, 13, 256), 3, 2, "VALID", 0),
    real("ResNet, global average", (7, 7, 512), 7, 1, "VALID", 0),
    real("Inception, between the branches", (17, 17, 64), 3, 1, "SAME", 0),
)
