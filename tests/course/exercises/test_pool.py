"""Several processes that grade, with real kernels: the results are those of one process."""

import time

import nbformat
import pytest

from mlhelpers.course.exercises.classroom import grade_submissions
from mlhelpers.course.exercises.pool import Graders, Job
from mlhelpers.course.exercises.sandbox import Limits
from mlhelpers.course.files import read_notebook


def test_two_processes_give_what_one_gives(exercise, tmp_path):
    for number, student in enumerate(("ann", "ben", "cem"), 1):
        notebook = read_notebook(exercise.release)
        notebook.cells[2].source = f"def task_1(values):\n    return {number} * sum(values)"
        path = tmp_path / "in" / student / f"{exercise.name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    pages = tmp_path / "pages"
    found = {}
    for workers in (1, 2):
        graded = grade_submissions(
            [exercise],
            tmp_path / "in",
            tmp_path / f"g{workers}.csv",
            feedback=pages / str(workers),
            workers=workers,
        )
        found[workers] = [(entry.student, entry.grading) for entry in graded.entries]
    assert found[1] == found[2]
    assert [(student, grading.points) for student, grading in found[2]] == [
        ("ann", 1),
        ("ben", 0),
        ("cem", 0),
    ]
    assert (tmp_path / "g1.csv").read_bytes() == (tmp_path / "g2.csv").read_bytes()
    names = [sorted(p.relative_to(pages / n).as_posix() for p in (pages / n).glob("*/*")) for n in "12"]
    assert names[0] == names[1] == [f"{s}/{exercise.name}.html" for s in ("ann", "ben", "cem")]


def test_process_that_ends_is_told_with_a_way_out(exercise):
    with (
        pytest.raises(RuntimeError, match="what is graded is kept"),
        Graders([exercise], Limits(), 2) as graders,
    ):
        graders.pool.submit(int).result()
        for process in list(graders.pool._processes.values()):
            process.kill()
        list(graders.grade([Job(exercise, b"{}", False)] * 3))


def test_interrupted_run_does_not_wait_for_what_is_running(exercise):
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Graders([exercise], Limits(), 2) as graders:
        graders.pool.submit(int).result()
        graders.pool.submit(time.sleep, 300)
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 200
