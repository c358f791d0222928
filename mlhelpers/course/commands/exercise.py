"""The subcommands `mle exercise ...`: words for the terminal, nothing else.

Exit codes: 0 when everything is right, 1 when points are missing or a release version is not in sync.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from mlhelpers.course.exercises import (
    Exercise,
    ExerciseError,
    choose_exercises,
    exercise_of,
    find_exercises,
    orphans,
    release,
    start,
)
from mlhelpers.course.files import find_root, write_text
from mlhelpers.course.syllabus import load_syllabus, planned

_LESSON = re.compile(r"\d+[.,]\d+")


def new(args) -> int:
    """Run the subcommand `mle exercise new`."""
    from mlhelpers.course.exercises.scaffold import new_exercise

    print(new_exercise(args.number, root=find_root()))
    return 0


def release_command(args) -> int:
    """Run the subcommand `mle exercise release`."""
    syllabus = load_syllabus()
    failed = 0
    for exercise in choose_exercises(args.what, syllabus=syllabus):
        try:
            in_sync = release(exercise, check=args.check)
        except ExerciseError as error:
            print(f"mle: {error}", file=sys.stderr)
            failed += 1
            continue
        word = "in sync" if in_sync else ("NOT in sync" if args.check else "written")
        failed += args.check and not in_sync
        print(f"{exercise.lesson.number} {exercise.name}: {word}")
    for path in orphans(syllabus) if not args.what else []:
        print(f"mle: {path.relative_to(syllabus.root)} has no source; remove it", file=sys.stderr)
        failed += 1
    return 1 if failed else 0


def start_command(args) -> int:
    """Run the subcommand `mle exercise start`."""
    exercises, made = _exercises(args.number), 0
    for exercise in exercises:
        try:
            print(start(exercise).relative_to(exercise.root))
            made += 1
        except FileExistsError as error:  # of a chapter the others are still made
            if len(exercises) == 1:
                raise
            print(f"mle: {error}", file=sys.stderr)
    return 0 if made else 1


def _exercises(what: str) -> list[Exercise]:
    """Exercises of a chapter or lesson; of what is planned only, the error says so."""
    syllabus = load_syllabus()
    try:
        return find_exercises(what, syllabus=syllabus)
    except ExerciseError:
        for chapter in syllabus.chapters:
            if what in (str(chapter.number), chapter.folder) and not any(e.written for e in chapter.lessons):
                raise ExerciseError(
                    f"chapter {chapter.number} {chapter.title} is planned, and its exercises come with it; "
                    "`mle list` shows what is written"
                ) from None
        if _LESSON.fullmatch(what):
            lesson = syllabus.lesson(what)
            if not lesson.written:
                raise ExerciseError(
                    f"{planned(lesson)}; its exercise comes with it, and `mle list` shows what is written"
                ) from None
        raise


def _own_copy(what: str) -> Path:
    """The notebook to check: a path, or the learner's copy of the exercise of a lesson."""
    if Path(what).exists() or not _LESSON.fullmatch(what):
        return Path(what)
    (exercise,) = _exercises(what)
    if not exercise.own.is_file():
        raise FileNotFoundError(
            f"you have no copy of exercise {what} yet; `mle exercise start {what}` makes "
            f"{exercise.own.relative_to(exercise.root)}"
        )
    return exercise.own


def check(args) -> int:
    """Run the subcommand `mle exercise check`."""
    from mlhelpers.course.exercises.grading import check as grade_one
    from mlhelpers.course.syllabus.progress import record_exercise

    notebook = _own_copy(args.notebook)
    exercise = exercise_of(notebook)
    result = grade_one(exercise, notebook, timeout=args.timeout)
    print(result)
    record_exercise(exercise.lesson.number, result.points, result.max_points)
    return 0 if result.passed else 1


def grade(args) -> int:
    """Run the subcommand `mle exercise grade`."""
    from mlhelpers.course.exercises.class_table import ClassTable
    from mlhelpers.course.exercises.classroom import grade_submissions
    from mlhelpers.course.exercises.export import canvas_csv, moodle_csv
    from mlhelpers.course.exercises.gradebook import gradebook_page
    from mlhelpers.course.exercises.per_student import KEY_NAME, read_key
    from mlhelpers.course.exercises.policy import Policy, read_times
    from mlhelpers.course.exercises.roster import Roster
    from mlhelpers.course.exercises.sandbox import best_sandbox

    if not Path(args.submitted).is_dir():
        raise FileNotFoundError(f"the folder {args.submitted} does not exist")
    exercises, everything = choose_exercises(args.what), find_exercises()
    # What is wrong with a setting is told before the work, not after it.
    ClassTable([], pass_mark=args.pass_mark)
    if args.roster and args.per_student:
        raise ValueError("--per-student is a roster already; leave --roster out")
    roster = Roster.read(args.roster or args.per_student) if args.roster or args.per_student else None
    key = (
        read_key(args.key or _beside(args.output, "").with_name(KEY_NAME))
        if args.key or args.per_student
        else None
    )
    policy = Policy.read(args.policy) if args.policy else Policy()
    policy.check(everything, args.policy)
    times = read_times(args.times, everything, policy.zone) if args.times else None
    exports = {path: make for path, make in ((args.moodle, moodle_csv), (args.canvas, canvas_csv)) if path}
    if exports and roster is None:
        raise ValueError("--moodle and --canvas need --roster, a CSV with the ids of the LMS")
    for make in exports.values():
        make(ClassTable([]), roster, policy)
    print(f"submissions run in {best_sandbox()}", flush=True)

    def show(student, grading, progress):
        note = f"  ({'; '.join(grading.notes)})" if grading.notes else ""
        points = f"{grading.points:g} of {grading.max_points:g}"
        print(f"{progress} {student} {grading.exercise.name}: {points}{note}", flush=True)

    graded = grade_submissions(
        exercises,
        args.submitted,
        args.output,
        feedback=args.feedback,
        timeout=args.timeout,
        each=show,
        workers=args.workers,
        regrade=args.regrade,
        roster=roster,
        policy=policy,
        times=times,
        key=key,
    )
    if graded.reused:
        print(f"{graded.reused} results were there already; --regrade grades all again")
    table = ClassTable(graded.entries, pass_mark=args.pass_mark)
    print(table)
    summary = _beside(args.output, "_class.csv")
    write_text(summary, table.csv_text())
    print(f"{len(graded.entries)} rows in {args.output}, {len(table.rows)} students in {summary}")
    for path, make in exports.items():
        write_text(path, make(table, roster, policy))
        print(f"-> {path}")
    if args.page:
        write_text(args.page, gradebook_page(table, doubts=[str(doubt) for doubt in graded.doubts]))
        print(f"-> {args.page}")
    if graded.doubts:
        print(f"to look at ({len(graded.doubts)}):")
        for doubt in graded.doubts:
            print(f"  {doubt}")
    return 0


def _beside(output: str, ending: str) -> Path:
    path = Path(output)
    return path.with_name(path.stem + ending)


def assign_command(args) -> int:
    """Run the subcommand `mle exercise assign`."""
    from mlhelpers.course.exercises.classroom import assign, assign_per_student
    from mlhelpers.course.exercises.per_student import KEY_NAME, make_key, read_key
    from mlhelpers.course.exercises.roster import Roster

    exercises = choose_exercises(args.what)
    if args.per_student is None:
        if args.key:
            raise ValueError("--key needs --per-student ROSTER, a CSV with the names of the students")
        for name in assign(exercises, args.output):
            print(name)
        print(f"-> {args.output}")
        return 0
    roster = Roster.read(args.per_student)
    path = Path(args.key) if args.key else Path(args.output).absolute().parent / KEY_NAME
    if path.resolve().is_relative_to(Path(args.output).resolve()):
        raise ValueError(f"the key {path} would be handed out with {args.output}; keep it elsewhere")
    is_new = make_key(path)
    shown = args.key or os.path.relpath(path)

    def show(exercise, n_students):
        what = f"{n_students} students with numbers of their own" if n_students else "the same for everyone"
        print(f"{exercise.lesson.number} {exercise.name}: {what}", flush=True)

    made = assign_per_student(exercises, args.output, roster, read_key(path), each=show)
    print(f"-> {args.output}, {len(made)} notebooks for {len(roster.people)} students")
    print(f"the key is in {shown}{', made now' if is_new else ''}: grading needs it; give it to nobody")
    return 0


def similar_command(args) -> int:
    """Run the subcommand `mle exercise similar`."""
    from mlhelpers.course.exercises.collect import find_submissions
    from mlhelpers.course.exercises.roster import Roster
    from mlhelpers.course.exercises.similarity import report, similar_pairs

    if not 0 <= args.least <= 100:
        raise ValueError(f"--least is a percentage between 0 and 100, not {args.least:g}")
    roster = Roster.read(args.roster) if args.roster else None
    found = find_submissions(args.submitted, choose_exercises(args.what), roster=roster)
    pairs = similar_pairs(found, least=args.least / 100)
    if args.output is None:
        print(report(pairs), end="")
    else:
        write_text(args.output, report(pairs))
        print(f"{len(pairs)} pairs in {args.output}")
    for doubt in found.doubts:
        print(f"mle: not compared or to look at: {doubt}", file=sys.stderr)
    return 0
