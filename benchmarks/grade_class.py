"""Time of grading a class with `mle exercise grade`: made-up students, a kill in the middle, a regrade.

Run it with `python benchmarks/grade_class.py --students 200 --exercises 2 --workers 2`; it prints a table
and writes nothing into the repository. Every student has the solution of some tasks and the stub of the
others.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from mlhelpers.course.exercises import Exercise, choose_exercises
from mlhelpers.course.exercises.restore import id_of, marks_of
from mlhelpers.course.files import read_notebook


def hand_in(exercise: Exercise, folder: Path, rng: random.Random, share: float) -> None:
    """Write a submission in which about `share` of the answers are the solution's."""
    notebook, source = read_notebook(exercise.release), read_notebook(exercise.source)
    solutions = {id_of(cell): cell.source for cell in source.cells if marks_of(cell).get("solution")}
    for cell in notebook.cells:
        if id_of(cell) in solutions and rng.random() < share:
            cell.source = solutions[id_of(cell)] + f"\n# {rng.random()}"
    path = folder / exercise.name / f"{exercise.name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def run(command: list[str], kill_after: int | None = None) -> tuple[float, int, int]:
    """Seconds, rows that were graded, and the exit code; ended like a crash after some rows if wanted."""
    begun, rows = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            rows += line.startswith("[")
            if kill_after is not None and rows >= kill_after:
                process.send_signal(signal.SIGKILL)
                break
    return time.perf_counter() - begun, rows, process.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--exercises", nargs="+", default=["2"], help="chapters and lessons, as for `mle`")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    exercises, rng = choose_exercises(args.exercises), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.students):
            for exercise in exercises:
                share = (number % 4 + 1) / 4
                hand_in(exercise, Path(folder) / "in" / f"student_{number:03d}", rng, share)
        grades = Path(folder) / "grades.csv"
        program = "import sys; from mlhelpers.course.commands.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "exercise", "grade", *args.exercises]
        command += ["--submitted", str(Path(folder) / "in"), "--output", str(grades)]
        command += ["--workers", str(args.workers)]
        total = args.students * len(exercises)
        killed = run(command, kill_after=max(total // 2, 1))
        kept = grades.with_suffix(".results.jsonl").read_text(encoding="utf-8").count("\n")
        resumed = run(command)
        again = run(command)
        lines = grades.read_text(encoding="utf-8").count("\n") - 1
    print(f"{args.students} students, {len(exercises)} exercises, {args.workers} workers, {lines} rows")
    for name, (seconds, rows, code) in (
        ("until the kill", killed),
        ("resumed", resumed),
        ("regrade of unchanged", again),
    ):
        print(f"{name:22} {seconds:8.1f} s {rows:6d} graded, exit code {code}")
    # some rows are kept that the kill left no time to print
    assert killed[1] <= kept and again[1] == 0 and resumed[2] == again[2] == 0
    assert kept + resumed[1] == total == lines, "nothing is graded twice and nothing is lost"


if __name__ == "__main__":
    main()
