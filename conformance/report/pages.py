"""The page: templates filled with a report. Everything is escaped unless it was made here."""

import math
import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from conformance.ops import OPS
from conformance.order.bits import Kept
from conformance.report import figures, verdict, wording
from conformance.report.charts import growth_charts, timing_charts
from conformance.report.columns import ACCURACY, SHARES, ULPS
from conformance.report.examples import examples
from conformance.report.heat import LEVELS
from conformance.report.history import Table
from conformance.report.implementations import board
from conformance.report.records import Cell, Report, Tally
from conformance.report.specification import Op, common, common_rules, ops
from conformance.run.evidence import THIN, THIN_RULE, State
from conformance.targets.machine import ISA_LEVELS
from conformance.triage.findings import Finding

__all__ = ["chapter", "history", "implementations", "markdown", "page", "preface", "specification"]

HERE = Path(__file__).parent
OPENED = 12  # findings up to which each new one stands open
SHADES = ((1.0, "all"), (0.99, "most"), (0.9, "many"), (0.0, "few"))


def page(report: Report) -> str:
    """Return the whole report as one HTML file."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            verdict=verdict.verdict(report),
            new=verdict.new(report),
            stale=verdict.stale(report),
            growth=growth_charts(report),
            timing=timing_charts(report),
            specification=ops(),
            examples=examples(),
            opened=len(report.findings) <= OPENED,
            **_static(),
        )
    )


def specification(chosen: tuple[Op, ...]) -> str:
    """Return the specification alone as one HTML file."""
    template = _environment().get_template("specification.html")
    return template.render(
        specification=chosen,
        common=common(),
        common_rules=common_rules(),
        examples=examples(),
        report=None,
        **_static(),
    )


def preface() -> str:
    """Return what holds for every op in MyST's Markdown: the page before the chapters of the documentation."""
    return _environment().get_template("preface.md").render(common=common())


def chapter(op: Op) -> str:
    """Return the specification of one op in MyST's Markdown, its figures as HTML: a page of the documentation."""
    return _environment().get_template("chapter.md").render(op=op, examples=examples())


def history(table: Table, kept: Sequence[Kept], end: str) -> str:
    """Return causes by release, and which bits were kept, as a page of its own; end: html or md."""
    return _environment().get_template(f"history.{end}").render(table=table, kept=kept, **_static())


def implementations(report: Report, end: str) -> str:
    """Return the scoreboard of implementations as a page of its own; end: html or md."""
    template = _environment().get_template(f"implementations.{end}")
    return template.render(board=board(report), report=report, **_static())


def markdown(report: Report) -> str:
    """Return a summary for a job's page."""
    template = _environment().get_template("summary.md")
    return template.render(
        report=report, verdict=verdict.verdict(report), new=verdict.new(report), stale=verdict.stale(report)
    )


def _static() -> dict[str, Markup]:
    """Return the style sheet and the script, which stand in the page itself."""
    texts = {
        name: "\n".join((HERE / "static" / file).read_text() for file in files)
        for name, files in (("style", ("figures.css", "style.css")), ("script", ("script.js",)))
    }
    return {name: Markup(text) for name, text in texts.items()}  # noqa: S704 -- files of this package


def _environment() -> Environment:
    """Return the templates with what they call."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, disabled_extensions=("md",)),  # Markdown has an escape of its own
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "duration": wording.duration,
        "scalar": wording.scalar,
        "inline": inline,
        "cell": _plain_cell,
        "svg": _svg,
        "md": plain,
        "prose": prose,
        "breakable": breakable,
        "base64": base64,
    }
    environment.tests["contains"] = lambda several, one: one in several
    environment.globals |= {
        "share": wording.share,
        "count": wording.count,
        "anchor": wording.anchor,
        "shade": shade,
        "status": status,
        "drawing": figures.drawing,
        "sheet": figures.sheet,
        "bars": figures.bars,
        "element_of": element_of,
        "isa": isa,
        "LEVELS": LEVELS,
        "ACCURACY": ACCURACY,
        "SHARES": SHARES,
        "THIN": THIN,
        "THIN_RULE": THIN_RULE,
        "ULPS": ULPS,
        "isnan": math.isnan,
        "zip": zip,
        "len": len,
        "dict": dict,
    }
    return environment


def inline(text: str) -> Markup:
    """
    Mark code and stress as docstrings do, and escape everything else.

    >>> str(inline("a `b<c`, **not** d"))
    'a <code>b&lt;c</code>, <strong>not</strong> d'
    """
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    marked = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked)
    return Markup(re.sub(r"(?<![\w*])\*(\w[^*\n]*)\*(?![\w*])", r"<em>\1</em>", marked))  # noqa: S704 -- escaped above


def breakable(name: str) -> Markup:
    """Let a long name break after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def plain(text: str) -> str:
    r"""
    Escape what Markdown would take for markup, and HTML with it; on one line.

    >>> print(plain("a_b <script> | `c`"))
    a\_b &lt;script> \| \`c\`
    """
    return _escaped(" ".join(str(text).split()))


def _escaped(text: str) -> str:
    """Escape what Markdown or HTML would take for markup."""
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def prose(text: str) -> str:
    r"""
    Escape what Markdown would take for markup in a docstring's paragraph, but for code and stress.

    >>> print(prose("a_b is `c_d` * 2, **not** 3*x"))
    a\_b is `c_d` \* 2, **not** 3\*x
    """
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    escaped = "".join(part if part.startswith("`") else _escaped(part) for part in parts)
    return re.sub(r"(?<!\w)((?:\\\*){1,2})(?=\w)(.+?)(?<=\w)\1(?!\w)", _stressed, escaped)


def _stressed(found: re.Match[str]) -> str:
    """Take back the escape of stress, as docstrings write it."""
    mark = found[1].replace("\\", "")
    return f"{mark}{found[2]}{mark}"


def shade(tally: Tally, broken: bool = False) -> str:
    """Return the class of a share's colour; broken: it is a matter of calls that break a rule."""
    if not tally.judged:
        return "none"
    if not tally.disagrees and not broken and tally.state is not State.TESTED:
        return "thin" if tally.state is State.THIN else "none"
    return next(name for least, name in SHADES if tally.agrees / tally.judged >= least)


def status(finding: Finding) -> str:
    """Return the class of a finding's colour."""
    return "bad" if finding.status == "new" else "warn"


def element_of(finding: Finding) -> tuple[int, int]:
    """Return row and column of the worst element in the result of the windows, where there is one."""
    worst, case = finding.worst, finding.case
    if len(worst) < 4 or not _gives_an_image(finding.op):
        return 0, 0
    return (worst[2], worst[3]) if case.get("attributes", {}).get("data_format") == "NCHW" else (worst[-3], worst[-2])


def _gives_an_image(op: str) -> bool:
    """Return whether an op's result is that of its windows; of an op that is not known, nobody knows."""
    return op in OPS and OPS[op].image


def isa(flags: list[str]) -> list[str]:
    """Return those flags of a processor that instruction set levels need."""
    return [flag for level in ISA_LEVELS.values() for flag in level if flag in flags]


def base64(content: bytes) -> str:
    """Write bytes as a data address has them."""
    return b64encode(content).decode("ascii")


def _plain_cell(cell: Cell | None) -> str:
    """Write a cell for Markdown."""
    if cell is None:
        return "not run"
    tally = cell.tally
    if tally.state is State.NONE:
        return f"{tally.state}"
    on = f"(n {tally.valid} in {tally.geometries}, {tally.small} small, {tally.broken} broken)"
    if tally.state is State.THIN and not tally.disagrees:
        return f"{tally.state} {on}"
    return " ".join(filter(None, (wording.share(tally.agrees, tally.judged), cell.worst, on)))


def _svg(text: Any) -> Markup:  # noqa: ANN401
    """Take a chart as it is: vl-convert escapes the names in it."""
    return Markup(text)  # noqa: S704
