"""
Releases of TensorFlow as users name them: 2.18.1, nightly:20260801, or the path of an interpreter that has one.

A target of a release is named by both: tf-cpu-eager@2.18.1. Each release has an environment of its own, kept in the
cache: `environments` makes it. Its workers find the suite by path, for it is not installed there. A release for another
processor than this machine's ends in its name, 2.18.1-aarch64, and runs by emulation: `emulation`.
"""

import datetime as dt
import hashlib
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.errors import UsageError
from conformance.targets.target import Target
from conformance.targets.tensorflow.targets import TARGETS

__all__ = [
    "OLDEST_PYTHON",
    "PROCESSORS",
    "STABLE",
    "Release",
    "cache",
    "of_release",
    "parsed",
    "suite",
    "without_release",
]

OLDEST_PYTHON = 11  # 3.11: the suite's own code needs it, and every release below has wheels for it
# The newest Python 3 that a minor release of TensorFlow 2 has wheels for, from that minor release on.
# Source: tensorflow.org/install/source, "Tested build configurations", CPU on Linux.
NEWEST_PYTHON: Mapping[int, int] = {20: 13, 16: 12, 12: 11}
# The last release of each minor version that is judged, in order.
STABLE = ("2.12.1", "2.13.1", "2.14.1", "2.15.1", "2.16.2", "2.17.1", "2.18.1", "2.19.1", "2.20.0", "2.21.0")
WITHOUT_FLOAT16 = re.compile(r"2\.1[0-5]\.")  # whose oneDNN serves no float16, on any processor
PACKAGES = ("conformance", "reference")  # what a worker imports of the suite
PROCESSORS: Mapping[str, str] = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
EMULATED = ("aarch64",)  # what `emulation` makes
PATIENCE = 20.0  # how many times longer an emulated call may take: small ones took up to 9 times, 2026-11


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One TensorFlow that can be asked for."""

    name: str  # as in the names of targets
    python: Path  # the interpreter
    requirement: str = ""  # what is installed; "" where the interpreter is the user's
    pythons: tuple[int, ...] = ()  # minor versions of Python 3 that it can be made with, the first choice first
    until: dt.date | None = None  # of a nightly: the newest that was published by the end of this day
    emulated: str = ""  # the processor, where it is not this machine's


def cache() -> Path:
    """Return the folder that the environments are kept in."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"  # as the XDG specification says
    return base / "conv-conformance" / "tensorflow"


def parsed(text: str) -> Release:
    """
    Return the release that a user names; `nightly` is that of today.

    Raises:
        UsageError: there is none of that name.
    """
    if os.sep in text:
        return _of_interpreter(text)
    version, dash, processor = text.partition("-")
    if dash and processor not in PROCESSORS.values():
        raise UsageError(f"TensorFlow {text!r}: no processor {processor!r}: there are x86_64 and aarch64")
    return _for_processor(_of_version(version), processor)


def here() -> str:
    """Return what this machine's processor is called among PROCESSORS; "" where it is none of them."""
    return PROCESSORS.get(platform.machine(), "")


def _for_processor(release: Release, processor: str) -> Release:
    """Return a release as it is for a processor: this machine's where none is named."""
    if processor in ("", here()):
        return release
    if processor not in EMULATED:
        raise UsageError(f"TensorFlow {release.name}-{processor}: only {', '.join(EMULATED)} is emulated")
    name = f"{release.name}-{processor}"
    requirement = release.requirement.replace("-cpu", "")  # one package for all but x86-64
    return replace(release, name=name, python=_kept(name), requirement=requirement, emulated=processor)


def _of_version(text: str) -> Release:
    """Return a release for this machine's processor."""
    if text == "nightly":
        return _nightly(dt.datetime.now(dt.UTC).date())
    if found := re.fullmatch(r"nightly:(\d{4})(\d\d)(\d\d)", text, re.ASCII):
        try:
            return _nightly(dt.date(*map(int, found.groups())))
        except ValueError as error:
            raise UsageError(f"TensorFlow {text!r}: {error}") from error
    if found := re.fullmatch(r"2\.(\d{1,3})\.\d{1,3}", text, re.ASCII):
        return _stable(text, int(found[1]))
    raise UsageError(
        f"TensorFlow {text!r}: a release such as 2.18.1, nightly, nightly:20260801, or an interpreter's path"
    )


def _of_interpreter(text: str) -> Release:
    """Return the release that an interpreter of the user's has."""
    path = Path(text).absolute()  # not resolved: the link is what tells an environment from what it was made with
    if not path.is_file() or not os.access(path, os.X_OK):
        raise UsageError(f"TensorFlow {text!r}: no such interpreter")
    return Release(name=str(path), python=path)


def _nightly(day: dt.date) -> Release:
    """Return the newest nightly of a day."""
    name = f"nightly:{day:%Y%m%d}"
    return _made(name, f"tf-nightly{_flavour()}", max(NEWEST_PYTHON.values()), day)


def _stable(text: str, minor: int) -> Release:
    """Return a release by its version."""
    newest = next((python for first, python in NEWEST_PYTHON.items() if minor >= first), None)
    if newest is None:
        raise UsageError(f"TensorFlow {text}: releases are judged from 2.{min(NEWEST_PYTHON)} on")
    return _made(text, f"tensorflow{_flavour()}=={text}", newest)


def _made(name: str, requirement: str, newest: int, until: dt.date | None = None) -> Release:
    """Return a release that has its environment in the cache."""
    pythons = tuple(range(OLDEST_PYTHON, newest + 1))
    return Release(name=name, python=_kept(name), requirement=requirement, pythons=pythons, until=until)


def _kept(name: str) -> Path:
    """Return where the interpreter of a release stands in the cache."""
    return cache() / name.replace(":", "-") / "bin" / "python"


def _flavour() -> str:
    """Return the ending of the package without CUDA, which x86-64 alone has apart."""
    return "-cpu" if here() == "x86_64" else ""


def suite() -> Path:
    """
    Return the folder of links to the suite's packages by which workers of a release find them.

    The suite's own folder will not do: where it is installed, it holds this interpreter's TensorFlow and NumPy, too.
    """
    return cache() / "suites" / hashlib.sha256(os.fsencode(root())).hexdigest()[:12]


def root() -> Path:
    """Return the folder that the suite's packages stand in."""
    return Path(__file__).parents[3]


def of_release(target: Target, release: Release) -> Target:
    """Return a target of TensorFlow as it is with another release."""
    early = WITHOUT_FLOAT16.match(release.name)
    return replace(
        target,
        name=f"{target.name}@{release.name}",
        about=f"{target.about}; TensorFlow {release.name}",
        python=str(release.python),
        environment={**target.environment, "PYTHONPATH": str(suite())},
        processor=release.emulated,
        patience=PATIENCE if release.emulated else target.patience,
        onednn=tuple(dtype for dtype in target.onednn if not (early and dtype == "float16")),
    )


def without_release(name: str) -> str:
    """Return a target's name without its release, by which what is known of it goes: its version is told apart."""
    base = name.partition("@")[0]
    return base if base in TARGETS else name
