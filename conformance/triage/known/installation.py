"""What is judged, as far as what is known depends on it: the library, its version, the processor and the device."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.targets import machine
from conformance.targets.registry import BUILT_IN
from conformance.targets.tensorflow.releases import without_release

__all__ = ["UNKNOWN", "Installation", "installation_of"]

# Of what a target says of itself: of the suite's own needs, and no library that is judged.
BESIDE = ("python", "numpy", "git")


@dataclass(frozen=True, slots=True)
class Installation:
    """What stands behind a target."""

    library: str = ""  # that is judged; "" where the target names none
    version: str = ""
    isa: str = ""  # the highest level of oneDNN that its processor has, or that it is held to; aarch64 has none
    device: str = "CPU"  # or GPU
    beneath: tuple[tuple[str, str], ...] = ()  # libraries that it computes with, with their versions: backends of Keras

    def release(self, library: str) -> str | None:
        """Return the version of one of its libraries; of "", which is any, that of the library that is judged."""
        return dict([*self.beneath, ("", self.version), (self.library, self.version)]).get(library)


UNKNOWN = Installation()


def installation_of(name: str, about: Mapping[str, Any], flags: Collection[str] = ()) -> Installation:
    """Return what a target is; about: what it says of itself, flags: of its processor, where it does not say."""
    told = about.get("machine", {})
    versions = about.get("versions", {})
    listed = versions.items() if isinstance(versions, Mapping) else ()
    (library, version), *beneath = [(each, str(text)) for each, text in listed if each not in BESIDE] or [("", "")]
    built_in = BUILT_IN.get(without_release(name))
    held = built_in.differs_from if built_in else ""
    device = "GPU" if built_in and "gpu" in built_in.needs else "CPU"
    isa = machine.level(frozenset(told.get("flags", flags))) or str(told.get("processor", ""))
    return Installation(library, version, held or isa, device, tuple(beneath))
