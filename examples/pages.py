"""The page that a script leaves: one HTML file in the report's style, everything in it escaped."""

import math
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance import report
from conformance.report import wording

__all__ = ["page"]

OWN = Path(__file__).parent / "templates"
REPORT = Path(report.__file__).parent


def page(template: str, **values: object) -> str:
    """Fill a template of this folder; values are escaped unless they are `Markup`, as the charts are."""
    environment = Environment(
        loader=FileSystemLoader([OWN, REPORT / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": wording.number, "scalar": wording.scalar, "base64": base64}
    environment.globals |= {"count": wording.count, "isnan": math.isnan, "len": len, "zip": zip}
    return environment.get_template(template).render(style=style(), **values)


def style() -> Markup:
    """Return the style sheets, which stand in the page itself."""
    sheets = (REPORT / "static" / "style.css", OWN / "examples.css")
    return Markup("").join(Markup(sheet.read_text()) for sheet in sheets)  # noqa: S704 -- files of this project


def base64(content: Any) -> str:  # noqa: ANN401 -- of a template's value
    """Write bytes as a data address has them."""
    return b64encode(content).decode("ascii")
