"""The specification as data: the docstrings of the reference's ops, taken apart, and their definitions."""

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent, wrap
from typing import Literal, TypeAlias

import reference
import reference.ops
from conformance.errors import UsageError
from conformance.ops import OPS
from reference.choices import Alternatives
from reference.ops import CHOICES

__all__ = ["COMMON", "Block", "Kind", "Op", "Sentence", "common", "common_rules", "find", "op", "ops", "stated", "text"]

SECTION = re.compile(r"^([A-Z][a-z]+):(?: +(.*))?$")
ARGUMENT = re.compile(r"\n(?=(?:[a-z_]+, )*[a-z_]+: )")  # what a section says of arguments, each by itself
RULE = re.compile(r"^(\w+\.R\d+)\s+(.*)$")


Kind: TypeAlias = Literal["interface", "mathematics", "choice"]
KINDS: Mapping[str, Kind] = {"Interface": "interface", "Mathematics": "mathematics", "Choices": "choice"}
COMMON = "common"  # in the place of an op, of the rules that hold for every one


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a formula, or an example that runs."""

    kind: Literal["prose", "formula", "example"]
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A numbered rule."""

    id: str
    text: str
    kind: Kind
    alternatives: Alternatives = ()  # of a choice


# Of docstrings: the paragraphs before and between sections, the sections, and an op's rules.
Apart: TypeAlias = tuple[tuple[Block, ...], tuple[tuple[str, tuple[Block, ...]], ...], list[Sentence]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """What the specification says of one op."""

    name: str
    signature: str
    summary: str
    blocks: tuple[Block, ...]
    sections: tuple[tuple[str, tuple[Block, ...]], ...]  # Shapes, Rounding, Source ...
    rules: tuple[Sentence, ...]
    definition: str  # the source of the function, and of what it calls of its own


def common() -> tuple[tuple[str, tuple[Block, ...]], ...]:
    """Return what holds for every op, by sections."""
    return _common()[1]


def common_rules() -> tuple[Sentence, ...]:
    """Return the rules that hold for every op."""
    return tuple(_common()[2])


def _common() -> Apart:
    """Take apart what holds for every op."""
    return _taken_apart([inspect.getdoc(reference.ops) or ""], COMMON)


def ops() -> tuple[Op, ...]:
    """Return every op, in the order of `conformance.ops.OPS`."""
    return tuple(op(name) for name in OPS)


def find(name: str | None) -> tuple[Op, ...]:
    """
    Return the op of this name, or all of them.

    Raises:
        UsageError: the specification has no such op.
    """
    if name is None:
        return ops()
    if name not in OPS:
        raise UsageError(f"rules: no op {name!r}: there are {', '.join(OPS)}")
    return (op(name),)


def op(name: str) -> Op:
    """Take the docstring of an op apart."""
    function = OPS[name].reference
    documents = [inspect.getdoc(function) or "", *(inspect.getdoc(part) or "" for part in OPS[name].stated_in)]
    blocks, sections, rules = _taken_apart(documents, name)
    definition = sys.modules[function.__module__].definition
    return Op(
        name=name,
        signature=f"{name}{_parameters(function)}",
        summary=blocks[0].text,
        blocks=blocks[1:],
        sections=tuple((title, parts) for title, parts in sections if title != "Raises"),
        rules=tuple(sorted(rules, key=lambda rule: int(rule.id.rpartition("R")[2]))),
        definition="\n\n".join(map(inspect.getsource, (definition, *OPS[name].defined_with))),
    )


def _taken_apart(documents: list[str], name: str) -> Apart:
    """Return the paragraphs of docstrings before and between sections, the sections, and an op's rules."""
    paragraphs = [part for document in documents for part in document.split("\n\n")]
    sections: dict[str, list[Block]] = {}
    rules: list[Sentence] = []
    for paragraph in paragraphs:
        head, _, body = paragraph.partition("\n")
        titled = SECTION.match(head)
        if titled and titled[1] in KINDS:
            rules += _rules(body, name, KINDS[titled[1]])
        elif titled:
            text = f"{titled[2] or ''}\n{dedent(body)}".strip()
            sections.setdefault(titled[1], []).extend(Block("prose", part) for part in ARGUMENT.split(text))
        else:
            sections.setdefault("", []).append(_block(paragraph))
    blocks = tuple(sections.pop("", ()))
    return blocks, tuple((title, tuple(parts)) for title, parts in sections.items()), rules


def _parameters(function: object) -> str:
    """Return the parameters with their defaults and without types, as tf.nn's documentation shows them."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _block(paragraph: str) -> Block:
    """Return a paragraph as what it is: what starts with >>> is an example, what is indented a formula."""
    text = dedent(paragraph).strip("\n")
    if text.startswith(">>>"):
        return Block("example", text)
    return Block("formula" if paragraph.startswith("    ") else "prose", text)


def _rules(body: str, name: str, kind: Kind) -> list[Sentence]:
    """Return the numbered sentences of an op, each on one line."""
    found: list[list[str]] = []
    for line in body.splitlines():
        begins = RULE.match(line.strip())
        if begins and begins[1].startswith(f"{name}."):
            found.append([begins[1], begins[2]])
        elif line.strip() and found:
            found[-1].append(line.strip())
    return [Sentence(first, " ".join(rest), kind, CHOICES.get(first, ())) for first, *rest in found]


def text(page: Op, width: int = 100) -> str:
    """Return an op's page as plain text: all but its examples."""
    indent = max((len(rule.id) for rule in page.rules), default=0) + 2
    lines = [page.signature, "", page.summary, ""]
    for block in page.blocks:
        lines += _plain(block, width)
    for title, blocks in page.sections:
        lines += [f"{title}:", *(f"  {line}" for block in blocks for line in _plain(block, width - 2))]
    for rule in page.rules:
        lines += stated(rule, indent, width)
    return "\n".join([*(line.rstrip() for line in lines), "", page.definition])


def stated(rule: Sentence, indent: int, width: int = 100) -> list[str]:
    """Return the lines of a rule: its kind, what it says and, of a choice, who decides how."""
    first, *rest = wrap(f"[{rule.kind}] {rule.text}", width - indent) or [""]
    lines = [f"{rule.id:<{indent}}{first}", *(f"{'':<{indent}}{line}" for line in rest)]
    for each in rule.alternatives:
        told = f"{each.name}: {each.gives}. {', '.join(each.makers)} ({each.source})"
        lines += [f"{'':<{indent + 2}}{line}" for line in wrap(told, width - indent - 2)]
    return lines


def _plain(block: Block, width: int) -> list[str]:
    """Return the lines of a paragraph, and an empty one after it; none of an example."""
    if block.kind == "example":
        return []
    if block.kind == "formula":
        return [*(f"    {line}" for line in block.text.splitlines()), ""]
    return [*wrap(block.text, width), ""]
