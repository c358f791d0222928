"""The subcommands `mle exercise ...`: words for the terminal, nothing else.

Exit codes: 0 when everything is right, 1 when points are missing or a release version is not in sync.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlhelpers.course.exercises import (
    ExerciseError,
    exercise_of,
    find_exercises,
    orphans,
    release,
    start,
)
from mlhelpers.course.files import find_root
from mlhelpers.course.syllabus import load_syllabus


def new(args) -> int:
    """Run the subcommand `mle exercise new`."""
    from mlhelpers.course.exercises.scaffold import new_exercise

    print(new_exercise(args.number, root=find_root()))
    return 0


def release_command(args) -> int:
    """Run the subcommand `mle exercise release`."""
    syllabus = load_syllabus()
    failed = 0
    for exercise in find_exercises(args.what, syllabus=syllabus):
        try:
            in_sync = release(exercise, check=args.check)
        except ExerciseError as error:
            print(f"mle: {error}", file=sys.stderr)
            failed += 1
            continue
        word = "in sync" if in_sync else ("NOT in sync" if args.check else "written")
        failed += args.check and not in_sync
        print(f"{exercise.lesson.number} {exercise.name}: {word}")
    for path in orphans(syllabus) if args.what is None else []:
        print(f"mle: {path.relative_to(syllabus.root)} has no source; remove it", file=sys.stderr)
        failed += 1
    return 1 if failed else 0


def start_command(args) -> int:
    """Run the subcommand `mle exercise start`."""
    for exercise in find_exercises(args.number):
        print(start(exercise).relative_to(exercise.root))
    return 0


def check(args) -> int:
    """Run the subcommand `mle exercise check`."""
    from mlhelpers.course.exercises.grading import check as grade_one
    from mlhelpers.course.syllabus.progress import record_exercise

    exercise = exercise_of(args.notebook)
    result = grade_one(exercise, args.notebook, timeout=args.timeout)
    print(result)
    record_exercise(exercise.lesson.number, result.points, result.max_points)
    return 0 if result.passed else 1


def grade(args) -> int:
    """Run the subcommand `mle exercise grade`."""
    from mlhelpers.course.exercises.classroom import grade_class
    from mlhelpers.course.exercises.sandbox import best_sandbox

    if not Path(args.submitted).is_dir():
        raise FileNotFoundError(f"the folder {args.submitted} does not exist")
    print(f"submissions run in {best_sandbox()}", flush=True)

    def show(student, grading):
        note = f"  ({'; '.join(grading.notes)})" if grading.notes else ""
        line = f"{student} {grading.exercise.name}: {grading.points:g} of {grading.max_points:g}{note}"
        print(line, flush=True)

    results = grade_class(
        find_exercises(args.chapter),
        args.submitted,
        args.output,
        feedback=args.feedback,
        timeout=args.timeout,
        each=show,
    )
    print(f"{len(results)} rows in {args.output}")
    return 0


def assign_command(args) -> int:
    """Run the subcommand `mle exercise assign`."""
    from mlhelpers.course.exercises.classroom import assign

    for name in assign(find_exercises(args.chapter), args.output):
        print(name)
    print(f"-> {args.output}")
    return 0
