"""
Words for verdicts: one sentence that a person understands, made of a verdict's data. Nothing reads them back.

This is the only place where the suite writes what is wrong with a result.
"""

from collections.abc import Callable, Iterator, Mapping

from conformance.model import Symptom, Verdict
from reference.errors import Fault

__all__ = ["WEAKER", "sentence"]

# What an arithmetic does that would allow wrong values.
WEAKER: Mapping[Symptom | Fault, str] = {
    Symptom.FLOAT16_SUMS: "consistent with sums in float16",
    Symptom.BFLOAT16_SUMS: "consistent with sums in bfloat16",
    Symptom.WINOGRAD_2: "consistent with Winograd's F(2, 3)",
    Symptom.WINOGRAD_4: "consistent with Winograd's F(4, 3)",
    Symptom.FFT: "consistent with Fourier transforms",
    Symptom.TF32_FACTORS: "consistent with factors in TF32",
    Symptom.BFLOAT16_FACTORS: "consistent with factors in bfloat16",
}
# What all wrong elements have in common, in the order in which it is said.
COMMON: Mapping[Symptom | Fault, str] = {
    Symptom.NAN: "each is nan",
    Symptom.INFINITE: "each is infinite",
    Symptom.ZERO: "each is 0 or could be",
    Symptom.LOWEST: "each is the lowest number, for -inf",
    Symptom.NOT_ABOVE: "none is too large",
    Symptom.UNWRITTEN: "each is memory that nobody wrote",
    Symptom.TOTALS_AGREE: "the totals agree",
    Symptom.DIVISOR: "consistent with means over another number of elements",
    **WEAKER,
}


def sentence(judged: Verdict) -> str:
    """Return what a verdict says; "" where there is nothing to say but that all elements are allowed."""
    run = "; ".join(make(judged) for symptom, make in OF_RUN.items() if symptom in judged.symptoms)
    common = (text for symptom, text in COMMON.items() if symptom in judged.symptoms)
    return "; ".join(filter(None, (f"over the whole run: {run}" if run else "", *_of_call(judged), *common)))


def _of_call(judged: Verdict) -> Iterator[str]:
    """Yield what one call shows."""
    evidence = judged.evidence
    yield from (make(judged) for symptom, make in OF_CALL.items() if symptom in judged.symptoms)
    if judged.kind == "accepted-invalid":
        yield f"accepted, but {judged.rule}: {evidence['reason']}"
    elif "different" in evidence:
        yield (
            f"{evidence['different']} of {evidence['elements']} elements differ; worst at {list(judged.worst)}: "
            f"{evidence['observed']} is not in {evidence['low']} .. {evidence['high']}"
        )
    elif "error" in evidence:
        yield f"{evidence['error']}: {evidence['message']}"
    elif judged.outcome == "undecided":
        yield "nothing is allowed"
    elif "reason" in evidence:
        yield evidence["reason"]


def _ended(judged: Verdict) -> str:
    """Say how a process ended, and why where the suite ended it."""
    evidence = judged.evidence
    how = f"signal {evidence['signal']}" if "signal" in evidence else f"exit code {evidence['exit_code']}"
    return ", ".join(filter(None, (f"the process died: {how}", evidence.get("message"))))


def _share(judged: Verdict) -> str:
    """Say that masks drop too much or too little."""
    deviations, cells = judged.evidence["deviations"], judged.evidence["cells"]
    what = "more" if deviations > 0 else "less"
    return f"{what} is dropped than the rates say: {abs(deviations):.1f} standard deviations, of {cells} cells"


def _correlations(judged: Verdict) -> str:
    """Say which cells of masks depend on one another."""
    return "; ".join(
        f"cells at a distance of {distance} are {'alike' if value > 0 else 'unlike'}: a correlation of {value:.4f}"
        for distance, value in judged.evidence["correlations"]
    )


def _choice(judged: Verdict) -> str:
    """Say between which alternatives of a choice calls differ."""
    told = ", ".join(f"{name} in {number} calls" for name, number in judged.evidence["alternatives"].items())
    return f"{judged.rule} is decided now so, now so: {told}"


OF_CALL: Mapping[Symptom, Callable[[Verdict], str]] = {
    Symptom.NO_ANSWER: lambda judged: f"no answer within {judged.evidence['seconds']:.1f} s",
    Symptom.NO_MEMORY: lambda judged: judged.evidence["message"] or "ran out of memory",
    Symptom.SIGNAL: _ended,
    Symptom.EXIT: _ended,
    Symptom.RESULTS: lambda judged: "{observed_results} results, {allowed_results} expected".format(**judged.evidence),
    Symptom.SHAPE: lambda judged: "shape {observed_shape}, not {allowed_shape}".format(**judged.evidence),
    Symptom.DTYPE: lambda judged: "dtype {observed_dtype}, not {allowed_dtype}".format(**judged.evidence),
    Symptom.NOT_REPEATED: lambda _: "the same call twice gave different bits",
    Symptom.TOTALS_DIFFER: lambda _: "the elements do not add up to what went in",
    Symptom.NOT_SCALED: lambda judged: "{observed} at {place} is neither {input} scaled nor dropped".format(
        place=list(judged.worst), **judged.evidence
    ),
    Symptom.SHARE_KEPT: lambda judged: "{kept} of {cells} elements kept, at rate {rate}".format(**judged.evidence),
}
OF_RUN: Mapping[Symptom, Callable[[Verdict], str]] = {
    Symptom.RUN_SHARE: _share,
    Symptom.RUN_CORRELATION: _correlations,
    Symptom.RUN_CALL: lambda judged: "one call gave {masks} masks: {call}".format(**judged.evidence),
    Symptom.RUN_UNSEEDED: lambda judged: "{masks} calls without a seed gave one mask".format(**judged.evidence),
    Symptom.RUN_SEEDS: lambda judged: f"different seeds gave one mask: {', '.join(judged.evidence['seeds'])}",
    Symptom.RUN_ARITHMETIC: lambda judged: "errors like those of {arithmetic}, where {declared} is declared".format(
        **judged.evidence
    ),
    Symptom.RUN_CHOICE: _choice,
}
