"""Classes of numbers, of which features are made: few enough that pairs are met, fine enough to tell faults apart."""

__all__ = ["above", "channels", "count", "length", "side", "stride", "terms"]


def count(count: int) -> str:
    """Classify a batch."""
    return str(count) if count < 2 else "above 1"


def above(value: int) -> str:
    """Classify dilations, and most strides."""
    return "1" if value == 1 else "above 1"


def stride(stride: int) -> str:
    """Classify strides; a huge one has more than 15 bits, and its sum with a padding may overflow."""
    return "huge" if stride >= 2**15 else above(stride)


def side(size: int) -> str:
    """Classify a height or width."""
    return str(size) if size < 2 else "odd" if size % 2 else "even"


def channels(count: int) -> str:
    """Classify channels and filters, by what vectors of 8 have to do with them."""
    return str(count) if count < 2 else "below 8" if count < 8 else "other" if count % 8 else "multiple of 8"


def length(longest: int) -> str:
    """Classify the longest side, or window, by what tables and counters of 16 bits have to do with it."""
    return next((f"up to {most:,}" for most in (11, 200, 8_192, 65_535) if longest <= most), "above 65,535")


def terms(count: int) -> str:
    """Classify the number of terms of a sum, or of elements."""
    return "up to 256" if count <= 256 else "up to 2048" if count <= 2048 else "above 2048"
