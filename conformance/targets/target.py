"""The record of a target: all that is needed to run and to judge it."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from conformance.model import Json
from conformance.targets.limits import ALL_OPS, Features, Limit, reason
from conformance.targets.profile import GENERATORS, Profile, names
from conformance.targets.transport.process import Start
from reference.engine.precision import ARITHMETICS, Arithmetic

__all__ = ["CORRECTLY_ROUNDED", "FLOAT32", "NAMESPACE", "TF32", "Target", "constants", "way_of", "words"]

NAMESPACE = "conformance.targets.namespace"

# What a user has set for their own work would change what is judged; and what Polars adds to in each process for its
# allocator would have each start zygotes of its own.
CLEARED = ("TF_", "XLA_", "ONEDNN_", "DNNL_", "OMP_", "KMP_", "MKL_", "MALLOC_", "_RJEM_")
# At least what accumulates: accuracy.md, "The bound of an element".
FLOAT32 = {"float16": "float32", "bfloat16": "float32", "float32": "float32", "float64": "float64"}
TF32 = FLOAT32 | {"float32": "tf32"}
CORRECTLY_ROUNDED = dict.fromkeys(FLOAT32, "correctly-rounded")


def words(interpreter: str) -> tuple[str, ...]:
    """Return an interpreter as the words of a command: that of a program, whatever its path, or several."""
    return (interpreter,) if shutil.which(interpreter) else tuple(shlex.split(interpreter))


def way_of(route: str) -> str:
    """Return the way to compute an op in a route, without the arrays that are constants of what is traced."""
    return route.partition("+")[0]


def constants(route: str) -> tuple[str, ...]:
    """
    Return the names of the arrays that a route makes constants.

    >>> way_of("nn+input+filters"), constants("nn+input+filters")
    ('nn', ('input', 'filters'))
    """
    return tuple(route.split("+")[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target, complete: nothing else needs to be known to run and to judge it."""

    name: str
    about: str  # one line for the user
    adapter: str = NAMESPACE
    options: Mapping[str, Json] = field(default_factory=dict)  # of the adapter
    environment: Mapping[str, str] = field(default_factory=dict)  # of the worker, over the suite's own
    command: tuple[str, ...] = ()  # what to run instead of the suite's worker
    python: str = ""  # the interpreter of its workers, a path or a command; "": that of the run
    processor: str = ""  # of its workers, where they are emulated; "": this machine's
    patience: float = 1.0  # how many times longer than others its workers may take
    arithmetic: Mapping[str, str] = field(default_factory=lambda: FLOAT32)  # declared, by dtype
    deterministic: bool = False  # whether it claims that the same call gives the same bits
    own_masks: tuple[str, ...] = ()  # ops whose random numbers are not those of TensorFlow's kernels; ALL_OPS: of all
    unseeded: tuple[str, ...] = ()  # ops whose seed it ignores: that claim leaves them out
    offered: tuple[str, ...] = ALL_OPS  # ops for which it has a function, as it says when it is ready
    traces: bool = False  # whether it traces, compiles or converts for every shape that is new to it
    # Arrays may be constants of what it traces, as the filters of a route "nn+filters"; and what has those alone is
    # computed beforehand, by the kernels of this target.
    folds: str = ""
    default: bool = False  # whether a run without --target takes it
    needs: tuple[str, ...] = ()  # of the machine: `machine.lacks`
    differs_from: str = ""  # an ISA level: on a processor without more, it is another target over again
    limits: tuple[Limit, ...] = ()
    hangs: tuple[Limit, ...] = ()  # calls that may not end: each has a tenth of the time
    onednn: tuple[str, ...] = ()  # dtypes that oneDNN serves
    forkable: bool = False  # whether a process that has imported its library may be forked
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by op; one nameless way where none is given
    roundings: Mapping[str, int] = field(default_factory=dict)  # of an op, beyond those of its sum
    profile: Profile | None = None  # what it claims, where that is not said by the fields above
    unseen: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # rules that a route cannot refuse

    mathematics: bool = False  # whether it is held to the rules of mathematics alone

    def claiming(self, profile: Profile) -> "Target":
        """Return the target with what it says of itself."""
        return replace(
            self,
            profile=profile,
            deterministic=profile.deterministic,
            own_masks=profile.own_masks,
            unseeded=profile.unseeded,
        )

    def offers(self, op: str) -> bool:
        """Return whether it has a function for an op, and claims it."""
        claimed = self.profile.ops if self.profile else ALL_OPS
        return all(op in several or several == ALL_OPS for several in (self.offered, claimed))

    @property
    def asked(self) -> bool:
        """Whether it says itself what it offers and claims when it is ready: a namespace, or a program."""
        return bool(self.command) or self.adapter == NAMESPACE

    def told(self, offered: tuple[str, ...], profile: Profile | None) -> "Target":
        """Return the target with what it says when it is ready; what its user says it claims goes before that."""
        target = self.claiming(profile) if profile and not self.profile else self
        return replace(target, offered=offered)

    def arithmetics(self, op: str, dtype: str) -> tuple[Arithmetic, ...]:
        """Return the arithmetics by which it may compute an op in a dtype, the usual one first."""
        if self.profile:
            return self.profile.arithmetics(op, dtype)
        return (ARITHMETICS[self.arithmetic.get(dtype, "float32")],)

    def repeats(self, op: str) -> bool:
        """Return whether the target claims that a second run of the same call of this op gives the same bits."""
        return self.deterministic and op not in self.unseeded

    def draws_own(self, op: str) -> bool:
        """Return whether the random numbers of an op are not those of TensorFlow's kernels: any fair mask is right."""
        return op in self.own_masks or self.own_masks == ALL_OPS

    def adopts(self, op: str, rule: str) -> Container[str]:
        """Return which alternatives of a rule of kind choice it may make."""
        if self.mathematics:
            return names(rule)
        if rule in GENERATORS:
            return names(rule) if self.draws_own(op) else ("kernels",)
        return self.profile.adopts(rule) if self.profile else names(rule, of_tensorflow=True)

    def start(self, python: str | None = None) -> Start:
        """Return how a worker is started; `python`, for a target without its own, may have another TensorFlow."""
        interpreter = words(self.python or python or sys.executable)
        spec = {"adapter": self.adapter, "options": dict(self.options), "limited": "gpu" not in self.needs}
        specification = json.dumps(spec)
        kept = {name: text for name, text in os.environ.items() if self.command or not name.startswith(CLEARED)}
        return Start(
            name=self.name,
            command=self.command or (*interpreter, "-m", "conformance.targets.transport.worker", specification),
            environment={**kept, **self.environment},
            zygote=(*interpreter, "-m", "conformance.targets.transport.zygote", self.adapter) if self.forks else (),
            specification=specification,
            patience=self.patience,
        )

    @property
    def forks(self) -> bool:
        """Whether its workers are forked: not where its import may begin threads, or a driver that forks break."""
        return sys.platform == "linux" and not self.command and self.forkable and "gpu" not in self.needs

    def first_route(self, op: str) -> str:
        """Return the way in which it computes an op by default; "" where it has but one."""
        return self.routes.get(op, ("",))[0]

    def cannot_refuse(self, op: str, route: str, rule: str) -> str | None:
        """Return why a way to compute an op cannot refuse what a rule forbids; None where it could."""
        if rule in self.unseen.get((op, way_of(route)), ()):
            return f"{route} does not look at what {rule} is about"
        return None

    def unsupported(self, op: str, features: Features, route: str = "") -> str | None:
        """Return why the target declares not to implement this call; None where it declares no such thing."""
        way = way_of(route) or self.first_route(op)
        outside = self.profile.outside(op, features, way, self.onednn) if self.profile else None
        return outside or reason(self.limits, op, features, way, self.onednn)

    def may_hang(self, op: str, features: Features, route: str) -> bool:
        """Return whether the target declares that this call may not end."""
        declared = (*self.hangs, *(self.profile.hangs if self.profile else ()))
        return reason(declared, op, features, way_of(route) or self.first_route(op)) is not None
