"""Numbers per student: marks in a source, a release for each student, grading on his own numbers."""

import csv
import os
import re
import stat
import zipfile

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import ExerciseError, choose_exercises, release
from mlhelpers.course.exercises.classroom import assign_per_student, grade_submissions
from mlhelpers.course.exercises.grading import check
from mlhelpers.course.exercises.per_student import (
    Solver,
    make_key,
    marks_in,
    personal,
    read_key,
    seed_of,
    student_seed,
    values_under,
    without_expressions,
)
from mlhelpers.course.exercises.rules import check_source
from mlhelpers.course.files import read_notebook

KEY = bytes(32)
SETUP = "SEED = 7  # per student\nnumbers = [SEED * k % 97 for k in range(5)]"
VISIBLE = (
    'total = 70  # per student: task_1(numbers)\nassert task_1(numbers) == total, f"the sum is {total}"\n'
)


def mark(cells):
    cells.insert(1, nbformat.v4.new_code_cell(SETUP))
    cells[4].source = VISIBLE + cells[4].source


@pytest.fixture
def seeded(edit):
    """Exercise 2.1 with a seed and a value per student, released."""
    exercise = edit(mark)
    release(exercise)
    return exercise


def total_of(notebook):
    return next(mark.value for mark in marks_in(notebook) if mark.name == "total")


def notebooks_in(path):
    with zipfile.ZipFile(path) as file:
        return {name.split("/")[0]: nbformat.reads(file.read(name), 4) for name in file.namelist()}


def hand_in(path, notebook, **answers):
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers.get(name, f"def {name}(values):\n    return sum(values)")
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def test_release_says_no_expression_and_keeps_seed_and_value(seeded):
    source, released = read_notebook(seeded.source), read_notebook(seeded.release)
    assert [m.code for m in marks_in(source)] == [None, "task_1(numbers)"]
    assert [(m.name, m.value, m.code) for m in marks_in(released)] == [
        ("SEED", "7", None),
        ("total", "70", None),
    ]
    assert seed_of(released) == seed_of(without_expressions(source)) == 7
    assert "per student: " not in seeded.release.read_text(encoding="utf-8")


def test_exercise_without_a_seed_has_no_marks(exercise):
    assert seed_of(read_notebook(exercise.source)) is None
    assert marks_in(read_notebook(exercise.source)) == []


def test_solution_gives_the_values_of_any_seed(seeded):
    source = read_notebook(seeded.source)
    with Solver(source) as solver:
        assert solver.values(7) == solver.prove(7) == ["70"]
        values = solver.values(123_456_789)
    assert values == [str(sum(123_456_789 * k % 97 for k in range(5)))]
    made = personal(source, 123_456_789, values)
    assert (seed_of(made), total_of(made)) == (123_456_789, values[0])
    assert marks_in(made)[1].code == "task_1(numbers)"
    assert seed_of(source) == 7, "the notebook that was passed stays as it is"
    with pytest.raises(ValueError, match="2 values for 1 marks"):
        personal(source, 1, ["1", "2"])


def test_values_are_literals_of_plain_python():
    numpy = "import numpy as np\n"
    for code, literal in (
        ("np.float64(0.5)", "0.5"),
        ("np.arange(3)", "[0, 1, 2]"),
        ("(np.int64(1), 'a')", "(1, 'a')"),
        ("{'a': np.bool_(True), 'b': None}", "{'a': True, 'b': None}"),
        ("{3}", "{3}"),
    ):
        assert values_under([f"{numpy}x = 0  # per student: {code}"], 1) == [literal]
    for code, message in (("float('nan')", "nan has no literal"), ("print", "function_or_method has no")):
        with pytest.raises(ValueError, match=message):
            values_under([f"x = 0  # per student: {code}"], 1)


def test_seed_depends_on_key_exercise_and_name():
    seed = student_seed(KEY, "01_missing_data", "ann")
    others = [(b"x" * 32, "01_missing_data", "ann"), (KEY, "02", "ann"), (KEY, "01_missing_data", "ben")]
    assert seed not in {student_seed(*other) for other in others}
    assert seed == student_seed(KEY, "01_missing_data", "ann")
    assert 100_000_000 <= seed < 1_000_000_000
    assert student_seed(KEY, "e", "J\u00f6rg") == student_seed(KEY, "e", "Jo\u0308rg"), (
        "macOS takes names apart"
    )


def test_key_is_made_once_and_for_its_owner(tmp_path):
    path = tmp_path / "keys" / "course.key"
    assert make_key(path) is True
    key = read_key(path)
    assert len(key) == 32
    assert make_key(path) is False
    assert read_key(path) == key
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("secret", encoding="utf-8")
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        read_key(path)
    with pytest.raises(FileNotFoundError, match="give --key FILE"):
        read_key(tmp_path / "none.key")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("SEED = 7 ", "SEED = x "), "cell 2, line 1: the seed is a whole number, not x"),
        (("SEED = 7  # per student\n", ""), "cell 5, line 1: a value per student needs a line `SEED"),
        (("SEED = 7", "one = 1\nSEED = 7"), "cell 2, line 2: the seed stands once, first in a cell"),
        (("numbers =", "SEED = 8  # per student\nnumbers ="), "cell 2, line 2: the seed stands once"),
        (("numbers =", "n = 1  # per student: 1\nnumbers ="), "cell 2, line 2: values per student stand in"),
        (("assert task_1([4", "x = 1  # per student: 1\nassert task_1([4"), "in the visible part of a test"),
        ((": task_1(numbers)\n", "\n"), "cell 5, line 1: say which expression gives total"),
        (("= 70  #", "= int  #"), "`int` must be a literal and `task_1(numbers)` an expression"),
        ((": task_1(numbers)\n", ": (\n"), "`70` must be a literal and `(` an expression"),
        (("total = 70", "total=70"), "cell 5, line 1: write `NAME = VALUE  # per student: EXPRESSION`"),
        (("= 70  #", "= 71  #"), "cell 5, line 1: total = 71, but the solution gives 70"),
        (("== total", "!= total"), "the solution fails with SEED = 7: AssertionError: the sum is 70"),
    ],
)
def test_marks_keep_the_rules(edit, change, message):
    def broken(cells):
        mark(cells)
        for cell in cells[:5]:
            cell.source = cell.source.replace(*change, 1)

    exercise = edit(broken)
    with pytest.raises(ExerciseError) as caught:
        check_source(exercise)
    assert message in str(caught.value)


def test_each_student_gets_his_own_numbers_and_the_same_bytes_again(seeded, tmp_path, roster, capsys):
    roster("student,name\nann,Ann Lee\nben,Ben Ng\n")
    command = ["exercise", "assign", "2", "--per-student", str(tmp_path / "roster.csv")]
    first, second = tmp_path / "one" / "a.zip", tmp_path / "one" / "b.zip"
    assert main([*command, str(first)]) == 0
    told = capsys.readouterr().out
    assert "2.1 01_missing_data: 2 students with numbers of their own" in told
    assert "per_student.key, made now: grading needs it" in told
    assert main([*command, str(second)]) == 0
    assert "made now" not in capsys.readouterr().out
    assert first.read_bytes() == second.read_bytes()
    made, key = notebooks_in(first), read_key(tmp_path / "one" / "per_student.key")
    assert list(made) == ["ann", "ben"]
    for student, notebook in made.items():
        seed = student_seed(key, seeded.name, student)
        assert seed_of(notebook) == seed
        assert total_of(notebook) == str(sum(seed * k % 97 for k in range(5)))
    common = read_notebook(seeded.release)
    ann = made["ann"]
    assert [cell.id for cell in ann.cells] == [cell.id for cell in common.cells]
    changed = [old.source != new.source for old, new in zip(common.cells, ann.cells, strict=True)]
    assert [place for place, differs in enumerate(changed) if differs] == [1, 4]
    assert ann.cells[4].metadata.nbgrader.checksum != common.cells[4].metadata.nbgrader.checksum
    assert main(["exercise", "assign", "2", "--key", "k", str(first)]) == 1
    assert "--key needs --per-student" in capsys.readouterr().err
    inside = ["--key", str(tmp_path / "out" / "k.key"), str(tmp_path / "out")]
    assert main([*command, *inside]) == 1
    assert "would be handed out" in capsys.readouterr().err


def test_exercise_without_a_seed_is_the_same_for_everyone(exercise, tmp_path, roster, capsys):
    roster("student\nann\nben\n")
    out = tmp_path / "out"
    assert main(["exercise", "assign", "2.1", "--per-student", str(tmp_path / "roster.csv"), str(out)]) == 0
    assert "01_missing_data: the same for everyone" in capsys.readouterr().out
    for student in ("ann", "ben"):
        path = out / student / exercise.name / f"{exercise.name}.ipynb"
        assert path.read_bytes() == exercise.release.read_bytes()


def test_solution_that_fails_with_a_students_numbers_is_not_handed_out(edit, tmp_path, roster):
    def unlucky(cells):
        mark(cells)
        cells[4].source = cells[4].source.replace(
            "assert task_1([4", "assert SEED == 7, 'unlucky'\nassert task_1([4"
        )

    exercise = edit(unlucky)
    release(exercise)
    with pytest.raises(ExerciseError, match=r"exercise 2\.1, ann: the solution fails with SEED = .*unlucky"):
        assign_per_student([exercise], tmp_path / "out", roster("student\nann\n"), KEY)
    assert not (tmp_path / "out").exists()


def test_copied_numbers_fail_and_own_ones_count(seeded, tmp_path, roster, capsys):
    roster("student\nann\nben\ncem\n")
    people, folder = str(tmp_path / "roster.csv"), tmp_path / "out"
    assert main(["exercise", "assign", "2.1", "--per-student", people, str(folder)]) == 0
    made = {
        name: read_notebook(folder / name / seeded.name / f"{seeded.name}.ipynb")
        for name in ("ann", "ben", "cem")
    }
    copied = f"def task_1(values):\n    return {{3: 3, 15: 15}}.get(sum(values), {total_of(made['ann'])})"
    place = f"{seeded.name}/{seeded.name}.ipynb"
    hand_in(tmp_path / "in" / "ann" / place, made["ann"], task_1=copied)
    hand_in(tmp_path / "in" / "ben" / place, made["ben"], task_1=copied)
    hand_in(tmp_path / "in" / "cem" / place, made["ann"])  # on the numbers of another student
    command = ["exercise", "grade", "2", "--submitted", str(tmp_path / "in")]
    command += ["--output", str(tmp_path / "grades.csv"), "--feedback", str(tmp_path / "pages")]
    capsys.readouterr()
    assert main([*command, "--per-student", people]) == 0
    assert "[3/3]" in capsys.readouterr().out
    with (tmp_path / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: row["task_1"] for name, row in rows.items()} == {"ann": "1", "ben": "0", "cem": "1"}
    assert [rows[name]["note"] for name in ("ann", "ben")] == ["", ""]
    assert re.match(r"its SEED is \d+, not the \d+ of this student", rows["cem"]["note"])
    page = (tmp_path / "pages" / "ben" / f"{seeded.name}.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    assert f"total = {total_of(made['ben'])}" in text, "the page shows his own numbers"
    assert "per student: " not in text
    assert main([*command, "--key", str(tmp_path / "per_student.key")]) == 0
    assert "3 results were there already" in capsys.readouterr().out
    (tmp_path / "other.key").write_text("0" * 64, encoding="utf-8")
    found = grade_submissions(
        choose_exercises(["2.1"]), tmp_path / "in", tmp_path / "grades.csv", key=KEY, timeout=60.0
    )
    assert found.reused == 0, "another key, other numbers"
    assert main([*command, "--per-student", people, "--roster", people]) == 1
    assert "--per-student is a roster already" in capsys.readouterr().err


def test_check_keeps_the_seed_of_the_copy(seeded, tmp_path):
    with Solver(read_notebook(seeded.source)) as solver:
        values = solver.values(123_456_789)
    own = personal(read_notebook(seeded.release), 123_456_789, values)
    fixed = f"def task_1(values):\n    return {{3: 3, 15: 15}}.get(sum(values), {values[0]})"
    hand_in(tmp_path / "own.ipynb", own, task_1=fixed)
    assert check(seeded, tmp_path / "own.ipynb").passed
    hand_in(tmp_path / "common.ipynb", read_notebook(seeded.release), task_1=fixed)
    result = check(seeded, tmp_path / "common.ipynb")
    assert [task.message for task in result.tasks if not task.passed] == ["the sum is 70"]
