"""A class in which everything goes wrong, graded with real kernels."""

import csv

import nbformat

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises.classroom import grade_class
from mlhelpers.course.exercises.grading import check


def again(cells):
    """A second copy of the first answer, as Jupyter pastes it."""
    cells.append(nbformat.v4.new_code_cell("def task_1(values):\n    return 0", metadata=cells[2].metadata))


def test_class_is_graded_whatever_is_handed_in(exercise, answered, capsys, tmp_path):
    place = f"in/{{}}/{exercise.name}/{exercise.name}.ipynb"

    def peek(cells):
        cells.append(nbformat.v4.new_code_cell("print('\\n'.join(In))"))
        cells.append(nbformat.v4.new_code_cell("print('mine')"))

    def remove(cells):
        del cells[2:4]

    answered(place.format("Ann [right]"))
    answered(place.format("ben"), task_2="import time\nwhile True:\n    time.sleep(0.1)")
    answered(place.format("cem"), task_1="import os\nos._exit(3)")
    answered(place.format("dan"), remove)
    answered(place.format("eve"), peek, task_1="def task_1(values):\n    raise KeyError(values)")
    answered(place.format("fay"), lambda c: c[3].metadata.nbgrader.update(schema_version=99, grade=False))
    answered(place.format("gus"), again)
    answered(place.format("jan"), lambda c: c[3].update(source="pass"), task_1="task_1 = None")
    broken = tmp_path / place.format("hal")
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    (tmp_path / "in" / "ida").mkdir()
    output, feedback = tmp_path / "grades.csv", tmp_path / "feedback"
    command = ["exercise", "grade", "2", "--submitted", str(tmp_path / "in"), "--output", str(output)]
    assert main([*command, "--feedback", str(feedback), "--timeout", "4"]) == 0
    assert "Ann [right] 01_missing_data: 6 of 6" in capsys.readouterr().out
    with output.open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    tasks = {name: [row[f"task_{n}"] for n in (1, 2, 3)] for name, row in rows.items()}
    assert tasks == {
        "Ann [right]": ["1", "2", "3"],
        "ben": ["1", "0", "3"],
        "cem": ["0", "2", "3"],
        "dan": ["0", "2", "3"],
        "eve": ["0", "2", "3"],
        "fay": ["1", "2", "3"],
        "gus": ["1", "2", "3"],
        "hal": ["0", "0", "0"],
        "ida": ["0", "0", "0"],
        "jan": ["0", "2", "3"],
    }
    assert rows["dan"]["note"] == "cells put back: task_1, task_1_test"
    assert rows["fay"]["note"] == ""
    assert rows["gus"]["note"] == "cells there twice, the first counts: task_1"
    assert "is not a notebook" in rows["hal"]["note"]
    assert rows["ida"]["note"] == "nothing handed in"
    assert {r["max_score"] for r in rows.values()} == {"6"}
    pages = {path.parent.name: path.read_text(encoding="utf-8") for path in feedback.glob("*/*.html")}
    assert set(pages) == {"Ann [right]", "ben", "cem", "dan", "eve", "fay", "gus", "jan"}
    assert all(
        "[4, 5, 6]" not in page and "15" not in page.split("<body>")[-1][-400:] for page in pages.values()
    )
    assert "stand_in" not in pages["eve"], "what the grader runs is no part of the history"
    assert "mine" in pages["eve"]
    assert "the cell ran longer than 4 s" in pages["ben"]
    assert "the cell ended the kernel" in pages["cem"]


def test_grading_needs_submissions(exercise, tmp_path, capsys):
    command = ["exercise", "grade", "2", "--output", str(tmp_path / "g.csv"), "--submitted"]
    assert main([*command, "nosuch"]) == 1
    assert "the folder nosuch does not exist" in capsys.readouterr().err
    (tmp_path / "in" / "ann" / "other").mkdir(parents=True)
    assert main([*command, str(tmp_path / "in")]) == 1
    assert "no in/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb for any of: 01_missing_data" in capsys.readouterr().err
    assert not (tmp_path / "g.csv").exists()


def test_grades_without_feedback(exercise, answered, tmp_path):
    path = answered(f"in/ann/{exercise.name}/{exercise.name}.ipynb", task_3="task_3 = None")
    results = grade_class([exercise], tmp_path / "in", tmp_path / "g.csv")
    assert [(student, grading.points) for student, grading in results] == [("ann", 3)]
    assert "TypeError: 'NoneType' object is not callable" in str(results[0][1])
    assert check(exercise, path).points == 3
