"""The targets: what each is, how its worker is started, what it declares; and those that users name."""

import difflib
import shlex
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from conformance.errors import UsageError
from conformance.targets import libraries, machine
from conformance.targets.limits import ALL_OPS
from conformance.targets.target import CORRECTLY_ROUNDED, NAMESPACE, Target
from conformance.targets.tensorflow import releases
from conformance.targets.tensorflow import targets as tensorflow

__all__ = [
    "BUILT_IN",
    "Target",
    "available",
    "builtin",
    "default_targets",
    "find",
    "registered",
]

ENTRY_POINTS = "conformance.targets"  # group in which an installed package registers its own

REFERENCE = Target(
    name="reference",
    about="the specification itself",
    adapter=NAMESPACE,
    options={"object": "reference"},
    arithmetic=CORRECTLY_ROUNDED,
    deterministic=True,
)

BUILT_IN: Mapping[str, Target] = {
    **tensorflow.TARGETS,
    REFERENCE.name: REFERENCE,
    **libraries.TARGETS,
}


def builtin(flags: frozenset[str] | None = None) -> dict[str, Target]:
    """Return the built-in targets as they are on a processor with these flags (this one's by default)."""
    seen = machine.cpu_flags() if flags is None else flags
    return {name: tensorflow.on_processor(target, seen) for name, target in BUILT_IN.items()}


def available(target: Target, flags: frozenset[str] | None = None, *, elsewhere: bool = False) -> str | None:
    """
    Return why the target cannot run on this machine; None if it can. Nothing is imported.

    elsewhere: it runs in another interpreter than this one, whose modules are not known.
    """
    seen = machine.cpu_flags() if flags is None else flags
    if target.python and not Path(target.python).exists():
        return f"there is no {target.python}: conformance run --tensorflow makes it"
    here = not elsewhere and not target.python
    needs = [need for need in target.needs if here or need == "gpu" or ":" in need]
    if target.processor and (levels := [need for need in needs if need.startswith("isa:")]):
        return f"{levels[0].removeprefix('isa:')} is no level of {target.processor}"
    return next(filter(None, (machine.lacks(need, seen) for need in needs)), None)


def default_targets(*, elsewhere: bool = False) -> dict[str, Target]:
    """Return the targets of a run that names none: the default ones that can run here."""
    known = builtin().items()
    return {name: target for name, target in known if target.default and not available(target, elsewhere=elsewhere)}


def registered() -> dict[str, str]:
    """Return what installed packages have registered as targets: module:object, by name."""
    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}


def find(text: str) -> Target:
    """
    Return the target that a user names: a built-in one, a registered one, module:object, or command:...

    name@release is a built-in one of TensorFlow with another release.

    Raises:
        UsageError: there is none of that name.
    """
    if text.startswith("command:"):
        return foreign(text)
    if text in BUILT_IN:
        return builtin()[text]
    name, _, release = text.partition("@")
    if release and name in tensorflow.TARGETS:
        found = releases.parsed(release)
        flags: frozenset[str] | None = frozenset() if found.emulated else None  # none of those that x86-64 names
        return releases.of_release(builtin(flags)[name], found)
    places = registered()
    place = places.get(text, text)
    if all(part.isidentifier() for part in place.replace(":", ".", 1).split(".")):
        return Target(
            name=text,
            about=f"the functions of {place}",
            adapter=NAMESPACE,
            options={"object": place},
            own_masks=ALL_OPS,
        )
    known = [*BUILT_IN, *places]
    near = difflib.get_close_matches(text, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}, module:object and command:..."
    raise UsageError(f"no target {text!r}: {hint}")


def foreign(text: str) -> Target:
    """Return the target that speaks the wire protocol itself."""
    try:
        command = tuple(shlex.split(text.removeprefix("command:")))
    except ValueError as error:
        raise UsageError(f"target {text!r}: {error}") from error
    if not command:
        raise UsageError(f"target {text!r}: no command")
    return Target(name=text, about="speaks the wire protocol", command=command, own_masks=ALL_OPS)
