"""A target in Python: any namespace with functions named and called as in tf.nn, NumPy in and out."""

import importlib
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

import reference
from conformance.model import Json
from conformance.targets.adapter import NoSuchPluginError, NotOfferedError, Prepared, spoil_heap
from conformance.targets.transport.messages import Call, decoded

__all__ = ["Namespace", "load"]


def load(options: Mapping[str, Json]) -> "Namespace":
    """Return the adapter of the object at options["object"], "package.module:object" or "package.module"."""
    return Namespace(find(str(options["object"])))


def find(place: str) -> object:
    """
    Import what stands at "package.module:object".

    Raises:
        NoSuchPluginError: there is no such module, or no such object in it, or its import fails.
    """
    module, _, path = place.partition(":")
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise NoSuchPluginError(str(error)) from error
    except BaseException as error:  # whatever a module does when it is imported
        raise NoSuchPluginError(f"importing {module}: {type(error).__name__}: {error}".rstrip(" :")) from error
    for name in filter(None, path.split(".")):
        if not hasattr(found, name):
            raise NoSuchPluginError(f"{module} has no {path}")
        found = getattr(found, name)
    return found


class Namespace:
    """The adapter of a namespace. A route is a function of its own: `max_pool_grad` by "tape" is max_pool_grad_tape."""

    def __init__(self, functions: object) -> None:
        self._functions = functions

    def about(self) -> Mapping[str, Json]:
        """Return the versions at work, and the functions that are offered."""
        versions: dict[str, Json] = {"python": platform.python_version(), "numpy": np.__version__}
        own = getattr(self._functions, "__version__", None)
        # What it makes up when it is asked for is not listed: the specification's names are asked for, too.
        names = sorted({*dir(self._functions), *reference.__all__})
        offered: list[Json] = [name for name in names if self._is_function(name)]
        said = getattr(self._functions, "PROFILE", None)
        claims: dict[str, Json] = (
            {} if said is None else {"profile": said.to_json() if hasattr(said, "to_json") else said}
        )
        shown = versions | ({"target": str(own)} if own else {})
        return {"versions": shown, "devices": ["CPU"], "ops": offered, **claims}

    def _is_function(self, name: str) -> bool:
        """Return whether an attribute may be an op's function."""
        return not name.startswith("_") and callable(getattr(self._functions, name, None))

    def prepare(self, call: Call) -> Prepared:
        """Look the function up; a missing one is not offered."""
        name = f"{call.op}_{call.route}" if call.route else call.op
        function = getattr(self._functions, name, None)
        if function is None:
            raise NotOfferedError(f"no function {name}")
        arguments = {
            key: entry if isinstance(entry, np.ndarray) else decoded(entry) for key, entry in call.arguments.items()
        }
        return Prepared(partial(run, function, arguments))

    def arrays(self, result: object) -> Sequence[object]:
        """Return a tuple's entries, or the one result."""
        return result if isinstance(result, tuple) else (result,)

    def spoil(self, sizes: Sequence[int]) -> None:
        """Free NaN where NumPy allocates next: it keeps small freed blocks itself, out of the allocator's sight."""
        spoil_heap(sizes)


def run(function: Callable[..., Any], arguments: Mapping[str, Any]) -> object:
    """Call the function; NotImplementedError says that the target does not offer this call."""
    try:
        return function(**arguments)
    except NotImplementedError as error:
        raise NotOfferedError(str(error) or "NotImplementedError") from error
