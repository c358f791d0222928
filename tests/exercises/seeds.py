"""Does each exercise with numbers per student hold for every seed?

`python tests/exercises/seeds.py [2.1 ...] [--seeds 50] [--wrong 3] [--draw 0]`
runs the solution of each marked exercise with its visible and hidden tests under that many random seeds, and
its typical wrong answers under `--wrong` of them: each must still lose its task. Prints failures and a table.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from test_every_exercise import EXERCISES, grade_plainly, with_answer, wrong_answers

from mlhelpers.course.exercises.per_student import Solver, personal, seed_of
from mlhelpers.course.files import read_notebook


@dataclass
class Held:
    """What became of one exercise."""

    seeds: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    wrong: int = 0
    passed: list[str] = field(default_factory=list)


def marked(numbers: list[str]) -> list:
    """Exercises with a seed, of these lessons or chapters."""
    fitting = [
        e for e in EXERCISES if not numbers or {e.lesson.number, e.lesson.number.split(".")[0]} & set(numbers)
    ]
    return [exercise for exercise in fitting if seed_of(read_notebook(exercise.source)) is not None]


def some_seeds(n: int, draw: int = 0) -> list[int]:
    """Seeds as students get them."""
    drawn = random.Random(draw)
    return [drawn.randrange(10**8, 10**9) for _ in range(n)]


def hold(exercise, seeds: list[int]) -> Held:
    """Run the solution with all of its tests under each seed."""
    held, begun = Held(), time.monotonic()
    with Solver(read_notebook(exercise.source)) as solver:
        for seed in seeds:
            held.seeds += 1
            try:
                solver.prove(seed)
            except ValueError as error:
                held.failures.append(str(error))
    held.seconds = time.monotonic() - begun
    return held


def earning(exercise, seeds: list[int]) -> Iterator[tuple[int, str, bool]]:
    """For each seed and typical wrong answer, whether it still earns its task."""
    source = read_notebook(exercise.source)
    with Solver(source) as solver:
        for seed in seeds:
            own = personal(source, seed, solver.values(seed))
            for wrong in wrong_answers(exercise):
                result = grade_plainly(exercise, with_answer(exercise, wrong.task, wrong.code, own))
                passed = next(task.passed for task in result.tasks if task.name == wrong.task)
                yield seed, f"{wrong.task}: {wrong.why}", passed


def main() -> int:
    """Print the table; 1 if a solution fails or a wrong answer earns its task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", metavar="NUMBER")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--wrong", type=int, default=3, help="seeds for the wrong answers")
    parser.add_argument("--draw", type=int, default=0, help="draws other seeds")
    args = parser.parse_args()
    seeds, table = some_seeds(max(args.seeds, args.wrong), args.draw), {}
    for exercise in marked(args.numbers):
        number = exercise.lesson.number
        held = table[number] = hold(exercise, seeds[: args.seeds])
        for seed, name, passed in earning(exercise, seeds[: args.wrong]):
            held.wrong += 1
            if passed:
                held.passed.append(f"SEED = {seed}: {name}")
        for text in held.failures[:5]:
            print(f"{number}: {text}", flush=True)
        for text in held.passed[:5]:
            print(f"{number}: a wrong answer passes with {text}", flush=True)
    print("exercise  seeds  failures  seconds  wrong answers  passed")
    for number, held in table.items():
        print(
            f"{number:8}  {held.seeds:5}  {len(held.failures):8}  {held.seconds:7.1f}"
            f"  {held.wrong:13}  {len(held.passed):6}"
        )
    return int(any(held.failures or held.passed for held in table.values()))


if __name__ == "__main__":
    sys.exit(main())
