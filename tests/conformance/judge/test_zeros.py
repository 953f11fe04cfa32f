"""What a right result shows of zeros and subnormal numbers."""

import numpy as np

from conformance.judge.zeros import shown
from conformance.model import Array
from conformance.sets import Results
from reference.bounds import exactly


def floats(*numbers: float) -> Array:
    """Return float32."""
    return np.array(numbers, np.float32)


def test_a_zero_has_the_sign_that_is_stated_or_either() -> None:
    """common.R6: of 0 and 1 where the reference gives +0; 1 tells nothing."""
    allowed = Results((exactly(floats(0, 1)),))

    assert shown(allowed, (floats(0, 1),)) == {"common.R6": ("as stated", "either")}
    assert shown(allowed, (floats(-0.0, 1),)) == {"common.R6": ("either",)}
    assert shown(Results((exactly(floats(1)),)), (floats(1),)) == {}


def test_subnormal_numbers_are_kept_or_flushed() -> None:
    """common.R3: 2^-130 is itself, or 0."""
    allowed = Results((exactly(floats(2.0**-130)),))

    assert shown(allowed, (floats(2.0**-130),)) == {"common.R3": ("kept", "flushed")}
    assert shown(allowed, (floats(0),)) == {"common.R3": ("flushed",)}


def test_integers_have_neither() -> None:
    """Their zero has no sign."""
    assert shown(Results((exactly(np.zeros(1, np.int32)),)), (np.zeros(1, np.int32),)) == {}
