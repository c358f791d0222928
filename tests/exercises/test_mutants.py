"""The tool that tries mutants of each solution, and odd answers that are right."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import mutants
from test_every_exercise import EXERCISES, grade_plainly, with_answer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are run in forks")

ANSWER = """\
def largest(values, limit=10, random_state=0):
    ### BEGIN SOLUTION
    kept = sorted(x for x in values if x <= limit)
    if not kept:
        return None
    return round(kept[-1], 2)
    ### END SOLUTION"""
RIGHT = {
    "2.1 threshold_from_costs: a fraction": """\
        from fractions import Fraction

        return Fraction(cost_fp) / (Fraction(cost_fp) + Fraction(gain_tp) + Fraction(cost_fn))""",
}


def exercise_with(test):
    cells = [
        nbformat.v4.new_code_cell("import math"),
        nbformat.v4.new_code_cell(
            ANSWER, metadata={"nbgrader": {"grade_id": "largest", "solution": True, "grade": False}}
        ),
        nbformat.v4.new_code_cell(
            test, metadata={"nbgrader": {"grade_id": "largest_test", "solution": False, "grade": True}}
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def tally_of(test):
    said = []
    tally = mutants.examine("0.0", exercise_with(test), most=99, seed=0, limit=2, say=said.append)
    return tally, said


def changes_of_answer():
    return {mutants.change_of(mutant) for mutant in mutants.mutants_of_answer(ANSWER, 99, 0)}


def test_a_test_that_looks_at_nothing_kills_nothing_and_every_survivor_is_told():
    tally, said = tally_of("assert largest([1])")
    assert tally.left
    assert len(said) == len(tally.left) == tally.mutants - tally.killed
    assert all(line.startswith("0.0 largest, line ") for line in said)


def test_boundary_tie_and_empty_kill_what_one_value_does_not():
    weak, _ = tally_of("assert largest([1, 2]) == 2")
    strong, said = tally_of(
        "assert largest([3, 1.234, 2]) == 3 and largest([]) is None and largest([11, 10, 9]) == 10\n"
        "assert largest([1.239, 0.5]) == 1.24 and largest([10.5]) is None"
    )
    assert strong.killed > weak.killed
    assert strong.left == [], said


@pytest.mark.parametrize(
    "change",
    [
        "x <= limit  ->  x < limit",
        "not kept  ->  kept",
        "sorted((x for x in values if x <= limit))  ->  (x for x in values if x <= limit)",
        "round(kept[-1], 2)  ->  kept[-1]",
        "round(kept[-1], 2)  ->  round(kept[-1])",
        "1  ->  0",
    ],
)
def test_changes_of_each_kind_are_tried(change):
    assert change in changes_of_answer()


def test_only_the_solution_is_changed():
    assert "10  ->  11" not in changes_of_answer()


def test_draw_is_the_same_for_the_same_seed_and_no_longer_than_asked():
    drawn = [mutants.mutants_of_answer(ANSWER, 5, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5


def test_an_ignored_seed_is_a_mutant():
    source = (
        "def f(random_state):\n    ### BEGIN SOLUTION\n    return rng(random_state)\n    ### END SOLUTION"
    )
    assert "random_state  ->  0" in {mutants.change_of(m) for m in mutants.mutants_of_answer(source, 99, 0)}


def test_an_endless_mutant_is_killed():
    assert not mutants.survives({}, ["", "while True: pass"], 0.2)


def test_every_mutant_that_is_listed_as_equal_exists_and_has_a_reason():
    answers = {}
    for exercise in EXERCISES:
        for _, task in mutants.tasks_of(mutants.read_notebook(exercise.source)):
            found = mutants.mutants_of_answer(task.answer, 10_000, 0)
            answers[exercise.lesson.number, task.name] = {mutants.change_of(mutant) for mutant in found}
    for (number, task, change), why in mutants.known_equal().items():
        assert change in answers[number, task], f"{number} {task}: {change}"
        assert len(why) > 10, f"{number} {task}: {change}"


@pytest.mark.parametrize("name", RIGHT)
def test_odd_answer_that_is_right_earns_its_task(name):
    number, task = name.partition(":")[0].split()
    exercise = next(e for e in EXERCISES if e.lesson.number == number)
    code = "\n".join(line.removeprefix("        ") for line in RIGHT[name].splitlines())
    result = grade_plainly(exercise, with_answer(exercise, task, code))
    assert [t.name for t in result.tasks if not t.passed] == [], str(result)
