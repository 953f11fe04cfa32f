"""Emulated arithmetic is named as what it is; what is worse than declared is told where the bound is blind."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.values import Demand, drawn
from conformance.judge.fingerprints import (
    DECLARED,
    KINDS,
    ORDER,
    ROUNDED,
    SPLIT,
    TRANSFORMS,
    TRUNCATED,
    Measured,
    amplification,
    expected,
    fingerprints,
    named,
    worse_than_declared,
)
from conformance.judge.verdicts import measures
from conformance.model import Array
from conformance.run.rows import Row
from conformance.run.store import Store
from conformance.selftest.emulations import EMULATIONS
from reference.bounds import ARITHMETICS, within
from reference.engine.conv2d import Forward
from reference.ops.conv2d import forward

REGIMES = ("normal", "positive", "wide", "lattice")


def observed_row(target: str, dtype: str, regime: str, measured: Mapping[str, Any], op: str = "conv2d") -> Row:
    """Return one call that measures this."""
    return Row(case="", op=op, target=target, dtype=dtype, regime=regime, **measured)


def convolution(depth: int, dtype: str, regime: str, seed: int) -> Forward:
    """Return a convolution of an 8x8 image with four 3x3 filters, n = 9 * depth."""
    # On the lattice sums stay whole in 8 bits, whatever their order.
    demand = Demand(largest=2 if "16" in dtype else 20, nonzero=8 if "16" in dtype else None)
    image = drawn((1, 8, 8, depth), dtype, regime, seed, "input", demand)
    return forward(image, drawn((3, 3, depth, 4), dtype, regime, seed, "filters", demand), 1, "VALID")


def run(folder: Path, name: str, dtype: str, depth: int) -> Store:
    """Write what a run of an emulation, judged by what it declares, measures."""
    emulation, store = EMULATIONS[name], Store.create(folder, {})
    rows: list[Row] = []
    for regime in REGIMES:
        for seed in range(max(12 // depth, 2)):
            call = convolution(depth, dtype, regime, seed)
            result = within(call, ARITHMETICS[emulation.declared])
            observed = emulation.compute(call)
            assert result.admits(observed).all()
            rows.append(observed_row(name, dtype, regime, measures(result, observed)))
    store.write_shard("conv2d-00000", rows)
    return store


NAMES = {
    "float32 in order": "float32",
    "float32 reversed": "float32",
    "float32 in some order": "float32",
    "float32 by pairs": "float32",
    "float32 in lanes": "float32",
    "float32 with FMA": "float32",
    "float32, gradual underflow": "float32",
    "subnormals flushed": "float32",
    "sums in the storage type": "float32",
    "TF32 rounded": "TF32 rounded",
    "TF32 truncated": "TF32 truncated",
    "bfloat16": "bfloat16 rounded",
    "bf16x3": "bf16x3",
    "Winograd F(2, 3)": "Winograd F(2, 3)",
    "Winograd F(4, 3)": "Winograd F(4, 3)",
    "FFT": "FFT",
}


@pytest.mark.parametrize("depth", [1, 4, 64])
@pytest.mark.parametrize("name", NAMES)
def test_float32_data_name_the_arithmetic(tmp_path: Path, name: str, depth: int) -> None:
    """At n = 9, 36 and 576; none looks worse than it declares. Of 64 channels F(2, 3) is as good as float32."""
    (found,) = fingerprints(run(tmp_path, name, "float32", depth).observations())

    assert found["name"] == ("float32" if (name, depth) == ("Winograd F(2, 3)", 64) else NAMES[name])
    assert not worse_than_declared(EMULATIONS[name].declared, found)


@pytest.mark.parametrize("depth", [1, 64])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", [name for name, emulation in EMULATIONS.items() if "float16" in emulation.dtypes])
def test_results_of_16_bits_show_how_sums_are_kept(tmp_path: Path, name: str, dtype: str, depth: int) -> None:
    """Sums in the format show; those in float32 hardly ever change a result, and transforms in float32 neither."""
    found = fingerprints(run(tmp_path, name, dtype, depth).observations())
    names = {entry["name"] for entry in found}

    assert names <= ({dtype} if name == "sums in the storage type" else {"correctly rounded", "float32"})
    assert not any(worse_than_declared(EMULATIONS[name].declared, entry) for entry in found)
    assert all(worse_than_declared("float32", entry) == (name == "sums in the storage type") for entry in found)


@pytest.mark.parametrize("name", ["float32 in order", "float32 by pairs", "float32 in lanes"])
def test_float64_is_named(tmp_path: Path, name: str) -> None:
    """Whatever the order."""
    (found,) = fingerprints(run(tmp_path, name, "float64", 4).observations())

    assert found["name"] == "float64"
    assert not worse_than_declared("float32", found)


def test_float64_results_of_float32_sums_are_named(tmp_path: Path) -> None:
    """float64 done in float32: 2^29 times the errors; judged here as if it had been allowed."""
    store, rows = Store.create(tmp_path, {}), []
    for seed in range(4):
        call = convolution(4, "float64", "normal", seed)
        single = forward(call.left.astype(np.float32), call.right.astype(np.float32), 1, "VALID")
        observed = EMULATIONS["float32 in order"].compute(single).astype(np.float64)
        rows.append(observed_row("", "float64", "normal", measures(within(call), observed)))
    store.write_shard("conv2d-00000", rows)
    (found,) = fingerprints(store.observations())

    assert found["name"] == "float32"
    assert worse_than_declared("float32", found)


def test_what_the_bound_does_not_see_the_fingerprint_does(tmp_path: Path) -> None:
    """TF32 declared as float32, at n = 9216: every element is inside n u S; the root mean square is TF32's."""
    store, rows = Store.create(tmp_path, {}), []
    for regime in ("normal", "positive"):
        call = convolution(1024, "float32", regime, 1)
        call = forward(call.left[:, :4, :4], call.right, 1, "VALID")
        result, observed = within(call), EMULATIONS["TF32 rounded"].compute(call)
        assert result.admits(observed).all()
        rows.append(observed_row("", "float32", regime, measures(result, observed)))
    store.write_shard("conv2d-00000", rows)
    (found,) = fingerprints(store.observations())

    assert found["name"] == "TF32 rounded"
    assert worse_than_declared("float32", found)
    assert not worse_than_declared("tf32-rounded", found)
    assert not worse_than_declared("tf32", found)


# What theory expects, against what was measured for n = 576 on normal data, independently of this program.


@pytest.mark.parametrize(("kind", "measured"), [("bf16x3", 4.9), ("TF32", 322.0), ("bfloat16", 2593.0)])
def test_theory_expects_what_was_measured(kind: str, measured: float) -> None:
    """Within a sixth: those data were normal, not sums of four, and their significands are not log-uniform."""
    (known,) = (each for each in KINDS["float32"] if each.name == kind)

    assert 5 / 6 < expected(known, 24, 1 / 576) / measured < 7 / 6


def test_theory_expects_truncation_as_it_was_measured() -> None:
    """846 for TF32 truncated; and 0.3 to 0.5 for float32."""
    tf32, float32 = KINDS["float32"][3], KINDS["float32"][1]

    assert 5 / 6 < expected(tf32, 24, 1 / 576, tf32.truncated) / 846 < 7 / 6
    assert 0.3 < expected(float32, 24, 1 / 576) < 0.5


def test_the_constants_of_log_uniform_significands() -> None:
    """
    Simulated: x = 2^t, t even in [0, 1), cut to 10 bits behind the point.

    Four million numbers: their root mean squares err by less than one in a thousand.
    """
    rng = np.random.default_rng(1)
    x, w = np.exp2(rng.random((2, 4_000_000)))
    signs = rng.choice([-1.0, 1.0], x.shape)

    def error(a: Array, b: Array) -> float:
        return float(np.sqrt(np.mean(((a * b - x * w) * signs) ** 2) / np.mean((x * w) ** 2)))

    spacing = 2.0**-10
    rounded = [np.rint(side / spacing) * spacing for side in (x, w)]
    truncated = [np.floor(side / spacing) * spacing for side in (x, w)]

    assert abs(error(*rounded) / (ROUNDED * 2.0**-11) - 1) < 0.005
    assert abs(error(*truncated) / (TRUNCATED * 2.0**-11) - 1) < 0.005


def test_the_constant_of_two_parts() -> None:
    """What is left of either has errors of sqrt(2 / 7) of its own; both with 0.39 v: 0.26."""
    assert round(SPLIT, 2) == 0.26


def test_winograd_amplifies() -> None:
    """
    By hand for F(2, 3): rows of G have squares 1, 3/4, 3/4, 1, those of B^T 2 each.

    A^T takes 2 + 3/2 + 3/2 = 5 and 3/2 + 3/2 + 2 = 5, against 3 products.
    """
    assert amplification(2) == 5 / 3


# The rules apart.

PLAIN = Measured(elements=10**6, mean=0.0, rms=0.4, inverse=1 / 36)


def test_no_error_is_correctly_rounded() -> None:
    """Of any dtype."""
    assert {named(dtype, replace(PLAIN, rms=0.0)) for dtype in KINDS} == {"correctly rounded"}


def test_float64_sums_of_float32_are_named() -> None:
    """An error of one spacing in 2^29 results."""
    assert named("float32", replace(PLAIN, rms=1e-5)) == "float64"


def test_without_positive_data_truncation_is_told_by_size() -> None:
    """Rounded TF32 comes to 1160 at n = 36, truncated to 2.6 times that; their geometric mean is 1880."""
    assert named("float32", replace(PLAIN, rms=1700.0)) == "TF32 rounded"
    assert named("float32", replace(PLAIN, rms=2100.0)) == "TF32 truncated"


def test_positive_data_tell_truncation_by_their_bias() -> None:
    """4/3 * 2^13 = 10923: half of it, 5461, decides, whatever the size of the errors."""
    assert named("float32", replace(PLAIN, rms=2100.0, bias=-5000.0)) == "TF32 rounded"
    assert named("float32", replace(PLAIN, rms=1700.0, bias=-6000.0)) == "TF32 truncated"
    assert named("float32", replace(PLAIN, rms=1e4, bias=-80000.0)) == "bfloat16 truncated"


def test_what_is_beyond_the_last_kind_is_less_than_that() -> None:
    """Twice truncated bfloat16; twice sums in bfloat16."""
    assert named("float32", replace(PLAIN, rms=1e6)) == "less than bfloat16"
    assert named("bfloat16", replace(PLAIN, rms=2.0)) == "less than bfloat16"
    assert all(
        worse_than_declared(declared, {"op": "conv2d", "name": "less than bfloat16", "dtype": "bfloat16"})
        for declared in ARITHMETICS
        if DECLARED.get(declared) not in TRANSFORMS
    )


def test_a_kind_too_near_to_the_one_before_is_not_told_from_it() -> None:
    """At n = 10^6 bf16x3 comes to 0.1, less than the sums' own 0.42: 0.6 is float32."""
    assert named("float32", replace(PLAIN, rms=0.6, inverse=1e-6)) == "float32"


def test_a_few_results_on_the_other_side_of_a_tie_prove_nothing() -> None:
    """Two of 300 results of bfloat16 off by a spacing, 2 u S: float32. Thirty: sums in bfloat16."""
    few, many = (Measured(elements=300, mean=0.0, rms=(k * 4 / 300) ** 0.5, inverse=1 / 4) for k in (2, 30))

    assert named("bfloat16", few) == "float32"
    assert named("bfloat16", many) == "bfloat16"


def row(regime: str, squares: float, elements: float = 100.0) -> Row:
    """Return what one call of conv2d in float32 measures, at n = 4."""
    return observed_row("", "float32", regime, {"elements": elements, "squares": squares, "inverse": elements / 4})


@pytest.mark.parametrize(
    ("squares", "name"),
    [
        ([225.0] * 11 + [2.25e6], "FFT"),  # 3 each and 300: by the geometric mean 4.4, by the mean of squares 87
        ([3600.0, 3600.0, 3600.0], "Winograd F(4, 3)"),  # 12 each
        ([0.0, 0.0, 3600.0], "Winograd F(2, 3)"),  # two of three exact
    ],
)
def test_most_calls_on_the_lattice_tell_the_transform(tmp_path: Path, squares: list[float], name: str) -> None:
    """One padded call, whose S is a single product, does not make an FFT of 3 a Winograd transform of above 5.7."""
    store = Store.create(tmp_path, {})
    rows = [row("normal", 16.0), row("wide", 1e12), *(row("lattice", each) for each in squares)]
    store.write_shard("conv2d-00000", rows)
    (found,) = fingerprints(store.observations())

    assert found["name"] == name


def test_a_few_small_sums_do_not_make_a_transform_narrow(tmp_path: Path) -> None:
    """An FFT whose mean square is TF32's, by one small S, is told by the wide regime: beyond 2^18, none is narrow."""
    store = Store.create(tmp_path, {})
    store.write_shard("conv2d-00000", [row("normal", 1e8), row("wide", 1e16), row("lattice", 225.0)])
    narrow = Store.create(tmp_path / "narrow", {})
    narrow.write_shard("conv2d-00000", [row("normal", 1e8), row("wide", 1e10), row("lattice", 225.0)])

    assert [entry["name"] for entry in fingerprints(store.observations())] == ["FFT"]
    assert [entry["name"] for entry in fingerprints(narrow.observations())] == ["TF32 rounded"]


def test_means_are_no_transforms(tmp_path: Path) -> None:
    """avg_pool by a rounded reciprocal is inexact on the lattice: still float32."""
    store = Store.create(tmp_path, {})
    measured = {"elements": 100.0, "squares": 16.0, "inverse": 25.0}
    rows = [observed_row("", "float32", regime, measured, "avg_pool") for regime in REGIMES]
    store.write_shard("avg_pool-00000", rows)
    (found,) = fingerprints(store.observations())

    assert found["name"] == "float32"
    assert found["rms"] == 0.4
    assert found["lattice"] is None


def test_without_normal_data_there_is_no_fingerprint(tmp_path: Path) -> None:
    """Nor from a run without observations."""
    store = Store.create(tmp_path, {})
    assert fingerprints(store.observations()) == []

    store.write_shard("conv2d-00000", [observed_row("", "float32", "wide", {"elements": 1.0})])
    assert fingerprints(store.observations()) == []


@pytest.mark.parametrize(
    ("declared", "dtype", "name", "worse"),
    [
        ("float32", "float32", "float32", False),
        ("float32", "float32", "float64", False),
        ("float32", "float32", "bf16x3", True),
        ("float32", "float32", "Winograd F(2, 3)", True),
        ("float32", "float64", "float64", False),
        ("float32", "float64", "float32", True),
        ("float32", "float16", "float16", True),
        ("float32-gradual", "bfloat16", "float32", False),
        ("storage", "bfloat16", "bfloat16", False),
        ("storage", "float16", "float16", False),
        ("storage", "float32", "bf16x3", True),
        ("correctly-rounded", "float32", "float64", True),
        ("correctly-rounded", "float32", "correctly rounded", False),
        ("float64", "float32", "float32", False),  # beyond its bound, but at ties
        ("float64", "float32", "bf16x3", True),
        ("fft", "float32", "Winograd F(4, 3)", False),
        ("tf32-rounded", "float32", "TF32 truncated", True),
        ("tf32", "float32", "TF32 truncated", False),
        ("tf32", "float32", "bfloat16 rounded", True),
        ("bfloat16", "float32", "bfloat16 rounded", False),
        ("bfloat16", "float32", "bfloat16 truncated", True),
    ],
)
def test_worse_than_declared(declared: str, dtype: str, name: str, worse: bool) -> None:
    """By the order from the best to the worst."""
    assert worse_than_declared(declared, {"op": "conv2d", "name": name, "dtype": dtype}) is worse


def test_a_transform_is_judged_by_its_bounds_alone() -> None:
    """
    Of an FFT of 1 and 2^20 the first result errs by what the second is rounded by: 2^20 u S, in no bounded proportion.

    No name that such a mean suggests is an accusation.
    """
    seen = {"op": "conv2d", "dtype": "float32"}

    assert not worse_than_declared("fft", {**seen, "name": "less than bfloat16"})
    assert not worse_than_declared("winograd-4", {**seen, "name": "bf16x3"})
    assert worse_than_declared("float32", {**seen, "name": "FFT"})


@pytest.mark.parametrize(("dtype", "worse"), [("float16", False), ("float32", True)])
def test_means_of_16_bits_are_told_by_their_bounds_alone(dtype: str, worse: bool) -> None:
    """Float32 that multiplies by 1/3 misses one tie of 200 in float16: 0.09 u S, above the 0.06 that told float32."""
    seen = {"op": "avg_pool_grad", "name": "float16", "dtype": dtype}

    assert worse_than_declared("float32", seen) is worse


def test_a_reciprocal_in_float32_misses_ties_of_float16() -> None:
    """(11/2048 + 1537/512) / 3 = 2053/2048 lies between two float16, 1026 and 1027 of 1/1024; the even one is right."""
    third = np.float32(1) / np.float32(3)
    terms = np.array([11 / 2048, 1537 / 512], np.float32)

    assert np.float16(terms.astype(np.float64).sum() / 3) == 1026 / 1024
    assert np.float16(terms[0] * third + terms[1] * third) == 1027 / 1024


def test_every_name_has_its_place_in_the_order() -> None:
    """Each kind of each dtype, narrowed in either way."""
    names = {kind.name + how for kinds in KINDS.values() for kind in kinds for how in ways(kind.truncated)}

    assert names <= set(ORDER)


def ways(truncated: float) -> tuple[str, ...]:
    """Return how the names of a kind end."""
    return (" rounded", " truncated") if truncated else ("",)
