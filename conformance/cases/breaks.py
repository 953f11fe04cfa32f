"""What breaks a rule of several ops: arguments that no valid call has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from conformance.cases.choices import Choices, every
from conformance.cases.op import Break
from conformance.model import ArraySpec, Case, Json

__all__ = [
    "broken",
    "elsewhere",
    "enumerated",
    "format_",
    "integers",
    "mixed",
    "numbers",
    "padding",
    "pair",
    "rank",
    "recast",
    "refused",
    "sizes_of",
]

NAN: Json = {"float": "nan"}
ZERO_OR_LESS = (0, -1, -2, -(2**31), -(2**63))
# 2^32 + 1 and 2^64 + 1 become 1 where bits are cut off.
TOO_LARGE = (2**31, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64 + 1)
NO_INTEGERS: tuple[Json, ...] = (1.5, "1", "two", NAN, {"float": "inf"}, {"array": [1.0], "dtype": "float32"})
NAMES: tuple[Json, ...] = ("SNAME", "same", "Valid", "", "SAME ", "FULL", "EXPLICIT", "NHWC", None, 1)
FORMATS: tuple[Json, ...] = ("NWHC", "nhwc", "NHCW", "", "channels_last", "NCHW_VECT_C", "HWNC", "NC", 4)
DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool", "complex64", "complex128")


def refused(op: str, choices: Choices, breaks: Mapping[str, Sequence[Break]]) -> Case:
    """Draw a call that breaks one rule, each rule as often as the others; breaks: ways to break it."""
    rule = choices.pick(tuple(breaks))
    return _of_rule(choices.pick(breaks[rule])(op, choices), rule)


def enumerated(op: str, breaks: Mapping[str, Sequence[Break]]) -> Iterator[Case]:
    """Yield every call that breaks one rule of a plain call: by every argument, way to break it and limit value."""
    seen = set()
    for rule, ways in breaks.items():
        for way in ways:
            for case in every(partial(way, op)):
                if case.id not in seen:
                    yield _of_rule(case, rule)
                seen.add(case.id)


def _of_rule(case: Case, rule: str) -> Case:
    """Return the case as one that breaks a rule, with values that decide nothing."""
    return replace(case, breaks=rule, regime="lattice" if "float" in case.dtype else "ties")


def broken(case: Case, **attributes: Json) -> Case:
    """Return the case with other attributes."""
    return replace(case, attributes={**case.attributes, **attributes})


def elsewhere(case: Case, **arrays: ArraySpec) -> Case:
    """Return the case with other arrays."""
    return replace(case, arrays={**case.arrays, **arrays})


def numbers(choices: Choices, least: int = 1) -> Json:
    """Choose what is no integer from `least` (0 or 1) to 2^31 - 1."""
    kinds: tuple[Sequence[Json], ...] = (ZERO_OR_LESS[1 - least :], TOO_LARGE, NO_INTEGERS[:5])
    return choices.pick(choices.pick(kinds))


def pair(choices: Choices, layout: str, *, channels: bool) -> Json:
    """Choose what is neither strides nor dilations nor ksize; channels: an entry along channels is wrong too."""
    rows, columns = (1, 2) if layout == "NHWC" else (2, 3)
    outer = (0, 6 - rows - columns) if channels else (0,)
    ways: tuple[Callable[[], Json], ...] = (
        lambda: numbers(choices),
        lambda: [1, numbers(choices)],
        lambda: [numbers(choices), 1],
        lambda: [numbers(choices)],
        lambda: _placed([1, 1, 1, 1], choices.pick((rows, columns)), numbers(choices)),
        lambda: _placed([1, 1, 1, 1], choices.pick(outer), choices.pick((2, 3, 0, 2**31 - 1))),
        lambda: choices.pick(NO_PAIRS),
    )
    return choices.pick(ways)()


NO_PAIRS: tuple[Json, ...] = ([], [1, 1, 1], [1] * 5, [1] * 6, [1] * 8, [[1, 1]], [1, None])


def _placed(entries: Sequence[Json], place: int, entry: Json) -> Json:
    """Return a list with one entry changed."""
    return [*entries[:place], entry, *entries[place + 1 :]]


def padding(choices: Choices, layout: str, *, explicit: bool) -> Json:
    """Choose what is no padding; explicit: four pairs would be."""
    pairs: list[Json] = [[0, 0], [0, 0], [0, 0], [0, 0]]
    lengths: tuple[Json, ...] = ([0, 0, 0, 0], [], pairs[:1], pairs[:2], pairs[:3], [*pairs, [0, 0]])
    rows, columns = (1, 2) if layout == "NHWC" else (2, 3)
    outside: tuple[Json, ...] = ([0, 1], [1, 0], [1, 1])
    short_or_long: tuple[Json, ...] = ([0], [0, 0, 0])
    ends: tuple[Callable[[], Json], ...] = (
        lambda: [numbers(choices, 0), 0],
        lambda: [0, numbers(choices, 0)],
        lambda: choices.pick(short_or_long),
    )
    ways: tuple[Callable[[], Json], ...] = (
        lambda: choices.pick(NAMES),
        lambda: choices.pick(lengths),
        lambda: _placed(pairs, choices.pick((0, 6 - rows - columns)), choices.pick(outside)),
        lambda: _placed(pairs, choices.pick((rows, columns)), choices.pick(ends)()),
    )
    return choices.pick(ways if explicit else (*ways, lambda: pairs))()


def format_(choices: Choices) -> Json:
    """Choose what is no layout."""
    return choices.pick(FORMATS)


def sizes_of(choices: Choices, shape: Sequence[int], *, two: bool = False) -> Json:
    """Choose what is no shape of four entries; two: height and width would do."""
    entries: list[Json] = list(shape)
    arrays: list[Json] = [
        {"array": entries, "dtype": dtype} for dtype in ("float32", "float64", "int16", "uint32", "uint64")
    ]
    others: tuple[Json, ...] = (
        entries[:3],
        [*entries, 1],
        [],
        entries[:1],
        entries[1:3] if not two else entries[:3],
        1,
        4,
        [float(size) for size in shape],
        *arrays,
        [entries],
    )
    ways: tuple[Callable[[], Json], ...] = (
        lambda: _placed(entries, choices.integer(0, 3), numbers(choices, 0)),
        lambda: choices.pick(others),
    )
    return choices.pick(ways)()


def integers(choices: Choices, least: int, largest: int) -> int:
    """Choose an integer outside of least .. largest."""
    return choices.pick((largest + 1, least - 1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)))


def rank(choices: Choices, case: Case, name: str, *, more: bool = True) -> Case:
    """Return the case with an array of another rank; more: of a larger one too."""
    spec = case.arrays[name]
    options = [spec.shape[1:], spec.shape[2:], spec.shape[3:], ()]
    if more:
        options += [(1, *spec.shape), (*spec.shape, 1), (1, 1, *spec.shape)]
    return elsewhere(case, **{name: ArraySpec(choices.pick(options), spec.dtype)})


def recast(choices: Choices, case: Case, taken: Sequence[str]) -> Case:
    """Return the case with all arrays in one dtype that the op does not take."""
    dtype = choices.pick([dtype for dtype in DTYPES if dtype not in taken])
    return replace(case, arrays={name: ArraySpec(spec.shape, dtype) for name, spec in case.arrays.items()})


def mixed(choices: Choices, case: Case, taken: Sequence[str]) -> Case:
    """Return the case with one of its arrays in another dtype that the op takes."""
    name = choices.pick(tuple(case.arrays))
    spec = case.arrays[name]
    dtype = choices.pick([other for other in dict.fromkeys(taken) if other != spec.dtype])
    return elsewhere(case, **{name: ArraySpec(spec.shape, dtype)})
