"""What is known of a run before it begins: the suite, the machine, the targets."""

import datetime as dt
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from typing import Any

from conformance.run.plan import Plan, found, options
from conformance.targets import machine, registry
from conformance.targets.target import Target
from conformance.targets.tensorflow.releases import without_release

__all__ = ["described", "header", "now", "this_machine"]


def header(plan: Plan, unavailable: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what is known of a run before it begins; unavailable: targets asked for that cannot run, and why."""
    missing = unavailable or {}
    chosen = set(map(without_release, (*plan.targets, *missing)))
    builtin = registry.builtin()
    return {
        "started": now(),
        "suite": importlib.metadata.version("conv-conformance"),
        "options": options(plan),
        "machine": this_machine(),
        "targets": [described(target) for target in found(plan).values()],
        "not_run": [
            *({"name": name, "reason": reason} for name, reason in missing.items()),
            *(
                {"name": name, "reason": registry.available(target) or "not asked for"}
                for name, target in builtin.items()
                if name not in chosen
            ),
        ],
    }


def this_machine() -> dict[str, Any]:
    """Return what this machine is, as JSON data."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        **machine.described(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def described(target: Target) -> dict[str, Any]:
    """Return what a target declares, as JSON data."""
    return {
        "name": target.name,
        "summary": target.about,
        "arithmetic": dict(target.arithmetic),
        "deterministic": target.deterministic,
        "environment": dict(target.environment),
        "profile": target.profile.to_json() if target.profile else None,
        "about": {},
    }


def now() -> str:
    """Return the time, UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
