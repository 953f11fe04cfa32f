"""
Every rule is numbered, of one kind, and named by a test.

`VALID` holds one small valid call of each op; `BROKEN` says for each rule that can be broken which arguments of that
call to exchange so that it is broken and nothing else is: those of the interface. The others say what a result is:
`MATHEMATICS`, and the choices.
"""

import ast
import inspect
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from reference import SpecError
from reference.ops import CHOICES, COMMON
from tests.reference.valid_calls import OPS, PAIRS, SMALL, VALID, zeros

HERE = Path(__file__)
SOURCES = sorted(Path(inspect.getfile(reference)).parent.rglob("*.py"))
RULE = re.compile(r"^ *([a-z_0-9]+)\.R(\d+) +\S", re.MULTILINE)


def broken_convolution(op: str, filters: str, image: str) -> dict[str, dict[str, Any]]:
    """Return what breaks rules R3 to R9, which all convolutions share. Filters and image are arrays or shapes."""

    def of(name: str, *shape: int) -> dict[str, Any]:
        return {name: zeros(*shape) if name in {"filter", "filters", "input"} else shape}

    return {
        f"{op}.R3": {"strides": 0},
        f"{op}.R4": {"dilations": [1, 1, 1, 2]},
        f"{op}.R5": {"padding": "SNAME"},
        f"{op}.R6": {"data_format": "NCWH"},
        f"{op}.R7": of(filters, 0, 2, 2, 2),
        f"{op}.R8": of(filters, 2, 2, 3, 2),
        f"{op}.R9": of(image, 2, 4, 0, 2) | of(filters, 2, 5, 2, 2),
    }


def broken_pool(op: str) -> dict[str, dict[str, Any]]:
    """Return what breaks rules R3 to R8, which all pools share."""
    return {
        f"{op}.R3": {"strides": [2, 1, 1, 1]},
        f"{op}.R4": {"ksize": [2, 0]},
        f"{op}.R5": {"padding": [[0, 0], [2, 0], [0, 0], [0, 0]]},
        f"{op}.R6": {"data_format": "CHWN"},
        f"{op}.R7": {"ksize": [1, 1, 1, 2], "strides": [1, 1, 1, 1]},
        f"{op}.R8": {"ksize": 7},
    }


BROKEN: dict[str, dict[str, Any]] = {
    "conv2d.R1": {"input": zeros(4, 4, 2)},
    "conv2d.R2": {"filters": zeros(2, 2, 2, 2, dtype=np.float64)},
    **broken_convolution("conv2d", "filters", "input"),
    "conv2d_transpose.R1": {"filters": zeros(2, 2, 2)},
    "conv2d_transpose.R2": {"input": zeros(2, 2, 2, 2, dtype=np.int64)},
    **broken_convolution("conv2d_transpose", "filters", "output_shape"),
    "conv2d_transpose.R10": {"output_shape": [4, 4, 2]},
    "conv2d_transpose.R11": {"output_shape": [2, 6, 4, 2]},
    "conv2d_backprop_input.R1": {"out_backprop": zeros(2, 2, 2)},
    "conv2d_backprop_input.R2": {"filters": zeros(2, 2, 2, 2, dtype=np.int32)},
    **broken_convolution("conv2d_backprop_input", "filters", "input_sizes"),
    "conv2d_backprop_input.R10": {"input_sizes": [2.0, 4.0, 4.0, 2.0]},
    "conv2d_backprop_input.R11": {"out_backprop": zeros(2, 2, 3, 2)},
    "conv2d_backprop_filter.R1": {"filter_sizes": [2, 2]},
    "conv2d_backprop_filter.R2": {"input": zeros(2, 4, 4, 2, dtype=np.uint8)},
    **broken_convolution("conv2d_backprop_filter", "filter_sizes", "input"),
    "conv2d_backprop_filter.R10": {"out_backprop": zeros(1, 2, 2, 2)},
    "depthwise_conv2d.R1": {"input": zeros(1, 2, 4, 4, 2)},
    "depthwise_conv2d.R2": {"filter": zeros(2, 2, 2, 2, dtype=np.int32)},
    **broken_convolution("depthwise_conv2d", "filter", "input"),
    "depthwise_conv2d_backprop_input.R1": {"filter": zeros(2, 2, 2)},
    "depthwise_conv2d_backprop_input.R2": {"out_backprop": zeros(2, 2, 2, 4, dtype=np.int32)},
    **broken_convolution("depthwise_conv2d_backprop_input", "filter", "input_sizes"),
    "depthwise_conv2d_backprop_input.R10": {"input_sizes": [4, 4]},
    "depthwise_conv2d_backprop_input.R11": {"out_backprop": zeros(2, 2, 2, 2)},
    "depthwise_conv2d_backprop_filter.R1": {"filter_sizes": [2, 2, 2]},
    "depthwise_conv2d_backprop_filter.R2": {"input": zeros(2, 4, 4, 2, dtype=np.float64)},
    **broken_convolution("depthwise_conv2d_backprop_filter", "filter_sizes", "input"),
    "depthwise_conv2d_backprop_filter.R10": {"out_backprop": zeros(2, 2, 3, 4)},
    "bias_add.R1": {"value": zeros(2)},
    "bias_add.R2": {"bias": zeros(2, dtype=np.float64)},
    "bias_add.R3": {"data_format": "channels_last"},
    "bias_add.R4": {"bias": zeros(3)},
    "bias_add_grad.R1": {"out_backprop": zeros(2, 2), "data_format": "NCHW"},
    "bias_add_grad.R2": {"out_backprop": zeros(2, 2, dtype=np.bool_)},
    "bias_add_grad.R3": {"data_format": "NWC"},
    "max_pool.R1": {"input": zeros(4, 4, 2)},
    "max_pool.R2": {"input": zeros(2, 4, 4, 2, dtype=np.uint32)},
    **broken_pool("max_pool"),
    "max_pool.R12": {"input": zeros(2, 0, 4, 2), "padding": PAIRS},
    "max_pool_with_argmax.R1": {"input": zeros(0, 4, 4, 2)},
    "max_pool_with_argmax.R2": {"output_dtype": "int16"},
    **broken_pool("max_pool_with_argmax"),
    "max_pool_with_argmax.R12": {
        "input": np.broadcast_to(zeros(1), (1, 2**16, 2**15 + 2, 1)),
        "output_dtype": "int32",
    },
    "max_pool_grad.R1": {"orig_input": zeros(4, 4, 2)},
    "max_pool_grad.R2": {"grad": zeros(2, 2, 2, 2, dtype=np.float64)},
    **broken_pool("max_pool_grad"),
    "max_pool_grad.R9": {"grad": zeros(2, 2, 2, 1)},
    "max_pool_grad.R13": {"orig_input": zeros(2, 4, 0, 2), "padding": PAIRS},
    "max_pool_grad_grad.R1": {"orig_input": zeros(4, 4, 2)},
    "max_pool_grad_grad.R2": {"grad": zeros(2, 4, 4, 2, dtype=np.float64)},
    **broken_pool("max_pool_grad_grad"),
    "max_pool_grad_grad.R9": {"grad": zeros(2, 2, 2, 2)},
    "max_pool_grad_grad.R13": {
        "orig_input": zeros(2, 4, 0, 2),
        "grad": zeros(2, 4, 0, 2),
        "padding": PAIRS,
    },
    "max_unpool_grad.R1": {"grad": zeros(4, 4, 2)},
    "max_unpool_grad.R2": {"argmax": zeros(2, 2, 2, 2)},
    "max_unpool_grad.R3": {"argmax": zeros(1, 2, 2, 2, dtype=np.int64)},
    "max_unpool_grad.R4": {"argmax": np.full(SMALL.shape, -1)},
    "avg_unpool_grad.R1": {"grad": zeros(4, 4, 2)},
    "avg_unpool_grad.R2": {"grad": zeros(2, 4, 4, 2, dtype=np.int32)},
    **broken_pool("avg_unpool_grad"),
    "avg_pool.R1": {"input": zeros(1, 2, 4, 4, 2)},
    "avg_pool.R2": {"input": zeros(2, 4, 4, 2, dtype=np.int32)},
    **broken_pool("avg_pool"),
    "avg_pool_grad.R1": {"orig_input_shape": [2, 4, 4]},
    "avg_pool_grad.R2": {"grad": zeros(2, 2, 2, 2, dtype=np.int32)},
    **broken_pool("avg_pool_grad"),
    "avg_pool_grad.R9": {"grad": zeros(2, 2, 1, 2)},
    "avg_unpool.R1": {"input": zeros(2, 2, 2)},
    "avg_unpool.R2": {"input": zeros(2, 2, 2, 2, dtype=np.int8)},
    **broken_pool("avg_unpool"),
    "avg_unpool.R9": {"output_shape": [2, 6, 4, 2]},
    "max_unpool.R1": {"argmax": zeros(2, 2, 2, 1, dtype=np.int64)},
    "max_unpool.R2": {"argmax": zeros(2, 2, 2, 2, dtype=np.int16)},
    "max_unpool.R3": {"output_shape": [2, 4, -4, 2]},
    "max_unpool.R4": {"output_shape": [1, 4, 4, 2]},
    "max_unpool.R5": {"argmax": np.full(SMALL.shape, 32)},
    "dropout.R1": {"x": zeros(2, 3, dtype=np.int32)},
    "dropout.R2": {"rate": 1.0},
    "dropout.R3": {"rate": np.array(0.5, np.float64)},
    "dropout.R6": {"noise_shape": [2, -3]},
    "dropout.R7": {"noise_shape": [2, 2]},
    "stateless_dropout.R1": {"seed": [1, 2, 3]},
    "stateless_dropout.R2": {"rng_alg": "mersenne"},
    "dropout_grad.R1": {"kept": zeros(3, dtype=np.bool_)},
    "pattern.R1": {"bias": zeros(3)},
}

MATHEMATICS = {
    *(f"conv2d.R{n}" for n in (11, 12, 13)),
    *(f"conv2d_transpose.R{n}" for n in (12, 14, 15)),
    "conv2d_backprop_input.R12",
    "conv2d_backprop_filter.R11",
    *(f"depthwise_conv2d.R{n}" for n in (11, 12)),
    "depthwise_conv2d_backprop_input.R12",
    "depthwise_conv2d_backprop_filter.R11",
    *(f"bias_add.R{n}" for n in (5, 6, 7)),
    *(f"bias_add_grad.R{n}" for n in (4, 5, 6)),
    *(f"max_pool.R{n}" for n in (9, 11)),
    *(f"max_pool_with_argmax.R{n}" for n in (9, 10)),
    "max_pool_grad.R10",
    "max_pool_grad_grad.R10",
    "max_unpool_grad.R5",
    "avg_pool.R9",
    *(f"max_unpool.R{n}" for n in (6, 7)),
    *(f"dropout.R{n}" for n in (5, 8, 10, 12, 16)),
    "pattern.R2",
}

HEADINGS = ("Interface", "Mathematics", "Choices")


def stated() -> list[tuple[str, int]]:
    """Return every rule that a docstring of the specification states: its op and its number, in the order found."""
    found = []
    for source in SOURCES:
        nodes = [
            node
            for node in ast.walk(ast.parse(source.read_text()))
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module))
        ]
        texts = [ast.get_docstring(node) or "" for node in nodes]
        found += [(op, int(number)) for text in texts for op, number in RULE.findall(text)]
    return found


def under(heading: str) -> set[str]:
    """Return the ids of the rules that docstrings state under one heading."""
    sections = re.compile(rf"^ *{heading}:\n((?: *\S.*\n)+)", re.MULTILINE)
    texts = (text for source in SOURCES for text in sections.findall(source.read_text()))
    return {f"{op}.R{number}" for text in texts for op, number in RULE.findall(text)}


def of_ops() -> set[str]:
    """Return the ids of the public ops' rules."""
    return {f"{op}.R{number}" for op, number in stated() if op in OPS}


def named(pattern: str, *, but: Path) -> set[str]:
    """Return every rule id that the test files, but one, name."""
    texts = [path.read_text() for path in HERE.parent.parent.rglob(pattern) if path != but]
    return {rule.replace("\\", "") for text in texts for rule in re.findall(r"[a-z_0-9]+\\?\.R\d+", text)}


@pytest.mark.parametrize("op", OPS)
def test_an_op_states_its_rules(op: str) -> None:
    """Each has at least one, under its own name."""
    assert op in {name for name, _ in stated()}


def test_numbers_of_rules_are_unique_and_gapless() -> None:
    """1, 2, 3 ... for each op, and for the arithmetic and the geometry."""
    counted = Counter(stated())

    assert set(counted.values()) == {1}
    for op in {name for name, _ in counted}:
        numbers = sorted(number for name, number in counted if name == op)
        assert numbers == list(range(1, len(numbers) + 1)), op


def test_every_rule_has_a_kind() -> None:
    """It stands under one heading: what can be broken is interface, what others decide otherwise a choice."""
    kinds = [under(heading) for heading in HEADINGS]

    assert sum(map(len, kinds)) == len(set.union(*kinds))
    assert kinds == [BROKEN.keys(), MATHEMATICS, CHOICES.keys()]
    assert set.union(*kinds) == of_ops() | COMMON.keys()


@pytest.mark.parametrize("rule", CHOICES)
def test_a_choice_has_alternatives_that_somebody_makes(rule: str) -> None:
    """At least two, each under its own name, with its makers and a source; TensorFlow makes the first or another."""
    alternatives = CHOICES[rule]

    assert len({each.name for each in alternatives}) == len(alternatives) >= 2
    assert all(each.gives and each.makers and each.source for each in alternatives)
    assert any(each.of_tensorflow for each in alternatives)


@pytest.mark.parametrize("op", OPS)
def test_the_unbroken_call_is_taken(op: str) -> None:
    """What the calls below exchange one argument of is valid."""
    getattr(reference, op)(**VALID[op])


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    """The refusal names the rule that the call breaks, and gives the values met and a reason."""
    op = rule.partition(".")[0]

    with pytest.raises(SpecError) as refusal:
        getattr(reference, op)(**VALID[op] | BROKEN[rule])

    assert refusal.value.rule == rule
    assert refusal.value.values
    assert refusal.value.reason


def test_a_meaning_is_tested_by_name() -> None:
    """A test elsewhere has its id in its docstring."""
    assert named("test_*.py", but=HERE) >= MATHEMATICS | CHOICES.keys()


def test_rules_outside_the_ops_are_tested_by_name() -> None:
    """Those of the arithmetic and of the geometry."""
    others = {f"{op}.R{number}" for op, number in stated() if op not in OPS}

    assert named("test_*.py", but=HERE) >= others


def test_tests_name_no_rule_that_does_not_exist() -> None:
    """An id in a test is that of a rule stated, or of an op that is none."""
    rules = {f"{op}.R{number}" for op, number in stated()}
    ops = {op for op, _ in stated()}

    assert not {rule for rule in named("test_*.py", but=HERE) - rules if rule.partition(".")[0] in ops}
