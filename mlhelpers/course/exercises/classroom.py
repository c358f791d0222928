"""A whole class: its assignment and its grades, behind `mle exercise assign` and `mle exercise grade`.

A submission that hangs, crashes, lacks cells or is no notebook loses points; the others are graded.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.course.exercises.class_table import Entry
from mlhelpers.course.exercises.collect import Doubt, Found, Submission, find_submissions
from mlhelpers.course.exercises.exercise import Exercise, ExerciseError
from mlhelpers.course.exercises.grading import TIMEOUT, Grading
from mlhelpers.course.exercises.per_student import (
    Solver,
    personal,
    seed_of,
    student_seed,
)
from mlhelpers.course.exercises.policy import Policy
from mlhelpers.course.exercises.pool import Graders, Job
from mlhelpers.course.exercises.records import Records, record_key, text_hash
from mlhelpers.course.exercises.restore import marks_of
from mlhelpers.course.exercises.roster import Roster
from mlhelpers.course.exercises.sandbox import Limits, best_sandbox
from mlhelpers.course.exercises.submission import grade, nothing
from mlhelpers.course.exercises.versions import committed_release, released_text
from mlhelpers.course.files import read_notebook, replacing, write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "Graded",
    "Progress",
    "assign",
    "assign_per_student",
    "csv_text",
    "grade",
    "grade_class",
    "grade_submissions",
    "nothing",
    "records_path",
]

FAULTS = ("could not be graded", "no feedback")  # of the machine perhaps: tried again in the next run


def assign(exercises: list[Exercise], output: str | os.PathLike[str]) -> list[str]:
    """Make a class's assignment of release versions: ``<assignment>/<assignment>.ipynb`` each.

    Parameters
    ----------
    exercises : list of Exercise
        Each must be in sync with its source.
    output : path-like
        A file that ends in ``.zip``, made anew, or a folder that is new or empty.

    Returns
    -------
    list of str
        What was put in.

    Raises
    ------
    FileExistsError
        If the folder holds something already.
    ExerciseError
        If a release version is not in sync.
    """
    _refuse_stale(exercises)
    texts = {f"{e.name}/{e.name}.ipynb": committed_release(e) for e in exercises}
    _write_assignment(texts, Path(output))
    return list(texts)


def assign_per_student(
    exercises: list[Exercise],
    output: str | os.PathLike[str],
    roster: Roster,
    key: bytes,
    *,
    each: Callable[[Exercise, int], None] | None = None,
) -> list[str]:
    """Make an assignment with numbers per student: ``<student>/<assignment>/<assignment>.ipynb`` each.

    Every student's solution must pass all tests, the hidden ones too, before anything is written.

    Parameters
    ----------
    exercises, output
        As in `assign`; an exercise without a seed is the same for everyone.
    roster : Roster
    key : bytes
        Decides the seeds, with the names of exercise and student.
    each : callable, optional
        Called with each exercise when it is made, and how many students have numbers of their own.

    Returns
    -------
    list of str
        What was put in.

    Raises
    ------
    FileExistsError
        If the folder holds something already.
    ExerciseError
        If a release version is not in sync, or the solution fails with a student's numbers.
    """
    _refuse_stale(exercises)
    _refuse_full(Path(output))
    made = {}
    for exercise in exercises:
        source, released = read_notebook(exercise.source), read_notebook(exercise.release)
        common = committed_release(exercise)
        has_seed = seed_of(source) is not None
        with Solver(source) as solver:
            for person in roster:
                text = common
                if has_seed:
                    seed = student_seed(key, exercise.name, person.student)
                    try:
                        text = _own_text(released, seed, solver.prove(seed))
                    except ValueError as error:
                        raise ExerciseError(
                            f"exercise {exercise.lesson.number}, {person.student}: {error}; "
                            "widen the limit of that test, or assign with another key"
                        ) from None
                made[f"{person.student}/{exercise.name}/{exercise.name}.ipynb"] = text
        if each is not None:
            each(exercise, len(roster.people) if has_seed else 0)
    texts = {name: made[name] for name in sorted(made)}
    _write_assignment(texts, Path(output))
    return list(texts)


def _own_text(released: NotebookNode, seed: int, values: list[str]) -> str:
    """Text of a student's release version; nbgrader's checksums fit the changed cells."""
    import nbformat
    from nbgrader.utils import compute_checksum

    made = personal(released, seed, values)
    for old, new in zip(released.cells, made.cells, strict=True):
        marks = marks_of(new)
        if old.source != new.source and "checksum" in marks:
            marks["checksum"] = compute_checksum(new)
    return nbformat.writes(made).rstrip("\n") + "\n"


def _refuse_stale(exercises: list[Exercise]) -> None:
    stale = [e.lesson.number for e in exercises if committed_release(e) != released_text(e)]
    if stale:
        raise ExerciseError(f"release of {', '.join(stale)} is not in sync; run `mle exercise release`")


def _refuse_full(output: Path) -> None:
    if output.suffix != ".zip" and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} is there and not empty; name a new folder or a .zip file")


def _write_assignment(texts: dict[str, str], output: Path) -> None:
    """Write files into a zip, made anew, or into a folder that is new or empty."""
    if output.suffix == ".zip":
        with replacing(output) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in texts.items():  # a fixed date: the same exercises give the same bytes
                file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
        return
    _refuse_full(output)
    output.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=".assign-") as folder:
        for name, text in texts.items():
            write_text(Path(folder) / "all" / name, text)
        if output.exists():
            output.rmdir()
        os.replace(Path(folder) / "all", output)


def grade_class(
    exercises: list[Exercise],
    submitted: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    feedback: str | os.PathLike[str] | None = None,
    timeout: float = TIMEOUT,
    each: Callable[[str, Grading], None] | None = None,
    workers: int = 1,
    regrade: bool = False,
) -> list[tuple[str, Grading]]:
    """Grade the submissions of a class and write the grades as CSV.

    Parameters
    ----------
    exercises : list of Exercise
    submitted : path-like
        Folder laid out as ``student/assignment/assignment.ipynb``.
    output : path-like
        CSV to write: student, assignment, score, max_score, task_1, task_2, ..., note.
    feedback : path-like, optional
        Folder for one HTML file per submission, ``student/assignment.html``.
    timeout : float, default=60
        Seconds for one cell.
    each : callable, optional
        Called with student and grading as soon as a notebook is graded; its row is in the CSV then.
    workers : int, default=1
        Processes that grade at the same time.
    regrade : bool, default=False
        Grade unchanged submissions again.

    Returns
    -------
    list of (str, Grading)
        A student has a row for every exercise that anybody handed in.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no submission to one of the exercises.
    """
    graded = grade_submissions(
        exercises,
        submitted,
        output,
        feedback=feedback,
        timeout=timeout,
        each=None if each is None else lambda student, grading, progress: each(student, grading),
        workers=workers,
        regrade=regrade,
    )
    return [(entry.student, entry.grading) for entry in graded.entries]


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, total : int
        Submissions.
    seconds_left : float or None
        At the speed so far; None until the first was graded.
    """

    done: int
    total: int
    seconds_left: float | None = None

    def __str__(self) -> str:
        """Words for the terminal."""
        if self.seconds_left is None or self.done == self.total:
            return f"[{self.done}/{self.total}]"
        minutes, seconds = divmod(round(self.seconds_left), 60)
        left = f"{minutes} min" if minutes >= 10 else f"{minutes}:{seconds:02d} min"
        return f"[{self.done}/{self.total}, {left} left]"


@dataclass(frozen=True)
class Graded:
    """What came of a run.

    Attributes
    ----------
    entries : list of Entry
        By exercise, then by student.
    reused : int
        Submissions whose result was there already.
    doubts : list of Doubt
        Files that could not be told to be somebody's answer to an exercise.
    """

    entries: list[Entry]
    reused: int
    doubts: list[Doubt]


def grade_submissions(
    exercises: list[Exercise],
    submitted: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    feedback: str | os.PathLike[str] | None = None,
    timeout: float = TIMEOUT,
    each: Callable[[str, Grading, Progress], None] | None = None,
    workers: int = 1,
    regrade: bool = False,
    roster: Roster | None = None,
    policy: Policy | None = None,
    times: dict[tuple[str, str], datetime] | None = None,
    key: bytes | None = None,
) -> Graded:
    """Grade the submissions of a class; a killed run goes on where it was.

    Parameters
    ----------
    exercises, submitted, output, feedback, timeout, workers, regrade
        As in `grade_class`.
    each : callable, optional
        As in `grade_class`, with the progress of the run too.
    roster : Roster, optional
        Names the students; those who handed in nothing have rows too.
    policy : Policy, optional
        Default: the last attempt counts, nothing is late.
    times : dict of (str, str) to datetime.datetime, optional
        When the last attempt was handed in, by student and exercise; default is the file's time stamp.
    key : bytes, optional
        Of an assignment with numbers per student: each is graded on his own.

    Returns
    -------
    Graded

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no submission to one of the exercises.
    ValueError
        If `workers` is not positive, or the policy names a student who is not there.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    policy, times = policy or Policy(), times or {}
    # Everything is read before the first submission runs, so that none can change another.
    found = find_submissions(submitted, exercises, roster=roster)
    for student in policy.extensions:
        if student not in found.students:
            raise ValueError(f"the policy has an extension for {student!r}, who is no student of this class")
    sources = {exercise.name: exercise.source.read_bytes() for exercise in found.exercises}
    empty = {exercise.name: read_notebook(exercise.source) for exercise in found.exercises}
    seeded = {name for name, source in empty.items() if key is not None and seed_of(source) is not None}
    chosen = [
        submission
        for exercise in found.exercises
        for student in found.students
        for submission in _chosen(found.attempts(student, exercise), policy)
    ]
    limits = Limits(cell_seconds=timeout)
    settings = f"{limits} {best_sandbox()}"
    records = Records(records_path(output), forget=regrade)
    results: dict[Submission, Grading] = {}
    waiting: list[tuple[Submission, str, Path | None, int | None]] = []
    for submission in chosen:
        name, seed = submission.exercise.name, None
        if name in seeded:
            seed = student_seed(key, name, submission.student)
        own = b"" if seed is None else f"SEED = {seed}".encode()  # decides the values too
        record = record_key(submission.data, sources[name] + own, settings)
        page = _page(feedback, found, submission, policy)
        kept = records.get(record, submission.exercise)
        if kept is not None and (page is None or _holds(page, kept[1])):
            results[submission] = kept[0]
        else:
            waiting.append((submission, record, page, seed))
    reused = len(results)

    places = [(student, exercise) for exercise in found.exercises for student in found.students]
    known = {(s, e.name): _entry(found, results, policy, times, empty, s, e) for s, e in places}

    def write() -> list[Entry]:
        entries = [entry for entry in known.values() if entry is not None]
        write_text(output, csv_text([(entry.student, entry.grading) for entry in entries]))
        return entries

    entries, begun = write(), time.monotonic()
    jobs = [Job(made.exercise, made.data, feedback is not None, seed) for made, _, _, seed in waiting]
    needed = {job.exercise.name for job in jobs}
    with Graders([e for e in found.exercises if e.name in needed], limits, workers) as graders:
        for done, (number, grading, text) in enumerate(graders.grade(jobs), 1):
            submission, record, page, _ = waiting[number]
            results[submission] = grading
            if page is not None and text is not None:
                write_text(page, text)
            elif page is not None:
                page.unlink(missing_ok=True)
            if not any(note.startswith(FAULTS) for note in grading.notes):
                records.add(record, grading, text)
            student, exercise = submission.student, submission.exercise
            known[student, exercise.name] = _entry(found, results, policy, times, empty, student, exercise)
            entries = write()
            if each is not None:
                left = (time.monotonic() - begun) / done * (len(waiting) - done)
                each(submission.student, grading, Progress(reused + done, len(chosen), left))
    return Graded(entries, reused, [*found.doubts, *_time_doubts(found, policy, times, entries)])


def records_path(output: str | os.PathLike[str]) -> Path:
    """File in which the results of a run are kept, beside its grades."""
    output = Path(output)
    return output.with_name(f"{output.stem}.results.jsonl")


def _chosen(attempts: list[Submission], policy: Policy) -> list[Submission]:
    return attempts if policy.attempts == "best" else attempts[-1:]


def _page(
    feedback: str | os.PathLike[str] | None, found: Found, submission: Submission, policy: Policy
) -> Path | None:
    """Where the feedback of a submission goes; the last attempt has the plain name."""
    if feedback is None:
        return None
    attempts = _chosen(found.attempts(submission.student, submission.exercise), policy)
    number = attempts.index(submission) + 1
    ending = "" if number == len(attempts) else f"_attempt_{number}"
    return Path(feedback) / submission.student / f"{submission.exercise.name}{ending}.html"


def _holds(page: Path, digest: str | None) -> bool:
    """Whether a page is the one of which `digest` is the hash; without a hash there is none to miss."""
    if digest is None:
        return False
    return page.is_file() and text_hash(page.read_text(encoding="utf-8")) == digest


def _entry(
    found: Found,
    results: dict[Submission, Grading],
    policy: Policy,
    times: dict[tuple[str, str], datetime],
    empty: dict[str, NotebookNode],
    student: str,
    exercise: Exercise,
) -> Entry | None:
    """What is known so far; of attempts the one with the most points after what lateness costs."""
    attempts = _chosen(found.attempts(student, exercise), policy)
    if not attempts:
        doubts = [str(doubt) for doubt in found.doubts if doubt.student == student]
        told = "; ".join(["nothing handed in", *(f"in doubt: {doubt}" for doubt in doubts)])
        return Entry(student, nothing(exercise, empty[exercise.name], told), handed_in=False)
    made = []
    for number, attempt in enumerate(attempts, 1):
        if attempt not in results:
            continue
        submitted = attempt.time
        if number == len(attempts):
            submitted = times.get((student, exercise.name), submitted)
        grading = results[attempt]
        lost, why = policy.lateness(student, exercise, submitted, grading.max_points)
        notes = [*grading.notes, *([why] if why else [])]
        if len(attempts) > 1:
            notes.append(f"attempt {number} of {len(attempts)} counts")
        made.append(Entry(student, replace(grading, notes=tuple(notes)), submitted, lost))
    return max(reversed(made), key=lambda entry: entry.points) if made else None


def _time_doubts(
    found: Found, policy: Policy, times: dict[tuple[str, str], datetime], entries: list[Entry]
) -> list[Doubt]:
    """Where the time stamps and what the LMS says do not agree."""
    doubts = [
        Doubt(f"time stamp of {name}", student, f"{student!r} has handed in no such file")
        for student, name in times
        if name in {e.name for e in found.exercises}
        and not any(s.student == student and s.exercise.name == name for s in found.submissions)
    ]
    stamped = {(entry.student, entry.grading.exercise.name): entry.submitted for entry in entries}
    for submission in found.submissions:
        due = policy.due_for(submission.student, submission.exercise)
        submitted = stamped.get((submission.student, submission.exercise.name))
        if submission.late and due is not None and submitted is not None and submitted <= due:
            text = "the LMS calls it LATE, its time stamp does not; give the times of the LMS"
            doubts.append(Doubt(submission.path.name, submission.student, text))
    return doubts


def csv_text(results: list[tuple[str, Grading]]) -> str:
    """Grades as CSV, by student and exercise."""
    most = max((len(grading.tasks) for _, grading in results), default=0)
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    tasks = [f"task_{number}" for number in range(1, most + 1)]
    table.writerow(["student", "assignment", "score", "max_score", *tasks, "note"])
    for student, grading in sorted(results, key=lambda pair: (pair[0], pair[1].exercise.name)):
        points: list[Any] = [f"{task.points:g}" for task in grading.tasks]
        points += [""] * (most - len(points))
        total = f"{grading.points:g}", f"{grading.max_points:g}"
        table.writerow([student, grading.exercise.name, *total, *points, "; ".join(grading.notes)])
    return stream.getvalue()
