"""
The features of valid calls: every attribute that `attributes` classifies, and its classes.

Limits and predicates are made of these words.
"""

from collections.abc import Mapping

__all__ = ["FEATURES"]

SIDES = ("0", "1", "odd", "even")
CHANNELS = ("0", "1", "below 8", "multiple of 8", "other")
TERMS = ("up to 256", "up to 2048", "above 2048")
LENGTHS = ("up to 11", "up to 200", "up to 8,192", "up to 65,535", "above 65,535")
ANSWERS = ("no", "yes")
PAIRS = ("absent", "none", "int", "one", "two", "four")

FEATURES: Mapping[str, tuple[str, ...]] = {
    "dtype": (
        *("float16", "bfloat16", "float32", "float64"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    ),
    "layout": ("NHWC", "NCHW"),
    "regime": ("lattice", "normal", "positive", "wide", "ill-conditioned", "special", "ties", "extremes"),
    "padding": ("SAME", "VALID", "EXPLICIT"),
    "padding ends": ("alike", "unlike"),
    "padding above window": ANSWERS,
    "longest window": LENGTHS,
    "longest side": LENGTHS,
    "window": ("1", "square", "oblong"),
    "stride": ("1", "above 1", "huge"),
    "strides": ("equal", "unequal"),
    "stride above window": ANSWERS,
    "window above image": ANSWERS,
    "remainder": ("0", "above 0"),
    "image height": SIDES,
    "image width": SIDES,
    "output height": SIDES,
    "output width": SIDES,
    "pooled height": SIDES,
    "pooled width": SIDES,
    "strides spelt": PAIRS,
    "dilations spelt": PAIRS,
    "ksize spelt": PAIRS,
    "data_format spelt": ("absent", "none", "NHWC", "NCHW", "other"),
    "shape spelt": ("list", "int32", "int64", "two"),
    "rank": ("0", "1", "2", "3", "4", "5"),
    "batch": ("0", "1", "above 1"),
    "channels": CHANNELS,
    "filters": CHANNELS,
    "multiplier": ("0", "1", "above 1"),
    "groups": ("1", "depthwise", "above 1"),
    "dilation": ("1", "above 1"),
    "terms": TERMS,
    "between channels": ANSWERS,
    "output_dtype": ("default", "int32", "int64"),
    "index with batch": ("default", *ANSWERS),
    "argmax": ("int32", "int64"),
    "argmax drawn": ("in blocks", "anywhere"),
    "elements": ("0", "1", *TERMS),
    "rate": ("0", "1/2", "small", "between", "outside"),
    "rate given as": ("number", "tensor"),
    "noise_shape": ("none", "full", "shared"),
    "noise_shape with None": ANSWERS,
    "seeds": ("none", "seed", "global_seed", "seed and global_seed"),
    "rng_alg": (
        *("default", "philox", "Philox", "threefry", "THREEFRY", "three-fry", "auto_select", "autoselect"),
        *("1", "2", "3", "None"),
    ),
    "algorithm": ("philox", "threefry", "auto_select"),
    "seed given as": ("list", "tensor"),
    "first": ("conv2d", "depthwise_conv2d", "conv2d_transpose", "max_pool"),
    "padded": ("no", "rows and columns", "batch or channels"),
    "pointwise": ("no", "first", "later"),
    "bias": ANSWERS,
    "normalised": ANSWERS,
    "addend": ANSWERS,
    "activation": ("none", "relu", "relu6", "elu", "leaky_relu", "sigmoid", "tanh"),
    "alpha": ("none", "default", "given"),
    "stages": ("usual", "other"),
}
