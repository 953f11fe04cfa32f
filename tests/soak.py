"""
A long run watched: does its memory stay flat, do its files stay bounded, is its report quick and small?

    python tests/soak.py OUT --target tf-cpu-eager --cases 70000

What follows OUT is given to `conformance run`. While the run goes on, the memory of its own processes and of the
targets' is sampled into OUT/memory.csv: seconds, MiB of the suite, MiB of the workers, files, MiB of files. At the end
one line of JSON sums up: of memory the medians of the second and of the last quarter.
"""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

EVERY = 5.0  # seconds between samples
WORKER = b"conformance.targets.transport"  # in the command line of a target's process


def descendants(pid: int) -> Iterator[int]:
    """Yield a process and those below it that live."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield from descendants(child)


def resident(pid: int) -> float:
    """Return the memory of a process, in MiB; 0 where it has ended."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def is_worker(pid: int) -> bool:
    """Return whether a process is a target's."""
    with suppress(OSError):
        return WORKER in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def sample(pid: int, run: Path) -> tuple[float, float, int, float]:
    """Return the memory of the suite and of the workers, and number and size of the run's files."""
    suite = workers = 0.0
    for each in descendants(pid):
        if is_worker(each):
            workers += resident(each)
        else:
            suite += resident(each)
    sizes = [path.stat().st_size for path in run.rglob("*") if path.is_file()]
    return suite, workers, len(sizes), sum(sizes) / 2**20


def median(numbers: list[float]) -> float:
    """Return the middle one."""
    return sorted(numbers)[len(numbers) // 2] if numbers else 0.0


def watched(line: list[str], out: Path) -> tuple[int, list[tuple[float, ...]]]:
    """Run a command to its end: its exit code, and the samples."""
    began = time.monotonic()
    samples: list[tuple[float, ...]] = []
    with (out / "memory.csv").open("w", newline="") as file, subprocess.Popen(line) as process:
        table = csv.writer(file)
        while process.poll() is None:
            with suppress(FileNotFoundError):  # a file that was renamed meanwhile
                samples.append((round(time.monotonic() - began, 1), *sample(process.pid, out / "run")))
                table.writerow(samples[-1])
                file.flush()
            with suppress(subprocess.TimeoutExpired):
                process.wait(EVERY)
    return process.returncode, samples


def main(out: Path, options: list[str]) -> int:
    """Do the run and its report, and say what they took."""
    out.mkdir(parents=True, exist_ok=True)
    run = out / "run"
    code, samples = watched([sys.executable, "-m", "conformance", "run", "--out", str(run), *options], out)
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "conformance", "report", str(run)], check=False)
    seconds = time.monotonic() - began
    quarter = max(len(samples) // 4, 1)
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    said = {
        "exit_code": code,
        "run_seconds": samples[-1][0],
        "suite_mib": [round(median([each[1] for each in part])) for part in (second, last)],
        "workers_mib": [round(median([each[2] for each in part])) for part in (second, last)],
        "files": samples[-1][3],
        "files_mib": round(samples[-1][4], 1),
        "report_seconds": round(seconds, 1),
        "page_mib": round((run / "report.html").stat().st_size / 2**20, 2),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    return 0 if code in {0, 1, 3} else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
