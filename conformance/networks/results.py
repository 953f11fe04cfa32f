"""
What running networks came to: `networks.json` in the folder of a run.

{"schema": 2, "trials": [...]}, with the fields of the records below; a number that JSON has no word for is a string,
"nan" or "inf". Files of schema 1 are read, too: their trials alone.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.errors import SuiteError
from conformance.networks.comparing import Distance, Judged

__all__ = ["NetworkRun", "Results", "read", "write"]

SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRun:
    """One network run on one target."""

    target: str
    network: str
    weights: str  # "drawn at random", or by whom they were trained
    judged: tuple[Judged, ...]  # each layer on the reference's activations
    apart: tuple[Distance, ...]  # the target's own activations from the reference's
    patterns: tuple[Judged, ...] = ()  # layers with a bias and relu in one call, on the reference's activations
    gradients: tuple[Judged, ...] = ()  # the calls of a training step, last layer first, on the reference's values
    note: str = ""

    @property
    def wrong(self) -> bool:
        """Whether an element is not allowed, or further away than its bound."""
        return any(one.outside for one in (*self.judged, *self.patterns, *self.gradients)) or any(
            one.used > 1 for one in self.apart
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything."""

    trials: tuple[NetworkRun, ...] = ()

    @property
    def wrong_on(self) -> tuple[str, ...]:
        """The targets on which anything is wrong."""
        return tuple(dict.fromkeys(trial.target for trial in self.trials if trial.wrong))


def write(folder: Path, results: Results) -> None:
    """Write the results, instead of earlier ones."""
    data = {"schema": SCHEMA, **asdict(results)}
    (folder / "networks.json").write_text(json.dumps(plain(data), indent=1, allow_nan=False) + "\n")


def plain(value: Any) -> Any:  # noqa: ANN401 -- anything that JSON holds
    """Write numbers that JSON has no word for as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def read(folder: Path) -> Results:
    """
    Read the results in a run's folder; none where no network was run.

    Raises:
        SuiteError: they cannot be read.
    """
    path = folder / "networks.json"
    try:
        if not path.exists():
            return Results()
        return Results(trials=tuple(map(trial, json.loads(path.read_text())["trials"])))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SuiteError(f"{path}: not what running networks writes: {error!r}") from error


def trial(data: Mapping[str, Any]) -> NetworkRun:
    """Make a record of its JSON data."""
    return NetworkRun(
        **{name: str(data[name]) for name in ("target", "network", "weights", "note")},
        judged=layers(data["judged"]),
        apart=distances(data["apart"]),
        patterns=layers(data.get("patterns", ())),
        gradients=layers(data["gradients"]),
    )


def layers(entries: Sequence[Mapping[str, Any]]) -> tuple[Judged, ...]:
    """Make records of their JSON data."""
    return tuple(
        Judged(
            layer=str(entry["layer"]),
            op=str(entry["op"]),
            elements=int(entry["elements"]),
            outside=int(entry["outside"]),
            bound_used=float(entry["bound_used"]),
            kernels=tuple(map(str, entry.get("kernels", ()))),
        )
        for entry in entries
    )


def distances(entries: Sequence[Mapping[str, Any]]) -> tuple[Distance, ...]:
    """Make records of their JSON data."""
    return tuple(
        Distance(
            layer=str(entry["layer"]),
            elsewhere=int(entry["elsewhere"]),
            **{name: float(entry[name]) for name in ("measured", "bound", "used", "size")},
        )
        for entry in entries
    )
