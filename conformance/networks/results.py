"""
What running networks came to, in the folder of a run: `networks.json`, and a PNG file a picture in `networks/`.

`networks.json`: {"schema": 1, "trials": [...], "lessons": [...], "shown": [...]}, with the fields of the records below;
a number that JSON has no word for is a string, "nan" or "inf". Entry i of "shown" has three pictures:
`networks/i-shown.png`, `networks/i-reference.png` and `networks/i-target.png`.
"""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.errors import SuiteError
from conformance.networks.comparing import Distance, Judged
from conformance.networks.deconvolution import Picture
from conformance.networks.png import SIGNATURE, bright, png, signed

__all__ = ["Lesson", "Results", "Shown", "Trial", "read", "shown", "write"]

SCHEMA = 1
KINDS = ("shown", "reference", "target")  # the pictures of one feature
LARGEST = 1 << 20  # bytes of a picture that is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One network run on one target."""

    target: str
    network: str
    weights: str  # "drawn at random", or by whom they were trained
    judged: tuple[Judged, ...]  # each layer on the reference's activations
    apart: tuple[Distance, ...]  # the target's own activations from the reference's
    gradients: tuple[Judged, ...] = ()  # the calls of a training step, last layer first, on the reference's values
    note: str = ""

    @property
    def wrong(self) -> bool:
        """Whether an element is not allowed, or further away than its bound."""
        return any(one.outside for one in (*self.judged, *self.gradients)) or any(one.used > 1 for one in self.apart)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a network learned, and how a target and the reference predict by its weights."""

    teacher: str  # the target that trained it
    target: str
    network: str
    tested: int  # images, none of which it was trained on
    right: int  # those that the target puts into their class
    other: tuple[int, ...]  # those that the reference puts into another class than the target

    @property
    def wrong(self) -> bool:
        """Whether the two do not predict the same."""
        return bool(self.other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One feature led back to pixels by a target and by the reference."""

    target: str
    network: str
    digit: int  # what the image shows
    feature: int  # channel of the last pool
    place: tuple[int, int]  # row, column of its strongest activation
    strength: float
    judged: tuple[Judged, ...]  # each stage, there and back, on the reference's activations
    stages: tuple[Distance, ...]  # the target's own activations from the reference's
    pictures: tuple[bytes, ...]  # PNG: what was shown, and what the reference and the target lead back

    @property
    def wrong(self) -> bool:
        """Whether an element is not allowed, or further away than its bound."""
        return any(one.outside for one in self.judged) or any(one.used > 1 for one in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything."""

    trials: tuple[Trial, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    shown: tuple[Shown, ...] = ()

    @property
    def wrong_on(self) -> tuple[str, ...]:
        """The targets on which anything is wrong."""
        several: tuple[Trial | Lesson | Shown, ...] = (*self.trials, *self.lessons, *self.shown)
        return tuple(dict.fromkeys(one.target for one in several if one.wrong))


def shown(target: str, network: str, digit: int, picture: Picture) -> Shown:
    """Make pictures of a feature: both reconstructions on the scale of the reference's, zero in grey."""
    largest = float(abs(picture.reference).max(initial=0.0))
    pixels = (bright(picture.image), signed(picture.reference, largest), signed(picture.target, largest))
    return Shown(
        target=target,
        network=network,
        digit=digit,
        feature=picture.feature,
        place=picture.place,
        strength=picture.strength,
        judged=picture.judged,
        stages=picture.stages,
        pictures=tuple(map(png, pixels)),
    )


def write(folder: Path, results: Results) -> None:
    """Write the results, instead of earlier ones."""
    data = {"schema": SCHEMA, **asdict(results)}
    pictures = [entry.pop("pictures") for entry in data["shown"]]
    shutil.rmtree(folder / "networks", ignore_errors=True)
    if pictures:
        (folder / "networks").mkdir(parents=True)
    for number, several in enumerate(pictures):
        for kind, content in zip(KINDS, several, strict=True):
            path_of(folder, number, kind).write_bytes(content)
    (folder / "networks.json").write_text(json.dumps(plain(data), indent=1, allow_nan=False) + "\n")


def path_of(folder: Path, number: int, kind: str) -> Path:
    """Return where a picture lies: what the file says has no part in it."""
    return folder / "networks" / f"{number}-{kind}.png"


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
        data = json.loads(path.read_text())
        return Results(
            trials=tuple(map(trial, data["trials"])),
            lessons=tuple(map(lesson, data["lessons"])),
            shown=tuple(feature(entry, pictures(folder, number)) for number, entry in enumerate(data["shown"])),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SuiteError(f"{path}: not what running networks writes: {error!r}") from error


def pictures(folder: Path, number: int) -> tuple[bytes, ...]:
    """Read the pictures of one feature."""
    contents = []
    for path in (path_of(folder, number, kind) for kind in KINDS):
        with path.open("rb") as file:
            contents.append(file.read(LARGEST))
        if not contents[-1].startswith(SIGNATURE):
            raise ValueError(f"{path.name} is no PNG file")
    return tuple(contents)


def trial(data: Mapping[str, Any]) -> Trial:
    """Make a record of its JSON data."""
    return Trial(
        **{name: str(data[name]) for name in ("target", "network", "weights", "note")},
        judged=layers(data["judged"]),
        apart=distances(data["apart"]),
        gradients=layers(data["gradients"]),
    )


def lesson(data: Mapping[str, Any]) -> Lesson:
    """Make a record of its JSON data."""
    return Lesson(
        **{name: str(data[name]) for name in ("teacher", "target", "network")},
        tested=int(data["tested"]),
        right=int(data["right"]),
        other=tuple(map(int, data["other"])),
    )


def feature(data: Mapping[str, Any], contents: tuple[bytes, ...]) -> Shown:
    """Make a record of its JSON data and its pictures."""
    row, column = map(int, data["place"])
    return Shown(
        target=str(data["target"]),
        network=str(data["network"]),
        digit=int(data["digit"]),
        feature=int(data["feature"]),
        place=(row, column),
        strength=float(data["strength"]),
        judged=layers(data["judged"]),
        stages=distances(data["stages"]),
        pictures=contents,
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
