"""The exercises with numbers per student hold for two seeds; `seeds.py` tries as many as you like."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import seeds
from test_every_exercise import grade_plainly

from mlhelpers.course.exercises.per_student import Solver, marks_in, personal
from mlhelpers.course.files import read_notebook

MARKED = seeds.marked([])


def test_ten_exercises_have_numbers_per_student_and_values_among_them():
    assert len(MARKED) >= 10
    values = [mark for e in MARKED for mark in marks_in(read_notebook(e.source)) if mark.code]
    assert len(values) >= 10


@pytest.mark.parametrize("exercise", MARKED, ids=lambda e: e.lesson.number)
def test_solution_earns_everything_with_other_numbers(exercise):
    source = read_notebook(exercise.source)
    with Solver(source) as solver:
        for seed in seeds.some_seeds(2):
            result = grade_plainly(exercise, personal(source, seed, solver.values(seed)))
            assert result.passed, f"SEED = {seed}\n{result}"


def test_a_seed_under_which_the_solution_fails_is_told(monkeypatch):
    def prove(self, seed):
        if seed == 1:
            raise ValueError("unlucky")
        return []

    monkeypatch.setattr(Solver, "prove", prove)
    held = seeds.hold(MARKED[0], [2, 1, 3])
    assert (held.seeds, held.failures) == (3, ["unlucky"])
