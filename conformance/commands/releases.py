"""The targets of TensorFlow crossed with the releases that a run asks for."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from conformance.errors import SuiteError
from conformance.targets import registry
from conformance.targets.tensorflow import environments, releases
from conformance.targets.tensorflow.environments import UnavailableError
from conformance.targets.tensorflow.releases import Release
from conformance.targets.tensorflow.targets import TARGETS

__all__ = ["crossed"]


CURRENT = releases.STABLE[-1]  # that a processor is judged with where none is named: that of the extra `cpu`


def crossed(
    names: Sequence[str] | None, texts: Sequence[str], processors: Sequence[str], say: Callable[[str], None]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """
    Return the targets to run, each of TensorFlow once with every release on every processor, and those that cannot run.

    names: the targets asked for; None: the default ones. Environments that are not there yet are made. What cannot run
    is by name, with the reason.

    Raises:
        UsageError: there is no such target, release or processor. SuiteError: nothing is left to run.
    """
    chosen = [registry.find(name).name for name in names or registry.default_targets(elsewhere=True)]
    wanted = {text: releases.parsed(text) if text else None for text in _asked(texts, processors)}
    unavailable = {each.name: reason for each in wanted.values() if each and (reason := _lacking(each, say))}
    listed, missing = [], {}
    for name in dict.fromkeys(chosen):
        for full, release in _columns(name, wanted).items():
            if reason := (release and _refused(name, release, unavailable)) or registry.available(registry.find(full)):
                missing[full] = reason
            else:
                listed.append(full)
    if not listed:
        raise SuiteError(f"nothing can run: {'; '.join(dict.fromkeys(missing.values()))}")
    return tuple(listed), missing


def _asked(texts: Sequence[str], processors: Sequence[str]) -> Iterator[str]:
    """Yield the releases asked for, as they are named; "" is the TensorFlow that is installed beside the suite."""
    for text in texts or ("",):
        for processor in processors or ("",):
            if processor in ("", releases.here()):
                yield text
            else:
                yield f"{text or CURRENT}-{processor}"


def _columns(name: str, wanted: Mapping[str, Release | None]) -> dict[str, Release | None]:
    """Return a target's name with every release; a target that is none of TensorFlow's stays as it is."""
    if name not in TARGETS:
        return {name: None}
    return {f"{name}@{release.name}" if release else name: release for release in wanted.values()}


def _refused(name: str, release: Release, unavailable: dict[str, str]) -> str | None:
    """Return why a target cannot run with a release; None where it can."""
    if release.requirement and "gpu" in TARGETS[name].needs:
        return "releases are installed without CUDA: give the path of an interpreter that has it"
    return unavailable.get(release.name)


def _lacking(release: Release, say: Callable[[str], None]) -> str | None:
    """Make a release's environment; return why it cannot be had."""
    try:
        environments.prepare(release, say)
    except UnavailableError as error:
        return f"TensorFlow {release.name}: {error}"
    return None
