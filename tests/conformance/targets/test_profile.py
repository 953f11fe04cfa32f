"""Profiles: what they claim, how they are read, what is refused of them."""

from pathlib import Path
from typing import Any

import pytest

from conformance import ops
from conformance.cases.vocabulary import FEATURES
from conformance.errors import UsageError
from conformance.model import ArraySpec, Case, Json
from conformance.ops.profile_reading import loaded, parsed
from conformance.targets.limits import Limit
from conformance.targets.profile import Profile


def conv2d(dtype: str = "float32", **attributes: Json) -> Case:
    """Return a convolution of 1x4x4x4 with 3x3x4x4."""
    arrays = {"input": ArraySpec((1, 4, 4, 4), dtype), "filters": ArraySpec((3, 3, 4, 4), dtype)}
    given: dict[str, Json] = {"strides": 1, "padding": "SAME", **attributes}
    return Case(op="conv2d", arrays=arrays, attributes=given, regime="lattice", seed=0)


def outside_of(profile: Profile, case: Case, route: str = "") -> str | None:
    """Return why the call is not among those claimed."""
    return profile.outside(case.op, ops.features(case), route)


def test_nothing_said_is_everything_claimed() -> None:
    """An empty profile covers every call, in float32 arithmetic."""
    profile = parsed({}, "here")

    assert profile == Profile()
    assert outside_of(profile, conv2d("int32", data_format="NCHW", dilations=2)) is None
    assert [arithmetic.name for arithmetic in profile.arithmetics("conv2d", "bfloat16")] == ["float32"]


@pytest.mark.parametrize(
    ("profile", "inside", "outside"),
    [
        ({"ops": ["max_pool"]}, None, conv2d()),
        ({"dtypes": ["float32"]}, conv2d(), conv2d("float64")),
        ({"dtypes": {"conv2d": ["float64"], "others": ["float32"]}}, conv2d("float64"), conv2d()),
        ({"dtypes": {"max_pool": ["float64"]}}, conv2d(), None),
        ({"layouts": "NHWC"}, conv2d(), conv2d(data_format="NCHW")),
        (
            {"limits": [{"reason": "no atrous", "features": {"dilation": "above 1", "stride": ["above 1", "huge"]}}]},
            conv2d(dilations=2),
            conv2d(dilations=2, strides=2),
        ),
        ({"limits": [{"reason": "no", "ops": ["max_pool"]}]}, conv2d(), None),
    ],
)
def test_a_call_is_outside_by_what_the_profile_says(
    profile: dict[str, Any], inside: Case | None, outside: Case | None
) -> None:
    """Each key beside the nearest call that it leaves in."""
    read = parsed(profile, "here")

    assert inside is None or outside_of(read, inside) is None
    assert outside is None or outside_of(read, outside)


def test_a_limit_gives_its_reason() -> None:
    """What is said of a call that is not implemented is what the profile says."""
    limit = Limit(reason="pads both ends alike", routes=("pad",), features={"padding": ("SAME",)})

    assert outside_of(Profile(limits=(limit,)), conv2d(), "pad") == "pads both ends alike"
    assert outside_of(Profile(limits=(limit,)), conv2d(), "other") is None


@pytest.mark.parametrize(
    "given",
    [
        "fft",
        {"float32": "fft"},
        {"conv2d": "fft"},
        {"conv2d": {"float32": ["fft", "float32"], "others": "float32"}},
        {"others": {"others": "fft"}},
    ],
)
def test_an_arithmetic_is_given_for_all_or_by_op_or_by_dtype(given: Any) -> None:  # noqa: ANN401
    """The short ways to write the table mean what they say."""
    profile = parsed({"arithmetic": given}, "here")

    assert profile.arithmetics("conv2d", "float32")[0].fft
    assert profile.arithmetics("max_pool", "float64")[0].name in {"fft", "float32"}


def test_kept_subnormals_are_no_zeros() -> None:
    """A target that keeps them is held to them; one that does not say is not."""
    assert not parsed({"subnormals": "kept"}, "here").arithmetics("conv2d", "float32")[0].flushes
    assert parsed({}, "here").arithmetics("conv2d", "float32")[0].flushes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], r"here: '\[\]' is not a table"),
        ({"dtype": ["float32"]}, "here: 'dtype' is not known: did you mean 'dtypes'"),
        ({"dtypes": ["float31"]}, "here: dtypes: 'float31' is not known: did you mean 'float32'"),
        ({"dtypes": {"conv": ["float32"]}}, "here: dtypes: 'conv' is not known: did you mean 'conv2d'"),
        ({"layouts": 3}, "here: layouts: '3' is not a word or a list of words"),
        ({"limits": [{"features": {"dilation": "above 1"}}]}, r"here: limits\.\[0\]: .* it has no reason"),
        ({"limits": [{"reason": "x", "features": {"dilations": "2"}}]}, "did you mean 'dilation'"),
        ({"limits": [{"reason": "x", "features": {"dilation": "2"}}]}, "'2' is not one of 1, above 1"),
        ({"arithmetic": {"conv2d": {"float32": "tf31"}}}, r"arithmetic\.conv2d\.float32: 'tf31' is not known"),
        ({"choices": {"max_pool": "dropped"}}, "here: choices: 'max_pool' is not known: did you mean 'max_pool.R13'"),
        ({"choices": {"max_pool.R10": "drop"}}, "choices.max_pool.R10: 'drop' is not known: did you mean 'dropped'"),
        ({"choices": {"max_pool.R9": "dropped"}}, "choices: 'max_pool.R9' is not known"),
        ({"choices": {"dropout.R11": "own"}}, "choices: 'dropout.R11' is not known"),  # own_masks says that
        ({"choices": "torch"}, "'torch' is not 'tensorflow' or a table of rules"),
        ({"deterministic": 1}, "here: deterministic: '1' is not true or false"),
        ({"name": "two\nlines"}, "is not a line of text"),
        ({"own_masks": ["conv2d"]}, "'conv2d' is not one of dropout, stateless_dropout"),
    ],
)
def test_what_is_no_profile_is_refused_in_one_line(data: Any, message: str) -> None:  # noqa: ANN401
    """The line names the place, the value, and what is expected."""
    with pytest.raises(UsageError, match=message) as caught:
        parsed(data, "here")

    assert "\n" not in str(caught.value)


def test_json_gives_the_profile_back() -> None:
    """What a report keeps of a profile is all of it."""
    profile = parsed(
        {
            "name": "mine",
            "dtypes": ["float32"],
            "arithmetic": {"conv2d": "fft"},
            "choices": {"max_pool.R10": "propagated"},
            "limits": [{"reason": "no", "ops": ["conv2d"], "routes": ["a"], "features": {"batch": ["0", "1"]}}],
            "hangs": [{"reason": "slow", "features": {"stride": "huge"}}],
        },
        "here",
    )

    assert parsed(profile.to_json(), "json") == profile


def test_a_profile_is_read_from_toml(tmp_path: Path) -> None:
    """The same keys, in a file."""
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[[limits]]\nreason = "no groups"\n[limits.features]\ngroups = ["above 1"]\n')

    assert loaded(path).limits == (Limit(reason="no groups", features={"groups": ("above 1",)}),)


@pytest.mark.parametrize("text", ["name =", None])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str | None) -> None:
    """A file that is missing or does not parse: the path stands in the error."""
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(UsageError, match=r"mine\.toml"):
        loaded(path)


@pytest.mark.parametrize("op", ops.OPS)
def test_the_vocabulary_holds_every_feature_of_every_case(op: str) -> None:
    """A limit can name whatever a call has."""
    unknown = {
        (name, value)
        for case in ops.generate(op, 0, 0, 400)
        if case.breaks is None
        for name, value in ops.features(case).items()
        if value not in FEATURES.get(name, ())
    }

    assert not unknown
