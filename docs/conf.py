"""
The documentation as a site: `tox -e docs`.

The sources are this repository's own pages, read where they stand, and the specification, whose chapters are written
from the docstrings of `reference` before each build.
"""

import importlib.metadata
import inspect
import re
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx

from conformance.report import pages, specification

ROOT = Path(__file__).parent.parent
CHAPTERS = ROOT / "docs" / "specification"
MODULES = (
    "windows",
    "geometry",
    "bounds",
    "arithmetic",
    "floats",
    "random_bits",
    "conventions",
    "errors",
)  # beside ops

project = "conv-conformance"
release = importlib.metadata.version(project)
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "docs/**.md", "reports/[a-z]*.md", "examples/plugin/README.md"]
exclude_patterns = [".tox", ".venv", "**/node_modules", "reports/20*"]
nitpicky = True
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["static", "../conformance/report/static/figures.css"]
html_css_files = ["figures.css", "site.css"]
html_theme_options = {"top_of_page_buttons": []}
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Have the chapters written before the sources are looked for."""
    app.connect("config-inited", write_chapters)
    app.connect("source-read", list_others)


def write_chapters(_app: Sphinx, _config: object) -> None:
    """Write a chapter for each op, one for the modules that ops share, and the page before them."""
    CHAPTERS.mkdir(exist_ok=True)
    chapters = {op.name: pages.chapter(op) for op in specification.ops()}
    listed = "\n".join(["```{toctree}", ":maxdepth: 1", "", *chapters, "modules", "```", ""])
    chapters |= {"modules": modules(), "index": f"{pages.preface()}\n{listed}"}
    for name, text in chapters.items():
        (CHAPTERS / f"{name}.md").write_text(text, encoding="utf-8")


def list_others(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Name in the index the pages that none of its lists names: a new page is found wherever it belongs."""
    if docname == root_doc:
        listed = set(re.findall(r"^[\w-]+$", source[0], re.MULTILINE))
        others = {path.stem for path in (ROOT / "docs").glob("*.md")} - listed - {"index"}
        source[0] = source[0].replace("@others@", "\n".join(sorted(others)))


def modules() -> str:
    """Return the public functions and records of the modules that ops share, as their docstrings have them."""
    lines = ["# What the ops share", ""]
    for name in MODULES:
        module = import_module(f"reference.{name}")
        lines += [f"## reference.{name}", "", *literal(inspect.getdoc(module) or "")]
        for public in module.__all__:
            found = getattr(module, public)
            if document := inspect.getdoc(found) if callable(found) else None:
                lines += [f"### {public}", "", *literal(document)]
    return "\n".join(lines)


def literal(text: str) -> list[str]:
    """Return a docstring as it stands."""
    return ["````text", text, "````", ""]
