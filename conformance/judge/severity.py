"""How grave a disagreement is: a closed set, by which findings are ordered and causes are described."""

from conformance.model import Symptom, Verdict
from conformance.ops import OPS

__all__ = ["SEVERITIES", "gravity", "severity_of"]

# The gravest first: what nobody notices before what is loud, and what loses data before what refuses to work.
SEVERITIES = (
    "silent wrong value",
    "memory read or written",
    "wrong gradient",
    "crash",
    "hang",
    "wrong shape",
    "NaN handling",
    "refused-valid",
    "accepted-invalid",
)
OF_KIND = {
    "nondeterministic": "silent wrong value",
    "crashed": "crash",
    "out-of-memory": "crash",
    "hung": "hang",
    "wrong-shape": "wrong shape",
    "wrong-dtype": "wrong shape",
    "refused-valid": "refused-valid",
    "accepted-invalid": "accepted-invalid",
}
NOT_FINITE = (Symptom.NAN, Symptom.INFINITE, Symptom.LOWEST)


def severity_of(op: str, judged: Verdict) -> str:
    """Return how grave a disagreement looks: one of SEVERITIES."""
    if judged.kind != "wrong-value":
        return OF_KIND[judged.kind]
    if Symptom.UNWRITTEN in judged.symptoms:
        return "memory read or written"
    if not set(NOT_FINITE).isdisjoint(judged.symptoms):
        return "NaN handling"
    return "wrong gradient" if OPS[op].gradient else "silent wrong value"


def gravity(severity: str, dtype: str) -> tuple[int, bool]:
    """Return what findings are sorted by: the gravest severity first, and among equals float32 first."""
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return rank, dtype != "float32"
