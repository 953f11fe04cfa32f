"""
One script for a machine with a GPU, in ten minutes: its targets, the small world of side 3, real layers timed.

    python tests/on_gpu.py OUT [SECONDS]

It needs a TensorFlow with CUDA and the suite importable. OUT gets run.tar.gz (the runs, with bench and report), the
log of each step, and summary.json: what each step was, how it ended, how long it took. A step that fails stops nothing.
"""

import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path

TARGETS = ("tf-gpu-eager", "tf-gpu-eager-tf32", "tf-gpu-eager-deterministic", "tf-gpu-graph", "tf-gpu-xla")
SECONDS = 540.0
# What a step may take of all the time, and its command; it is ended a minute past its share, for what comes after.
STEPS = {
    "targets": (0.05, ("targets",)),
    "world": (0.55, ("run", "--world", "3", "--out", "RUN", "--budget", "BUDGET", "TARGETS")),
    "cases": (0.2, ("run", "--out", "RUN-cases", "--budget", "BUDGET", "TARGETS")),
    "bench": (0.1, ("bench", "--out", "RUN", "--budget", "BUDGET", "TARGETS")),
    "report": (0.1, ("report", "RUN", "RUN-cases", "--html", "RUN/report.html", "--json", "RUN/report.json")),
}


def command(words: tuple[str, ...], run: Path, seconds: float) -> list[str]:
    """Return a step's command line."""
    named = {"BUDGET": [str(round(seconds))], "TARGETS": [text for name in TARGETS for text in ("--target", name)]}
    filled = [text for word in words for text in named.get(word, [word.replace("RUN", str(run))])]
    return [sys.executable, "-m", "conformance", *filled]


def step(name: str, line: list[str], out: Path, seconds: float) -> dict[str, object]:
    """Run one step, and return how it went."""
    began = time.monotonic()
    with (out / f"{name}.log").open("w") as log:
        try:
            ended = subprocess.run(line, stdout=log, stderr=subprocess.STDOUT, timeout=seconds + 60, check=False)
            code: int | str = ended.returncode
        except subprocess.TimeoutExpired:
            code = "took too long"
    return {"step": name, "command": line[2:], "ended": code, "seconds": round(time.monotonic() - began, 1)}


def main(out: Path, seconds: float = SECONDS) -> int:
    """Do every step, pack what came of them, and return 0 if each ended as it may."""
    out.mkdir(parents=True, exist_ok=True)
    run = out / "run"
    done = [
        step(name, command(words, run, share * seconds), out, share * seconds) for name, (share, words) in STEPS.items()
    ]
    (out / "summary.json").write_text(json.dumps(done, indent=1) + "\n")
    with tarfile.open(out / "run.tar.gz", "w:gz") as packed:
        for folder in (run, run.with_name("run-cases")):
            if folder.exists():
                packed.add(folder, folder.name)
    return 0 if all(each["ended"] in {0, 1, 3} for each in done) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(float, sys.argv[2:3])))
