"""docs/known-divergences.md, made of the causes that come with the suite."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from conformance.judge.severity import SEVERITIES
from conformance.triage.known.cause import Cause, Place, spoken

__all__ = ["page"]

HEAD = """\
# Known divergences

Where TensorFlow and other libraries differ from the specification, one section a cause, the gravest first. This page
is made of `conformance/causes/` by `conformance causes --markdown docs/known-divergences.md`; docs/causes.md describes
them. The cases of each cause stand beside it, and `conformance replay` shows one again. "Eager" is with oneDNN on
unless it says otherwise. *Traced* says where in whose source a cause stands; paths of TensorFlow, Eigen, oneDNN and XLA
begin below `tensorflow/` where no other project is named.

"""
TAIL = """\
## Not among them
No case of the suite shows these of TensorFlow as a disagreement:
- Under XLA, `tf.nn.dropout` ignores both seeds: `RandomUniformOp` (compiler/tf2xla/kernels/random_ops.cc) calls
  `xla::RngUniform`, and warns of it. The target declares it.
- A Python rate is rounded twice on its way to a 16-bit dtype, by ml_dtypes: bfloat16 at rate 0.0038910515077466012
  scales by 1.0 instead of 1.0078125.
"""


def page(causes: Iterable[Cause]) -> str:
    """Return the page."""
    ranked = sorted(causes, key=lambda cause: (SEVERITIES.index(cause.severity), cause.id))
    return HEAD + "\n".join(("\n".join(_overview(ranked)), *map(_section, ranked), TAIL))


def _overview(causes: Sequence[Cause]) -> Iterator[str]:
    """Yield a table of all causes, by severity."""
    yield "| severity | causes |"
    yield "|---|---|"
    for severity, several in groupby(causes, lambda cause: cause.severity):
        yield f"| {severity} | {', '.join(f'[{each.id}](#{each.id})' for each in several)} |"
    hiding = [each for each in causes if each.hides]
    yield ""
    yield f"{len(hiding)} of {len(causes)} could hide another fault of the same calls, and say so."
    yield ""


def _section(cause: Cause) -> str:
    """Return the section of one cause."""
    lines = [f"## {cause.id}", f"**{cause.title}** ({cause.library}, {cause.severity})", ""]
    lines += [cause.description.rstrip(), ""] if cause.description else []
    lines += [f"Traced: {cause.traced.rstrip()}", ""] if cause.traced else []
    lines += [f"Upstream: <{cause.link}>", ""] if cause.link else []
    lines += [f"Another fault of the same calls cannot be told from it: {cause.hides}.", ""] if cause.hides else []
    lines += ["| ops | what | where | targets | releases |", "|---|---|---|---|---|", *map(_row, cause.where), ""]
    return "\n".join(lines)


def _row(place: Place) -> str:
    """Return a place as a row of a table."""
    what = [*place.kinds, *map(str, place.symptoms), *place.errors, *(f"signal {number}" for number in place.signals)]
    rules = [f"breaks {' or '.join(place.rules)}"] if place.rules else []
    where = [*rules, *place.dtypes, *(f"{name} {' or '.join(several)}" for name, several in place.features.items())]
    targets = [f"`{name}`" for name in place.targets] + list(place.isa)
    cells = (", ".join(place.ops), ", ".join(what), ", ".join(where), ", ".join(targets), spoken(place.versions))
    return f"| {' | '.join(cells)} |"
