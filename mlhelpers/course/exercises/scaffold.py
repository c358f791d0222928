"""An empty exercise made from its lesson's entry in the syllabus, behind `mle exercise new`.

It keeps every rule for exercises but has TODO wherever words are missing.
"""

from __future__ import annotations

from pathlib import Path

from mlhelpers.course.exercises.exercise import Exercise
from mlhelpers.course.exercises.versions import normal_text
from mlhelpers.course.files import write_text
from mlhelpers.course.syllabus import load_syllabus

_ANSWER = '''def {task}(values):
    """TODO: what goes in and out."""
    ### BEGIN SOLUTION
    return sum(values)
    ### END SOLUTION'''
_TEST = """assert {task}([1, 2]) == 3, "TODO: what is wrong and what to do, in one line"

# Hidden tests: TODO what they look at, without giving it away
### BEGIN HIDDEN TESTS
assert {task}([4, 5, 6]) == 15, "TODO"
### END HIDDEN TESTS"""
_WRONG = """# Typical wrong answers: the code put in place of the solution, and what the learner must read.
- task: {first}
  why: TODO the mistake
  code: |
    return 3
  message: it looks at
- task: {second}
  why: TODO the mistake
  code: |
    return len(values)
  message: "TODO: what is wrong"
"""


def new_exercise(number: str, *, root: Path, tasks: int = 3) -> Path:
    """Write the scaffold of an exercise and of its wrong answers.

    Parameters
    ----------
    number : str
        Lesson, such as ``"2.3"``.
    root : pathlib.Path
        Folder of the course.
    tasks : int, default=3
        Number of tasks.

    Returns
    -------
    pathlib.Path
        The new source notebook.

    Raises
    ------
    FileExistsError
        If the exercise is there already.
    ValueError
        If the syllabus has no such lesson.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    exercise = Exercise(root, load_syllabus(root).lesson(number))
    if exercise.source.exists():
        raise FileExistsError(f"{exercise.source} exists already; edit it, or delete it first")
    lesson = exercise.lesson
    opening = f"# Exercise {lesson.number}: {lesson.title}\n\nTODO: the situation, in two to four sentences."
    cells = [new_markdown_cell(opening)]
    names = [f"task_{n}" for n in range(1, tasks + 1)]
    for n, name in enumerate(names, 1):
        cells += [
            new_markdown_cell(
                f"## Task {n}: TODO title\n\nTODO: what to write, with its name, and the points."
            ),
            new_code_cell(_ANSWER.format(task=name), metadata={"nbgrader": marks(name, points=None)}),
            new_code_cell(_TEST.format(task=name), metadata={"nbgrader": marks(f"{name}_test", points=n)}),
        ]
    write_text(exercise.source, normal_text(new_notebook(cells=cells)))
    write_text(exercise.wrong_answers, _WRONG.format(first=names[0], second=names[1]))
    return exercise.source


def marks(name: str, *, points: int | None) -> dict[str, object]:
    """Metadata for nbgrader: of an answer cell, or of a test cell if it has points."""
    test = points is not None
    result: dict[str, object] = {
        "grade": test,
        "grade_id": name,
        "locked": test,
        "schema_version": 3,
        "solution": not test,
        "task": False,
    }
    return {**result, "points": points} if test else result
