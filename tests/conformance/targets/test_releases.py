"""Releases of TensorFlow: how they are named, where their environments stand, and what becomes of a failed install."""

import datetime as dt
import sys
from pathlib import Path

import pytest

from conformance.commands.releases import crossed
from conformance.errors import SuiteError, UsageError
from conformance.targets import registry
from conformance.targets.tensorflow import environments, releases
from conformance.targets.tensorflow.environments import UnavailableError, prepare
from conformance.targets.tensorflow.releases import Release, parsed, without_release

# An installer that makes an interpreter which can import all that it is asked to, and writes down how it was called.
UV = """#!/bin/sh
echo "$@" >> "{log}"
{first}
for last; do :; done
case "$1" in
    venv)
        mkdir -p "$last/bin"
        printf '#!/bin/sh\\necho {version}\\n' > "$last/bin/python"
        chmod +x "$last/bin/python" ;;
    python) exit 2 ;;
esac
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the environments of a test in its own folder, and return it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "conv-conformance" / "tensorflow"


def plant(folder: Path, monkeypatch: pytest.MonkeyPatch, first: str = "", version: str = "3 11") -> Path:
    """Put a uv that installs nothing on PATH, which runs `first` at every call; return the file of its calls."""
    log = folder / "calls"
    uv = folder / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV.format(log=log, first=first, version=version))
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}:/usr/bin:/bin")
    return log


def release(*pythons: int, until: dt.date | None = None) -> Release:
    """Return a release 2.18.1 for these Pythons; this one by default."""
    minors = pythons or (sys.version_info.minor,)
    python = releases.cache() / "2.18.1" / "bin" / "python"
    return Release(name="2.18.1", python=python, requirement="tensorflow==2.18.1", pythons=minors, until=until)


@pytest.mark.parametrize(
    ("text", "pythons"), [("2.12.1", (11,)), ("2.15.1", (11,)), ("2.18.1", (11, 12)), ("2.21.0", (11, 12, 13))]
)
def test_a_release_has_the_pythons_that_it_and_the_suite_support(text: str, pythons: tuple[int, ...]) -> None:
    """From 3.11, which the suite needs, to the newest that TensorFlow's table of tested builds gives."""
    assert parsed(text).pythons == pythons


def test_an_environment_stands_in_the_cache_under_its_release(cache: Path) -> None:
    """$XDG_CACHE_HOME/conv-conformance/tensorflow/VERSION; a colon would end a name in PATH, and is a dash."""
    assert parsed("2.18.1").python == cache / "2.18.1" / "bin" / "python"
    assert parsed("nightly:20260801").python == cache / "nightly-20260801" / "bin" / "python"


@pytest.mark.parametrize("root", ["", "relative"])
def test_a_cache_that_is_not_absolute_is_not_taken(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """The XDG specification has them ignored: ~/.cache stands for them."""
    monkeypatch.setenv("XDG_CACHE_HOME", root)
    assert releases.cache() == Path.home() / ".cache" / "conv-conformance" / "tensorflow"


def test_a_nightly_without_a_date_is_that_of_today() -> None:
    """So that its name, and a run that is gone on with, mean the same tomorrow."""
    assert parsed("nightly").until == dt.datetime.now(dt.UTC).date()
    assert parsed(parsed("nightly").name) == parsed("nightly")


def test_an_interpreter_is_a_release_with_nothing_to_install() -> None:
    """It is named by its path, made absolute."""
    found = parsed(sys.executable)
    assert (found.name, found.requirement) == (sys.executable, "")


@pytest.mark.parametrize("text", ["", "2", "2.18", "3.0.0", "2.11.1", "2.18.1rc1", "nightly:20260231", "/no/python"])
def test_what_names_no_release_is_refused(text: str) -> None:
    """Each by a sentence that holds what was given."""
    with pytest.raises(UsageError, match="TensorFlow"):
        parsed(text)


def test_a_target_of_a_release_has_its_interpreter() -> None:
    """And finds the suite by path; all else is the built-in target's."""
    found, builtin = registry.find("tf-cpu-xla@2.18.1"), registry.find("tf-cpu-xla")
    start = found.start("python-of-the-run")

    assert (found.name, found.options, found.limits) == ("tf-cpu-xla@2.18.1", builtin.options, builtin.limits)
    assert start.command[0] == str(parsed("2.18.1").python)
    assert start.environment["PYTHONPATH"] == str(releases.suite())


@pytest.mark.parametrize(("release", "served"), [("2.15.1", False), ("2.16.2", True), ("2.21.0", True)])
def test_onednn_of_an_early_release_serves_no_float16(release: str, served: bool) -> None:
    """Up to 2.15, even where the processor does."""
    target = releases.of_release(registry.BUILT_IN["tf-cpu-eager"], parsed(release))

    assert ("float16" in target.onednn) is served
    assert "bfloat16" in target.onednn


def test_a_target_whose_environment_is_not_there_is_not_available() -> None:
    """It says what makes it."""
    assert "conformance run --tensorflow" in (registry.available(registry.find("tf-cpu-xla@2.18.1")) or "")


def test_targets_of_tensorflow_alone_have_releases() -> None:
    """The reference has none."""
    with pytest.raises(UsageError, match=r"no target 'reference@2\.18\.1'"):
        registry.find("reference@2.18.1")
    assert without_release("tf-cpu-eager@2.18.1") == "tf-cpu-eager"
    assert without_release("module:name@2.18.1") == "module:name@2.18.1"


def test_an_environment_is_made_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By two calls of uv: one makes it, one installs TensorFlow and ml_dtypes; the next run makes no call."""
    log = plant(tmp_path, monkeypatch)

    prepare(release())
    prepare(release())

    made, installed = log.read_text().splitlines()
    assert made == f"venv --quiet --no-python-downloads --python {sys.executable} {cache / '2.18.1.part'}"
    assert installed.endswith("tensorflow==2.18.1 ml_dtypes")
    assert (cache / "2.18.1" / "bin" / "python").exists()


def test_a_nightly_is_the_newest_of_its_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uv leaves out what was published later."""
    log = plant(tmp_path, monkeypatch)
    prepare(release(until=dt.date(2026, 8, 1)))
    assert "--prerelease allow --exclude-newer 2026-08-01" in log.read_text()


def test_workers_find_the_suite_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder on their path has two links."""
    plant(tmp_path, monkeypatch)
    prepare(release())
    assert sorted(path.name for path in releases.suite().iterdir()) == ["conformance", "reference"]
    assert (releases.suite() / "conformance").resolve() == Path(environments.__file__).parents[2].resolve()


def test_a_failed_install_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the installer says is the reason, in one line; what a killed one had left goes, too."""
    plant(tmp_path, monkeypatch, first='if [ "$1" = pip ]; then printf "no wheel\\n  of it" >&2; exit 1; fi')
    (cache / "2.18.1.part" / "left").mkdir(parents=True)

    with pytest.raises(UnavailableError, match=r"^uv: no wheel of it$"):
        prepare(release())

    assert not (cache / "2.18.1").exists()
    assert not (cache / "2.18.1.part").exists()


def test_a_release_for_a_python_that_is_not_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded in its stead."""
    log = plant(tmp_path, monkeypatch)
    with pytest.raises(UnavailableError, match=r"needs Python 3\.98 or 3\.99, and none is installed"):
        prepare(release(98, 99))
    assert "venv" not in log.read_text()


def test_a_shim_with_nothing_behind_it_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program python3.99 that fails is passed over; one that says it is 3.99 is taken."""
    log = plant(tmp_path, monkeypatch)
    shim = tmp_path / "bin" / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    with pytest.raises(UnavailableError, match="none is installed"):
        prepare(release(99))

    shim.write_text("#!/bin/sh\necho 3 99\n")
    prepare(release(99))

    assert f"--python {shim}" in log.read_text()


def test_an_interpreter_that_is_too_old_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a worker ends in a syntax error."""
    plant(tmp_path, monkeypatch, version="3 9")
    with pytest.raises(UnavailableError, match=r"Python 3\.9: workers need 3\.11"):
        prepare(release())


def test_an_interpreter_without_tensorflow_says_so(tmp_path: Path) -> None:
    """The last line of what Python says: its module is not found."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    with pytest.raises(UnavailableError, match=r"^python: ModuleNotFoundError: No module named '\w+'$"):
        prepare(parsed(str(python)))


def test_without_uv_venv_and_pip_do(tmp_path: Path) -> None:
    """A nightly of a day is beyond them."""
    made, installed = environments._commands(release(), "python3", tmp_path / "new", None)
    assert made == ["python3", "-m", "venv", str(tmp_path / "new")]
    assert installed[:4] == [str(tmp_path / "new" / "bin" / "python"), "-m", "pip", "install"]
    assert installed[-2:] == ["tensorflow==2.18.1", "ml_dtypes"]
    with pytest.raises(UnavailableError, match="by uv alone"):
        environments._commands(release(until=dt.date(2026, 8, 1)), "python3", tmp_path, None)


def test_targets_are_crossed_with_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of TensorFlow once with every release, a release asked for twice once; the others stay as they are."""
    plant(tmp_path, monkeypatch)
    asked = ["tf-cpu-eager", "reference", "tf-cpu-xla"]

    listed, missing = crossed(asked, ["2.18.1", "2.21.0", "2.18.1"], [], lambda _: None)

    assert listed == (
        *("tf-cpu-eager@2.18.1", "tf-cpu-eager@2.21.0"),
        "reference",
        *("tf-cpu-xla@2.18.1", "tf-cpu-xla@2.21.0"),
    )
    assert not missing


def test_a_release_that_cannot_be_made_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others run; a run of which nothing is left does not begin."""
    plant(tmp_path, monkeypatch, first='case "$*" in *2.18.99*ml_dtypes) echo no wheel >&2; exit 1 ;; esac')

    listed, missing = crossed(["tf-cpu-eager"], ["2.18.1", "2.18.99"], [], lambda _: None)

    assert listed == ("tf-cpu-eager@2.18.1",)
    assert missing == {"tf-cpu-eager@2.18.99": "TensorFlow 2.18.99: uv: no wheel"}
    with pytest.raises(SuiteError, match=r"nothing can run: TensorFlow 2\.18\.99: uv: no wheel"):
        crossed(["tf-cpu-eager"], ["2.18.99"], [], lambda _: None)


def test_a_release_has_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is installed without CUDA."""
    plant(tmp_path, monkeypatch)
    listed, missing = crossed(["tf-cpu-eager", "tf-gpu-eager"], ["2.18.1"], [], lambda _: None)
    assert listed == ("tf-cpu-eager@2.18.1",)
    assert "without CUDA" in missing["tf-gpu-eager@2.18.1"]


def test_a_release_for_another_processor_is_emulated(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in the processor's name, has the package for all but x86-64, and its workers may take longer."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    found = parsed("2.21.0-aarch64")
    target = registry.find("tf-cpu-eager@2.21.0-aarch64")

    assert (found.emulated, found.requirement) == ("aarch64", "tensorflow==2.21.0")
    assert found.python == cache / "2.21.0-aarch64" / "bin" / "python"
    assert target.start().patience == releases.PATIENCE
    assert target.processor == "aarch64"


def test_a_release_for_this_processor_is_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Arm itself nothing is emulated."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert parsed("2.21.0-aarch64") == parsed("2.21.0")


@pytest.mark.parametrize("text", ["2.21.0-riscv64", "2.21.0-"])
def test_a_processor_that_is_unknown_is_refused(text: str) -> None:
    """By its name, or that it has none."""
    with pytest.raises(UsageError, match=r"no processor (''|'riscv64')"):
        parsed(text)


def test_levels_of_x86_are_none_of_another_processor(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Whatever the flags of the machine that emulates."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    plant_python(cache / "2.21.0-aarch64")
    reason = registry.available(registry.find("tf-cpu-eager-avx2@2.21.0-aarch64"))
    assert reason == "AVX2 is no level of aarch64"


def plant_python(folder: Path) -> None:
    """Put a program where the interpreter of an environment stands."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch(mode=0o755)


def test_processors_are_crossed_with_releases(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one run: a release on each processor, a column each."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(environments, "_check", lambda _: None)
    for name in ("2.21.0", "2.21.0-aarch64"):
        plant_python(cache / name)

    listed, missing = crossed(["tf-cpu-eager"], ["2.21.0"], ["x86_64", "aarch64"], lambda _: None)

    assert listed == ("tf-cpu-eager@2.21.0", "tf-cpu-eager@2.21.0-aarch64")
    assert missing == {}


def test_what_emulation_lacks_is_said(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line names the programs that are not there, and nothing is left behind."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnavailableError, match="emulating aarch64 needs apt-get, dpkg-deb, uv, which is not there"):
        prepare(parsed("2.21.0-aarch64"))

    assert not (cache / "2.21.0-aarch64.part").exists()
