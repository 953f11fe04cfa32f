"""
TensorFlow's 64-bit Arm build on an x86-64 machine, by emulation: the commands that make its environment.

A Python of Debian's for arm64 and what it is linked with are unpacked beside the system, nothing is installed into it;
uv puts TensorFlow's wheels for aarch64 next to it; and `bin/python` is a script that runs both by QEMU's user mode,
found on PATH or unpacked from Debian, too. Emulated arithmetic is IEEE; its times mean nothing.
"""

import platform
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import which

from conformance.errors import SuiteError
from conformance.targets.tensorflow.releases import Release

__all__ = ["NoEmulatorError", "make"]

PYTHON = 11  # of Debian 12
PACKAGES = (
    *(f"python3.{PYTHON}-minimal", f"libpython3.{PYTHON}-minimal", f"libpython3.{PYTHON}-stdlib"),
    *("libc6", "libstdc++6", "libgcc-s1", "libexpat1", "zlib1g", "libssl3", "libffi8", "libbz2-1.0", "liblzma5"),
    *("libsqlite3-0", "libuuid1", "libreadline8", "libtinfo6", "libncursesw6", "libdb5.3", "libcrypt1", "libnsl2"),
    "libtirpc3",
)
EMULATOR, ITS_PACKAGE = "qemu-aarch64-static", "qemu-user-static"
NEEDED = ("apt-get", "dpkg-deb", "uv")
Run = Callable[[Sequence[str]], object]

SCRIPT = """#!/bin/sh
export PYTHONPATH={site}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONDONTWRITEBYTECODE=1
exec {emulator} -L {root} {root}/usr/bin/python3.{python} "$@"
"""


class NoEmulatorError(SuiteError):
    """The parts of an emulated environment cannot be had here."""


def make(release: Release, folder: Path, final: Path, run: Run) -> None:
    """
    Make the environment of a release for another processor in a folder that will be renamed to `final`.

    run: runs a command, and raises where it fails.

    Raises:
        NoEmulatorError: this machine cannot make it.
    """
    if PYTHON not in release.pythons:
        raise NoEmulatorError(f"needs Python 3.{PYTHON}, which TensorFlow {release.name} has no wheels for")
    if platform.system() != "Linux" or (missing := [name for name in NEEDED if not which(name)]):
        lacking = "Linux" if platform.system() != "Linux" else ", ".join(missing)
        raise NoEmulatorError(f"emulating {release.emulated} needs {lacking}, which is not there")
    root, site = folder / "root", folder / "site"
    _unpack(folder, "arm64", PACKAGES, root, run)
    if not which(EMULATOR):
        _unpack(folder, "amd64", (ITS_PACKAGE,), folder / "emulator", run)
    run(_wheels(release, site))
    script = folder / "bin" / "python"
    script.parent.mkdir()
    script.write_text(_script(final))
    script.chmod(0o755)


def _unpack(folder: Path, architecture: str, packages: Sequence[str], into: Path, run: Run) -> None:
    """Download packages of Debian's for an architecture, and unpack them."""
    state = folder / architecture
    for part in ("lists/partial", "cache/archives/partial", "debs"):
        (state / part).mkdir(parents=True)
    apt = (
        *("apt-get", "-q", f"-oAPT::Architecture={architecture}", f"-oAPT::Architectures={architecture}"),
        *(f"-oDir::State::Lists={state / 'lists'}", f"-oDir::Cache={state / 'cache'}", "-oAPT::Sandbox::User=root"),
    )
    run((*apt, "update"))
    run(("sh", "-c", f"cd {shlex.quote(str(state / 'debs'))} && {shlex.join((*apt, 'download', *packages))}"))
    for package in sorted((state / "debs").glob("*.deb")):
        run(("dpkg-deb", "-x", str(package), str(into)))


def _wheels(release: Release, site: Path) -> tuple[str, ...]:
    """Return the command that puts TensorFlow and what it needs into a folder."""
    nightly = ("--prerelease", "allow", "--exclude-newer", str(release.until)) if release.until else ()
    return (
        *("uv", "pip", "install", "--quiet", "--target", str(site), "--only-binary", ":all:"),
        *("--python-version", f"3.{PYTHON}", "--python-platform", f"{release.emulated}-manylinux_2_31"),
        *(*nightly, release.requirement, "ml_dtypes"),
    )


def _script(final: Path) -> str:
    """Return the script that runs Python in the environment, once that stands in its place."""
    own = final / "emulator" / "usr" / "bin" / EMULATOR
    return SCRIPT.format(
        site=shlex.quote(str(final / "site")),
        root=shlex.quote(str(final / "root")),
        emulator=shlex.quote(which(EMULATOR) or str(own)),
        python=PYTHON,
    )
