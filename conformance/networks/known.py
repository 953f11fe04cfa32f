"""The networks: published ones whose layers are convolutions, pools and their ways back."""

from collections.abc import Iterator, Mapping, Sequence

from conformance.cases.network import WHOLE, Layer, Network
from conformance.errors import SuiteError
from conformance.networks.counting import images
from conformance.networks.kinds import kind_of
from reference.arithmetic import Padding, Pair

__all__ = ["NETWORKS", "mirrored"]


def conv(name: str, taps: int, outputs: int, stride: int = 1, padding: Padding = "SAME", **more: str | bool) -> Layer:
    """Return a convolution with square filters, and relu unless another activation is named."""
    more = {"activation": "relu", **more}
    return Layer(
        name=name,
        op="conv2d",
        taps=(taps, taps),
        outputs=outputs,
        strides=(stride, stride),
        padding=padding,
        **more,  # type: ignore[arg-type]
    )


def dense(name: str, outputs: int, activation: str = "relu") -> Layer:
    """Return a fully connected layer: a convolution whose filters cover the image."""
    return Layer(name=name, op="conv2d", taps=WHOLE, outputs=outputs, activation=activation)


def pool(name: str, taps: int = 2, stride: int = 2, op: str = "max_pool", padding: Padding = "VALID") -> Layer:
    """Return a pool with a square window."""
    return Layer(name=name, op=op, taps=(taps, taps), strides=(stride, stride), padding=padding)


def up(name: str, taps: int, outputs: int, stride: int, size: Pair, padding: Padding, activation: str) -> Layer:
    """Return a transposed convolution to an image of this size."""
    return Layer(
        name=name,
        op="conv2d_transpose",
        taps=(taps, taps),
        outputs=outputs,
        strides=(stride, stride),
        padding=padding,
        size=size,
        activation=activation,
    )


def vgg() -> Iterator[Layer]:
    """Yield the convolutions and pools of VGG-16."""
    for block, (times, outputs) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for number in range(1, times + 1):
            yield conv(f"conv{block}_{number}", 3, outputs)
        yield pool(f"pool{block}", op="max_pool_with_argmax")


def bottlenecks() -> Iterator[Layer]:
    """Yield ResNet-50's stem and the first block of each stage, without its shortcut."""
    yield conv("conv1", 7, 64, 2, ((3, 3), (3, 3)), bias=False)
    yield pool("pool1", 3, 2, padding=((1, 1), (1, 1)))
    for stage, depth in enumerate((64, 128, 256, 512), 2):
        yield conv(f"conv{stage}_1a", 1, depth, 1 if stage == 2 else 2, bias=False)
        yield conv(f"conv{stage}_1b", 3, depth, bias=False)
        yield conv(f"conv{stage}_1c", 1, 4 * depth, bias=False)


def separable() -> Iterator[Layer]:
    """Yield MobileNet's stem, and its convolutions one channel at a time with those of 1x1 that follow them."""
    yield conv("conv1", 3, 32, 2, bias=False, activation="relu6")
    channels = 32
    for number, (outputs, stride) in enumerate(MOBILE, 1):
        yield Layer(
            name=f"conv{number}_dw",
            op="depthwise_conv2d",
            taps=(3, 3),
            outputs=channels,
            strides=(stride, stride),
            padding="SAME",
            bias=False,
            activation="relu6",
        )
        yield conv(f"conv{number}_pw", 1, outputs, bias=False, activation="relu6")
        channels = outputs


def contracting_and_expanding(image: Pair, widths: Sequence[int] = (64, 128, 256, 512, 1024)) -> Iterator[Layer]:
    """
    Yield U-Net's layers for an image of this size.

    Each level down halves the sides, rounded up; each level up comes back to the size that was met on the way down, and
    takes what that level gave beside its own.
    """
    sizes = [image]
    for level, width in enumerate(widths, 1):
        if level > 1:
            yield pool(f"pool{level - 1}", padding="SAME")
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        yield conv(f"conv{level}_1", 3, width)
        yield conv(f"conv{level}_2", 3, width)
    for level in reversed(range(1, len(widths))):
        width = widths[level - 1]
        yield up(f"up{level}", 2, width, 2, sizes[level - 1], "SAME", "")
        yield conv(f"back{level}_1", 3, width, beside=f"conv{level}_2")
        yield conv(f"back{level}_2", 3, width)
    yield conv("output", 1, 2, activation="")


def mirrored(network: Network, title: str, source: str) -> Network:
    """
    Return a network followed by its way back to pixels: the deconvolutional network that visualises it.

    Backwards, each pool is undone by unpooling at its argmax, each convolution by relu and the transposed convolution
    with the same filters.
    """
    back = [
        _undone(layer, (image[0], image[1]), image[2])
        for layer, image in zip(network.layers, images(network), strict=False)
    ]
    layers = (*network.layers, *reversed(back))
    return Network(name=f"{network.name}-mirror", title=title, input=network.input, layers=layers, source=source)


def _undone(layer: Layer, size: Pair, channels: int) -> Layer:
    """Return the layer that leads back from a layer's output to its input."""
    back = kind_of(layer).back
    if back is None:
        raise SuiteError(f"no layer leads back through {layer.op}: {layer.name}")
    return back(layer, size, channels)


# Outputs and stride of each of MobileNet's blocks.
MOBILE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))

LENET = Network(
    name="lenet-5",
    title="LeNet-5, classic",
    input=(32, 32, 1),
    layers=(
        conv("c1", 5, 6, padding="VALID", activation="tanh"),
        pool("s2", op="avg_pool"),
        conv("c3", 5, 16, padding="VALID", activation="tanh"),
        pool("s4", op="avg_pool"),
        conv("c5", 5, 120, padding="VALID", activation="tanh"),
        dense("f6", 84, "tanh"),
        dense("output", 10, ""),
    ),
    source="LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE "
    "86(11), 1998, with every map of c3 connected to all of s2's",
    errors=(
        "c3 has 241600 connections: (5*5*6 + 1) * 1600. A text prints 41600: (5*5 + 1) * 1600, one input map.",
        "output has 850 connections: (84 + 1) * 10. A text prints 10164, which is f6's.",
    ),
)

MNIST = Network(
    name="lenet-5-mnist",
    title="LeNet-5 for MNIST",
    input=(28, 28, 1),
    layers=(
        conv("conv1", 5, 32),
        pool("pool1"),
        conv("conv2", 5, 64),
        pool("pool2"),
        dense("fc1", 512),
        Layer(name="dropout", op="stateless_dropout", rate=0.5),
        dense("fc2", 10, ""),
    ),
    source="TensorFlow's tutorial, models/image/mnist/convolutional.py",
)

DQN = Network(
    name="dqn",
    title="Atari DQN",
    input=(84, 84, 4),
    layers=(
        conv("conv1", 8, 16, 4, "VALID"),
        conv("conv2", 4, 32, 2, "VALID"),
        dense("fc", 256),
        dense("actions", 18, ""),
    ),
    source="Mnih et al., Playing Atari with deep reinforcement learning, arXiv:1312.5602, 2013",
)

VGG = Network(
    name="vgg-16",
    title="VGG-16, its convolutions",
    input=(224, 224, 3),
    layers=tuple(vgg()),
    source="Simonyan and Zisserman, Very deep convolutional networks, ICLR 2015, configuration D",
)

FCN = Network(
    name="fcn-32s",
    title="FCN-32s, from VGG's last pool to a 500x500 image",
    input=(22, 22, 512),
    layers=(
        conv("fc6", 7, 4096, padding="VALID"),
        conv("fc7", 1, 4096),
        conv("score", 1, 21, activation=""),
        Layer(
            name="upscore",
            op="conv2d_transpose",
            taps=(64, 64),
            outputs=21,
            strides=(32, 32),
            size=(544, 544),
            bias=False,
        ),
    ),
    source="Long, Shelhamer and Darrell, Fully convolutional networks for semantic segmentation, CVPR 2015: the image "
    "padded by 100, so that 698x698 shrinks to 22x22; 544x544 is cropped to 500x500",
)

DCGAN = Network(
    name="dcgan",
    title="DCGAN's generator",
    input=(1, 1, 100),
    layers=(
        up("project", 4, 1024, 1, (4, 4), "VALID", "relu"),
        up("up1", 5, 512, 2, (8, 8), "SAME", "relu"),
        up("up2", 5, 256, 2, (16, 16), "SAME", "relu"),
        up("up3", 5, 128, 2, (32, 32), "SAME", "relu"),
        up("up4", 5, 3, 2, (64, 64), "SAME", "tanh"),
    ),
    source="Radford, Metz and Chintala, Unsupervised representation learning with deep convolutional generative "
    "adversarial networks, ICLR 2016, without batch norm",
)

RESNET = Network(
    name="resnet-50",
    title="ResNet-50: stem and first blocks",
    input=(224, 224, 3),
    layers=tuple(bottlenecks()),
    source="He, Zhang, Ren and Sun, Deep residual learning for image recognition, CVPR 2016, without batch norm",
)

MOBILENET = Network(
    name="mobilenet",
    title="MobileNet, width 1",
    input=(224, 224, 3),
    layers=(*separable(), pool("pool", 7, 1, "avg_pool"), dense("output", 1000, "")),
    source="Howard et al., MobileNets: efficient convolutional neural networks for mobile vision applications, "
    "arXiv:1704.04861, 2017, without batch norm; with relu6, as keras.applications has it, where the paper has relu",
)

UNET = Network(
    name="u-net",
    title="U-Net at odd sides",
    input=(75, 53, 1),
    layers=tuple(contracting_and_expanding((75, 53))),
    source="Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation, MICCAI "
    "2015, with SAME padding, as most implementations have it, where the paper crops",
)

DECONVOLUTIONAL = mirrored(
    VGG,
    "VGG-16 and its deconvolutional mirror",
    "Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014, at VGG-16's sizes",
)

NETWORKS: Mapping[str, Network] = {
    network.name: network for network in (LENET, MNIST, DQN, VGG, DECONVOLUTIONAL, FCN, DCGAN, RESNET, MOBILENET, UNET)
}
