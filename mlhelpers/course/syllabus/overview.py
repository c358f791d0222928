"""The list of lessons as a table, behind `mle list` and in the start notebook.

Everything comes from the syllabus.
"""

from __future__ import annotations

import json

from mlhelpers.course.syllabus.syllabus import Chapter, Syllabus, load_syllabus


def list_lessons(syllabus: Syllabus, *, chapter: int | None = None) -> str:
    """Text table of lessons: number, title, status, tier, minutes to work through.

    Parameters
    ----------
    syllabus : Syllabus
    chapter : int, optional
        One chapter only.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such chapter.
    """
    chapters = _chosen(syllabus, chapter)
    lessons = [lesson for entry in chapters for lesson in entry.lessons]
    width = max(len(lesson.title) for lesson in lessons)
    lines = [f"{'no.':<5} {'title':<{width}}  {'status':<8}  {'tier':<9}  minutes"]
    for entry in chapters:
        for lesson in entry.lessons:
            start = f"{lesson.number:<5} {lesson.title:<{width}}"
            lines.append(f"{start}  {lesson.status:<8}  {lesson.tier:<9}  {lesson.read_minutes:>7}")
    written = sum(lesson.written for lesson in lessons)
    hours = sum(lesson.read_minutes for lesson in lessons) / 60
    lines.append(f"{len(lessons)} lessons, {written} written, {hours:.0f} hours")
    return "\n".join(lines)


def _chosen(syllabus: Syllabus, chapter: int | None) -> list[Chapter]:
    chosen = [entry for entry in syllabus.chapters if chapter in (None, entry.number)]
    if not chosen:
        raise ValueError(f"no chapter {chapter}; the course has 1 to {syllabus.chapters[-1].number}")
    return chosen


def link(syllabus: Syllabus, number: str, *, base: str = "") -> str:
    """Markdown for a lesson: a link once it is written, its plain name until then.

    Parameters
    ----------
    syllabus : Syllabus
    number : str
        Such as ``"2.3"``.
    base : str, default=""
        What comes before the lesson's path, such as ``"notebooks/"``.

    Returns
    -------
    str
    """
    lesson = syllabus.lesson(number)
    name = f"{lesson.number} {lesson.title}"
    return f"[{name}]({base}{lesson.file})" if lesson.written else f"{name} (planned)"


def list_command(args) -> int:
    """Run the subcommand `mle list`."""
    syllabus = load_syllabus()
    if args.json:
        chapters = _chosen(syllabus, args.chapter)
        lessons = [lesson.model_dump() for chapter in chapters for lesson in chapter.lessons]
        print(json.dumps(lessons, indent=2, ensure_ascii=False))
    else:
        print(list_lessons(syllabus, chapter=args.chapter))
    return 0
