"""Few calls meet every triple of classes that many meet, and what a run did not reach is listed."""

from itertools import combinations, product

import pytest

from conformance import ops
from conformance.cases.covering import covering, table
from conformance.model import Case

DRAWS = 300
BITS = [dict(zip("abcd", bits, strict=True)) for bits in product("01", repeat=4)]


def triples(cases: list[Case]) -> set[tuple[tuple[str, str], ...]]:
    """Return the triples of classes that calls meet, by the definition."""
    return {triple for case in cases for triple in combinations(sorted(ops.features(case).items()), 3)}


def test_triples_of_four_bits_are_covered_by_eight_rows() -> None:
    """Of all 16 rows, those of even parity: any three bits of them come in all 8 ways. Fewer than 8 cannot do."""
    even = [row for row in BITS if sum(map(int, row.values())) % 2 == 0]

    kept = covering(table([*even, *BITS]), 3)

    assert len(kept) == 8
    assert table([*even, *BITS]).met(3).sum() == table(even).met(3).sum() == 4 * 8


def test_a_row_that_adds_nothing_is_not_kept() -> None:
    """The same row twice is one row."""
    assert covering(table([BITS[5], BITS[5]]), 2) == [0]


def test_the_row_with_more_new_combinations_comes_first() -> None:
    """After 0000, 1111 has six new pairs and 0001 three; 1110 then has nothing but its three with the last bit."""
    rows = [BITS[0], BITS[1], BITS[15], BITS[14]]

    assert covering(table(rows), 2)[:2] == [0, 2]


def test_pairs_come_before_triples() -> None:
    """Of all 16 rows some meet all pairs; those that meet the triples besides follow them."""
    pairs = covering(table(BITS), 2)

    assert covering(table(BITS), 3)[: len(pairs)] == pairs
    assert len(covering(table(BITS), 3)) > len(pairs)


def test_rows_of_classes_that_are_for_later_come_last() -> None:
    """However much they add: 1111 has six pairs; what is met without it is met first."""
    rows = [BITS[15], *BITS[:4]]

    assert covering(table(rows), 2, {("a", "1")})[-1] == 0
    assert covering(table(rows), 2)[0] == 0


def test_combinations_are_named_by_their_classes() -> None:
    """Of one row of three features there are three pairs."""
    one = table([{"dtype": "float32", "layout": "NHWC", "padding": "SAME"}])

    pairs = list(one.named([number for number, met in enumerate(one.met(2)) if met], 2))

    assert pairs == [
        (("dtype", "float32"), ("layout", "NHWC")),
        (("dtype", "float32"), ("padding", "SAME")),
        (("layout", "NHWC"), ("padding", "SAME")),
    ]


@pytest.mark.parametrize("op", ops.OPS)
def test_few_draws_meet_every_triple_of_all(op: str) -> None:
    """What 300 draws meet is what the chosen ones meet, and those are fewer."""
    chosen = [case for number in ops.covering(op, 3, draws=DRAWS) for case in ops.drawn(op, 3, number)]

    reached = ops.met(ops.made(chosen), ops.makeable(op, 3, DRAWS))

    assert {name: (each.reached, each.missing) for name, each in reached.items() if name != "broken rules"} == {
        name: (each.makeable, ()) for name, each in reached.items() if name != "broken rules"
    }
    assert reached["triples"].reached == len(triples(chosen))
    assert len(chosen) < DRAWS


def test_what_a_run_did_not_reach_is_listed() -> None:
    """Of two calls that differ in padding, a run of the first met three of four values, one triple of two."""
    first = {"dtype": "float32", "layout": "NHWC", "padding": "SAME"}
    run, all_ = ops.Coverage(), ops.Coverage()
    run.add(first)
    for classes in (first, {**first, "padding": "VALID"}, {"dtype": "float32", "breaks": "conv2d.R3"}):
        all_.add(classes)

    met = ops.met(run, all_)

    assert (met["values"].reached, met["values"].makeable, met["values"].missing) == (3, 4, ("padding VALID",))
    assert (met["triples"].reached, met["triples"].makeable) == (1, 2)
    assert met["triples"].missing == ("dtype float32 and layout NHWC and padding VALID",)
    assert met["broken rules"].missing == ("conv2d.R3",)
