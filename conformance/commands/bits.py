"""`conformance history --bits`: which kinds of calls keep their bits between releases, targets and processors."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from conformance.commands.report import write
from conformance.errors import SuiteError
from conformance.order.bits import Change, Digests, Kept, changes, compared, digests
from conformance.order.operands import OPERANDS
from conformance.targets import registry
from conformance.targets.tensorflow.releases import without_release
from conformance.targets.transport.pool import Worker
from conformance.targets.transport.session import StartError

__all__ = ["measured", "pairs", "read"]

FILE = "bits.json"
SCHEMA = 1


def measured(names: Sequence[str], folder: Path, say: Callable[[str], None]) -> tuple[Kept, ...]:
    """Call every kind of sizes on these products, in the order of their releases; compare, and keep what is found."""
    known: dict[str, Digests] = {}
    for name in names:
        say(f"{name}: bits of {', '.join(OPERANDS)}")
        try:
            with Worker(registry.find(name).start()) as worker:
                known[name] = digests(worker, OPERANDS)
        except StartError as error:
            say(f"{name}: {' '.join(str(error).split())}")
    found = tuple(kept for kept in read(folder) if (kept.one, kept.other) not in set(pairs(list(known))))
    for pair in pairs(list(known)):
        found += tuple(_of_pair(pair, known, say))
        data = {"schema": SCHEMA, "kept": [asdict(kept) for kept in found]}
        write(folder / FILE, json.dumps(data, indent=1) + "\n")
    return found


def pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield neighbouring releases of each target, then the other targets of the newest release beside the first one."""
    by_target: dict[str, list[str]] = {}
    for name in names:
        by_target.setdefault(without_release(name), []).append(name)
    for several in by_target.values():
        yield from pairwise(several)
    newest = [several[-1] for several in by_target.values()]
    yield from ((newest[0], other) for other in newest[1:] if _release(other) == _release(newest[0]))


def _release(name: str) -> str:
    """Return the release in a product's name."""
    return name.partition("@")[2]


def _of_pair(pair: tuple[str, str], known: Mapping[str, Digests], say: Callable[[str], None]) -> Iterator[Kept]:
    """Yield how the ops compare on two products, which are started again where they differ."""
    found = {op: compared(op, known[pair[0]], known[pair[1]]) for op in OPERANDS}
    some = any(differ for _, differ in found.values())
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(registry.find(name).start())) for name in pair if some]
        for op, (common, differ) in found.items():
            changed = tuple(changes(op, differ, workers))
            kept = Kept(op=op, one=pair[0], other=pair[1], same=common - len(differ), common=common, changes=changed)
            if kept.common:
                say(f"{op}: {kept.same} of {kept.common} kinds of calls have the same bits on {' and '.join(pair)}")
                yield kept


def read(folder: Path) -> tuple[Kept, ...]:
    """
    Read what was compared; nothing where there is none.

    Raises:
        SuiteError: the file cannot be read, or is no such file.
    """
    path = folder / FILE
    try:
        data = json.loads(path.read_text()) if path.exists() else {"kept": []}
        return tuple(
            Kept(**{**entry, "changes": tuple(Change(**change) for change in entry["changes"])})
            for entry in data["kept"]
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SuiteError(f"{path}: not what a comparison of bits writes: {error!r}") from error
