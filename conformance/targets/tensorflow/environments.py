"""
The environments of TensorFlow's releases: made once, by uv or else by venv and pip, and kept.

An environment is made under another name and renamed once it is whole, so that a killed install leaves nothing that
would be taken for one. It holds TensorFlow, what that needs, and ml_dtypes, by which the suite knows bfloat16.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from conformance.errors import SuiteError
from conformance.targets.tensorflow import emulation, releases
from conformance.targets.tensorflow.emulation import NoEmulatorError
from conformance.targets.tensorflow.releases import OLDEST_PYTHON, Release

__all__ = ["UnavailableError", "prepare"]

INSTALL_SECONDS = 1800.0
ASK_SECONDS = 600.0  # for an interpreter to answer, TensorFlow imported: 4 s, emulated 30 s, on a busy machine longer
REASON = 300  # characters of what an installer says
VERSION = "import sys; print(*sys.version_info[:2])"
CHECK = "import conformance.targets.tensorflow.adapter, conformance.targets.transport.zygote"


class UnavailableError(SuiteError):
    """A release cannot be had on this machine: says why in one line."""


def prepare(release: Release, say: Callable[[str], None] = lambda _: None) -> None:
    """
    Make the environment of a release where there is none yet, and see that a worker can start in it.

    Raises:
        UnavailableError: it cannot be made, or lacks something.
    """
    try:
        _link()
        if release.requirement and not release.python.exists():
            _make(release, say)
    except OSError as error:
        raise UnavailableError(f"{error.filename or releases.cache()}: {error.strerror or error}") from error
    _check(release)


def _link() -> None:
    """Link the suite's packages where workers look for them."""
    folder = releases.suite()
    folder.mkdir(parents=True, exist_ok=True)
    for name in releases.PACKAGES:
        with suppress(FileExistsError):
            (folder / name).symlink_to(releases.root() / name, target_is_directory=True)


def _make(release: Release, say: Callable[[str], None]) -> None:
    """Make an environment, or wait for who is making it."""
    folder = release.python.parents[1]
    part = folder.with_name(f"{folder.name}.part")
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if release.python.exists():
            return
        shutil.rmtree(part, ignore_errors=True)  # of an install that was killed
        try:
            if release.emulated:
                say(f"making an environment with TensorFlow {release.name}, by emulation")
                emulation.make(release, part, folder, partial(_run, seconds=INSTALL_SECONDS))
            else:
                _install(release, part, say)
            part.rename(folder)
        except NoEmulatorError as error:
            raise UnavailableError(str(error)) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _install(release: Release, folder: Path, say: Callable[[str], None]) -> None:
    """Make an environment for this machine's processor in a folder."""
    uv = shutil.which("uv")
    base = _base(release, uv)
    say(f"making an environment with TensorFlow {release.name} by {'uv' if uv else 'venv and pip: uv is not there'}")
    for command in _commands(release, base, folder, uv):
        _run(command, INSTALL_SECONDS)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock, which ends with this process at the latest."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _commands(release: Release, base: str, folder: Path, uv: str | None) -> list[list[str]]:
    """Return the commands that make an environment in a folder."""
    python, wanted = str(folder / "bin" / "python"), [release.requirement, "ml_dtypes"]
    if uv:
        nightly = ["--prerelease", "allow", "--exclude-newer", str(release.until)] if release.until else []
        return [
            [uv, "venv", "--quiet", "--no-python-downloads", "--python", base, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", python, *nightly, *wanted],
        ]
    if release.until:
        raise UnavailableError("a nightly of a day is found by uv alone, which is not there")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [[base, "-m", "venv", str(folder)], [*pip, *wanted]]


def _base(release: Release, uv: str | None) -> str:
    """Return an installed Python that the release has wheels for."""
    found = (python for minor in release.pythons for python in _installed(minor, uv))
    if python := next(found, None):
        return python
    wanted = ", ".join(f"3.{minor}" for minor in release.pythons)
    raise UnavailableError(f"needs Python {wanted.replace(', ', ' or ')}, and none is installed")


def _installed(minor: int, uv: str | None) -> Iterator[str]:
    """Yield interpreters of Python 3.minor: this one, the one that PATH names, and those that uv knows of."""
    if sys.version_info[:2] == (3, minor):
        yield sys.executable
    named = shutil.which(f"python3.{minor}")
    if named and _answer([named, "-c", VERSION]) == f"3 {minor}":  # a name may be a shim with nothing behind it
        yield named
    if uv and (known := _answer([uv, "python", "find", "--system", "--no-python-downloads", f"3.{minor}"])):
        yield known


def _answer(command: Sequence[str]) -> str:
    """Return what a command prints; "" where it fails."""
    with suppress(UnavailableError):
        return _run(command, ASK_SECONDS)
    return ""


def _check(release: Release) -> None:
    """See that a worker's modules can be imported by the interpreter of a release."""
    python = str(release.python)
    version = _run([python, "-c", VERSION], ASK_SECONDS)
    if tuple(map(int, version.split())) < (3, OLDEST_PYTHON):
        raise UnavailableError(f"Python {version.replace(' ', '.')}: workers need 3.{OLDEST_PYTHON}")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    _run([python, "-c", CHECK], ASK_SECONDS, {**os.environ, **quiet, "PYTHONPATH": str(releases.suite())})


def _run(command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it prints; what it says as it fails, in a line, is the error's text."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - installers, and the interpreters that they or the user give
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{name} did not end in {seconds:.0f} s") from None
    except OSError as error:
        raise UnavailableError(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode:
        raise UnavailableError(_failure(name, done))
    return done.stdout.strip()


def _failure(name: str, done: "subprocess.CompletedProcess[str]") -> str:
    """Return in one line how a program failed: of a traceback its last line, of an installer all."""
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}, and no word"]
    told = lines[-1:] if name.startswith("python") else lines
    return f"{name}: {' '.join(' '.join(told).split()):.{REASON}}"
