"""
Layers of real networks, those that cost less than some four million multiplications.

Sources: LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86(11), 1998 (LeNet-5); Mnih
et al., Playing Atari with deep reinforcement learning, 2013 (DQN); He et al., Deep residual learning, CVPR 2016
(ResNet-20 on CIFAR-10); Howard et al., MobileNets, 2017; Radford et al., DCGAN, ICLR 2016.
"""

from dataclasses import dataclass

__all__ = ["CONVOLUTIONS", "DEPTHWISE", "POOLS", "RealLayer"]


@dataclass(frozen=True, slots=True)
class RealLayer:
    """One layer: square windows over an image."""

    name: str
    image: tuple[int, int, int]  # H, W, C
    taps: int
    stride: int
    padding: str
    outputs: int  # filters; channels of a pool
    groups: int = 1


CONVOLUTIONS = (
    RealLayer("LeNet-5, C3", (14, 14, 6), 5, 1, "VALID", 16),
    RealLayer("LeNet-5, C1", (32, 32, 1), 5, 1, "VALID", 6),
    RealLayer("LeNet-5, C5", (5, 5, 16), 5, 1, "VALID", 120),
    RealLayer("LeNet for MNIST, first", (28, 28, 1), 5, 1, "SAME", 32),
    RealLayer("DQN, first", (84, 84, 4), 8, 4, "VALID", 16),
    RealLayer("DQN, second", (20, 20, 16), 4, 2, "VALID", 32),
    RealLayer("ResNet-20, first", (32, 32, 3), 3, 1, "SAME", 16),
    RealLayer("ResNet-20, conv1", (32, 32, 16), 3, 1, "SAME", 16),
    RealLayer("ResNet-20, conv3", (8, 8, 64), 3, 1, "SAME", 64),
    RealLayer("MobileNet, depthwise at 14", (14, 14, 512), 3, 1, "SAME", 512, 512),
    RealLayer("MobileNet, pointwise at 7", (7, 7, 256), 1, 1, "SAME", 256),
    RealLayer("DCGAN, last, in reverse", (64, 64, 3), 5, 2, "SAME", 16),
)

DEPTHWISE = (
    RealLayer("MobileNet, depthwise at 14", (14, 14, 512), 3, 1, "SAME", 512, 512),
    RealLayer("MobileNet, depthwise at 14, stride 2", (14, 14, 512), 3, 2, "SAME", 512, 512),
    RealLayer("MobileNet, depthwise at 7", (7, 7, 1024), 3, 1, "SAME", 1024, 1024),
    RealLayer("MobileNet, depthwise at 56, stride 2", (56, 56, 64), 3, 2, "SAME", 64, 64),
)

POOLS = (
    RealLayer("LeNet-5, S2", (28, 28, 6), 2, 2, "VALID", 6),
    RealLayer("LeNet-5, S4", (10, 10, 16), 2, 2, "VALID", 16),
    RealLayer("LeNet for MNIST, first", (28, 28, 32), 2, 2, "SAME", 32),
    RealLayer("VGG-16, pool5", (14, 14, 128), 2, 2, "VALID", 128),
    RealLayer("AlexNet, pool5", (13, 13, 256), 3, 2, "VALID", 256),
    RealLayer("ResNet, global average", (7, 7, 512), 7, 1, "VALID", 512),
    RealLayer("Inception, between the branches", (17, 17, 64), 3, 1, "SAME", 64),
)
