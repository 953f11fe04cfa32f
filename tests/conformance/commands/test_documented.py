"""Every command line that the pages show can be parsed: commands and options exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from conformance.commands.cli import app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPTION = re.compile(r"--[a-z][a-z-]*")
LINE = re.compile(r"^ {4}(conformance [a-z]+ .*?)(?: {2,}#.*)?$", re.MULTILINE)


def shown(page: Path) -> list[str]:
    """Return the command lines in a page's blocks of code."""
    return [line.replace("[", "").replace("]...", "").replace("]", "") for line in LINE.findall(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_options_of_a_page_exist(page: Path) -> None:
    """What a reader copies is understood."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group of commands
    for line in shown(page):
        _, name, *words = shlex.split(line.replace("...", "x"), posix=True)
        assert name in commands, line
        known = {
            option for parameter in commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if OPTION.fullmatch(word)} <= known, line


def test_the_readme_shows_commands() -> None:
    """Else the test above reads nothing."""
    assert len(shown(ROOT / "README.md")) > 10
