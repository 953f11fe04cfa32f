"""
What a report says, as frozen records: the pages, the JSON, JUnit and Markdown files are made from these alone.

A product is one target in one run: a column of the page. `run` in a record is the index of a run in `Report.runs`,
which are in the order in which they were started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.networks.results import Results
from conformance.report.orders import Orders
from conformance.report.specification import Kind
from conformance.run.evidence import THIN, THIN_RULE, State, state
from conformance.run.kernels import Kernel
from conformance.triage.findings import Finding, Known
from reference.geometry import Geometry

__all__ = [
    "Accuracy",
    "Cell",
    "Change",
    "Choice",
    "Coverage",
    "Fingerprint",
    "Grid",
    "Growth",
    "Heat",
    "Overview",
    "Part",
    "Product",
    "Report",
    "Rule",
    "RuleCount",
    "Run",
    "Script",
    "Shown",
    "Tally",
    "Timing",
]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls came to which end, and on how much that rests."""

    agrees: int = 0
    disagrees: int = 0
    unsupported: int = 0
    undecided: int = 0
    valid: int = 0  # judged calls that break no rule
    broken: int = 0  # judged calls that break one on purpose
    geometries: int = 0  # distinct ones, of the valid calls
    small: int = 0  # calls of the small world that agree, beside these; no two of them alike

    @property
    def judged(self) -> int:
        """The calls with a verdict for or against."""
        return self.agrees + self.disagrees

    @property
    def total(self) -> int:
        """All calls."""
        return self.judged + self.unsupported + self.undecided

    @property
    def state(self) -> State:
        """How far the valid calls test it."""
        return state(self.geometries + self.small, THIN) if self.valid or self.small else State.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run was: its header and footer, as a reader wants them."""

    folder: str
    label: str  # short, and unique among the runs of the report
    anchor: str
    started: str  # UTC
    ended: str  # UTC; empty while the run has not ended
    seconds: float
    complete: bool  # whether every planned case ran
    suite: str  # the suite's version
    seed: int | None
    options: Mapping[str, Any]
    machine: Mapping[str, Any]
    targets: tuple[Mapping[str, Any], ...]  # as in the header
    not_run: tuple[tuple[str, str], ...]  # name, reason
    versions: tuple[tuple[str, str], ...]  # of everything that a target named: name, version
    cases: int
    calls: int
    tally: Tally
    clustered: bool  # whether findings.json is there
    footer: Mapping[str, Any]
    missing: tuple[str, ...]  # what has no evidence, though it was claimed and asked for, in words

    @property
    def version(self) -> str:
        """The version of TensorFlow; empty where no target has one."""
        return dict(self.versions).get("tensorflow", "")


@dataclass(frozen=True, slots=True)
class Product:
    """One target in one run."""

    run: int
    target: str
    anchor: str
    summary: str
    version: str  # of the library that is judged
    name: str  # for tables
    library: str = ""  # whose code it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An op on a product."""

    op: str
    product: int  # index in Report.products
    anchor: str
    tally: Tally
    worst: str  # the gravest kind of disagreement; empty where there is none
    kinds: tuple[tuple[str, int], ...]  # kind, calls; remarks such as wrong-error included
    findings: tuple[str, ...]  # anchors


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an op's calls on every product: those with one class of one attribute."""

    op: str
    attribute: str  # "dtype, layout", or an attribute's name
    value: str
    tallies: tuple[Tally | None, ...]  # one a product


@dataclass(frozen=True, slots=True)
class Grid:
    """A part of one image of a result: numbers as text, and how far off each one is."""

    title: str  # which part of the result: [0, :, :, 3]
    rows: range
    columns: range
    allowed: tuple[tuple[str, ...], ...]
    observed: tuple[tuple[str, ...], ...]
    level: tuple[tuple[int, ...], ...]  # 0 allowed; 1 to 4: ever farther from it
    worst: tuple[int, int] | None  # row and column of the worst element, if it is here


@dataclass(frozen=True, slots=True)
class Overview:
    """One image of a result, from afar: how far off each part of it is."""

    title: str
    level: tuple[tuple[int, ...], ...]  # as in Grid; of a block of elements the worst one
    block: tuple[int, int]  # rows and columns of one block


@dataclass(frozen=True, slots=True)
class Heat:
    """Where a result differs from what is allowed."""

    different: int  # elements that are not allowed
    elements: int
    overviews: tuple[Overview, ...]
    hidden: int  # images of the result that are not among the overviews
    grid: Grid


@dataclass(frozen=True, slots=True)
class Script:
    """What shows a finding in plain TensorFlow."""

    path: str
    length: int  # characters
    text: str  # empty where it is too long to stand in the report


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A finding over all runs, and what the pages show of it."""

    finding: Finding  # as the last run has it; status, shared_by, not_shared_by and cases over all runs
    anchor: str
    call: str  # the case, as one would write it
    runs: tuple[int, ...]  # that have it
    first: str  # version (or run) that had it first
    last: str
    known: Known | None  # the cause that covers it, as of the last run
    script: Script | None
    heat: Heat | None  # None where there are no two results to compare
    geometry: Geometry | None  # None for an op without windows, and for a call that is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How near to the exact values one op on one product comes in one dtype."""

    op: str
    product: int
    dtype: str
    calls: int
    bound: tuple[float, float, float]  # median, 99th percentile, largest share of the bound used
    ulps: tuple[float, float, float]  # likewise, in ulps
    bound_counts: tuple[int, ...]  # calls in each of columns.SHARES
    ulps_counts: tuple[int, ...]  # calls in each of columns.ULPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The arithmetic that errors show."""

    op: str
    product: int
    dtype: str
    regime: str
    elements: float
    mean: float  # of err / (u S)
    rms: float
    name: str  # empty where the run has not ended


@dataclass(frozen=True, slots=True)
class Growth:
    """How large the error is where elements are sums of about n products."""

    op: str
    product: int
    dtype: str
    n: int  # the lower end of an octave: n to 2n - 1 products
    calls: int
    rms: float  # root mean square of err / (u S)


@dataclass(frozen=True, slots=True)
class RuleCount:
    """One rule on one product."""

    exercised: int  # judged calls
    broken: int  # of these, that disagree

    @property
    def state(self) -> State:
        """How far they test it."""
        return state(self.exercised, THIN_RULE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One numbered sentence of the specification."""

    id: str
    op: str
    anchor: str
    text: str
    kind: Kind
    counts: tuple[RuleCount, ...]  # one a product

    @property
    def meaning(self) -> bool:
        """Whether it says what results mean, rather than what a call must not be."""
        return self.kind != "interface"

    @property
    def exercised(self) -> int:
        """Judged calls on all products."""
        return sum(count.exercised for count in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What every target did where a rule leaves a choice, or beyond a limit that some target declares."""

    rule: str  # or the reason of the limit
    op: str
    text: str
    counts: tuple[tuple[tuple[str, int], ...], ...]  # one a product: what it did, in how many calls
    remarks: tuple[str, ...]  # where the modes of one library differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One layer on one product."""

    run: int
    target: str
    op: str
    layer: str
    batch: int  # images in a call; 0 where it is not recorded
    dtype: str
    threads: int
    median: float  # seconds
    spread: float  # seconds: the range that holds the middle half of the runs
    trace: float  # seconds of tracing a graph, before the call
    compile: float  # seconds that the first run took longer, in which XLA compiles
    gflops: float
    gbs: float
    of_gflops: float  # share of what the machine can do on so many threads, in a large matrix product
    of_gbs: float  # likewise, in a large copy
    correct: bool
    ratio: float  # to the fastest of the same run, op, layer, batch, dtype and threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the cases of one run reached."""

    run: int
    figures: tuple[tuple[str, tuple[int, int]], ...]  # values, pairs ...: reached, possible
    missing: tuple[tuple[str, tuple[str, ...]], ...]  # kind, what was not reached
    classes: tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...]  # op, attribute, (class, cases)
    worlds: tuple[str, ...] = ()  # how much of the small worlds is known, in words
    kernels: tuple[Kernel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is different between two consecutive runs."""

    before: int
    after: int
    new: tuple[str, ...]  # anchors of findings
    gone: tuple[str, ...]
    not_looked_for: tuple[str, ...]  # of the first run, whose op or target the second one did not run
    kept: tuple[str, ...]
    shares: tuple[tuple[str, str, Tally, Tally], ...]  # op, target: where the share that agrees is another
    timings: tuple[tuple[Timing, Timing, str], ...]  # before, after, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How the self-test scored the suite on a run's machine."""

    run: int
    date: str
    mutants: int
    killed: int
    correct_cases: int  # of correct implementations
    false_positives: int
    hazards: int  # ways in which a target misbehaves
    survived: int  # of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything."""

    suite: str
    runs: tuple[Run, ...]
    products: tuple[Product, ...]
    ops: tuple[str, ...]
    cells: Mapping[tuple[str, int], Cell]  # op, product
    parts: tuple[Part, ...]
    findings: tuple[Shown, ...]
    causes: tuple[tuple[int, Known], ...]  # run, a cause as of it
    accuracy: tuple[Accuracy, ...]
    fingerprints: tuple[Fingerprint, ...]
    growth: tuple[Growth, ...]
    rules: tuple[Rule, ...]
    choices: tuple[Choice, ...]
    limits: tuple[Choice, ...]
    timings: tuple[Timing, ...]
    ceilings: tuple[tuple[int, Mapping[str, Any]], ...]  # run, what the machine can
    networks: tuple[tuple[int, Results], ...]  # run, the networks that were run with it
    orders: Orders | None  # None where no survey was made
    coverage: tuple[Coverage, ...]
    changes: tuple[Change, ...]
    scores: tuple[Scores, ...]
