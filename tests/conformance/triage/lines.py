"""How long a finding's script is."""

import re

NUMBERS = re.compile(r" {4}(\[|-?(\d|nan|inf)|True|False)")  # a line that goes on with those of an array


def code_lines(script: str) -> int:
    """Return how many lines a script has but for the numbers of its arrays."""
    return sum(not NUMBERS.match(line) for line in script.splitlines())
