"""The list of lessons as a table, behind `mle list` and in the start notebook.

Everything comes from the syllabus.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlhelpers.course.syllabus.syllabus import Lesson, Syllabus, load_syllabus


def list_lessons(syllabus: Syllabus, what: Sequence[str] = (), *, chapter: int | None = None) -> str:
    """Text table of lessons: number, title, status, tier, minutes to work through.

    Parameters
    ----------
    syllabus : Syllabus
    what : sequence of str
        Chapters (``"2"``) and lessons (``"2.3"``); default is all.
    chapter : int, optional
        One chapter only.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such chapter or lesson.
    """
    lessons = chosen_lessons(syllabus, what, chapter=chapter)
    width = max(len(lesson.title) for lesson in lessons)
    lines = [f"{'no.':<5} {'title':<{width}}  {'status':<8}  {'tier':<9}  minutes"]
    for lesson in lessons:
        start = f"{lesson.number:<5} {lesson.title:<{width}}"
        lines.append(f"{start}  {lesson.status:<8}  {lesson.tier:<9}  {lesson.read_minutes:>7}")
    written = sum(lesson.written for lesson in lessons)
    hours = sum(lesson.read_minutes for lesson in lessons) / 60
    lines.append(f"{len(lessons)} lessons, {written} written, {hours:.0f} hours")
    return "\n".join(lines)


def describe_lesson(syllabus: Syllabus, number: str) -> str:
    """Text about one lesson: what it teaches, what it builds on, where it is.

    Parameters
    ----------
    syllabus : Syllabus
    number : str
        Such as ``"2.3"``.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such lesson.
    """
    lesson = syllabus.lesson(number)
    before = [syllabus.lesson(other) for other in lesson.prerequisites]
    facts = {
        "status": "written" if lesson.written else "planned, not written yet",
        "minutes": f"{lesson.read_minutes} to work through",
        "builds on": ", ".join(f"{other.number} {other.title}" for other in before) or "nothing",
        "helpers": ", ".join(lesson.helpers) or "none",
    }
    if lesson.tier != "core":
        facts["tier"] = f"{lesson.tier} (make test-platforms sets it up)"
    if lesson.written:
        facts["notebook"] = f"notebooks/{lesson.file}"
    lines = [f"{lesson.number} {lesson.title}", "", "Afterwards you can"]
    lines += [f"- {objective[0].lower()}{objective[1:]}" for objective in lesson.objectives]
    lines += ["", *(f"{name:<10} {fact}" for name, fact in facts.items())]
    return "\n".join(lines)


def chosen_lessons(
    syllabus: Syllabus, what: Sequence[str] = (), *, chapter: int | None = None
) -> list[Lesson]:
    """Lessons of some chapters and single ones, in the order of the course.

    Parameters
    ----------
    syllabus : Syllabus
    what : sequence of str
        Chapters (``"2"``, ``"02_data"``) and lessons (``"2.3"``); empty takes all.
    chapter : int, optional
        One more chapter.

    Returns
    -------
    list of Lesson

    Raises
    ------
    ValueError
        If there is no such chapter or lesson; the message names the nearest.
    """
    what = [*what, *([] if chapter is None else [str(chapter)])]
    if not what:
        return list(syllabus)
    names = {
        name: entry for entry in syllabus.chapters for name in (str(entry.number), entry.folder.lstrip("0"))
    }
    wanted = set()
    for word in what:
        if word.lstrip("0") in names:
            wanted |= {lesson.number for lesson in names[word.lstrip("0")].lessons}
        elif word.isdecimal():
            raise ValueError(f"no chapter {word}; the course has 1 to {syllabus.chapters[-1].number}")
        else:
            wanted.add(syllabus.lesson(word).number)
    return [lesson for lesson in syllabus if lesson.number in wanted]


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
    lessons = chosen_lessons(syllabus, args.what, chapter=args.chapter)
    if args.json:
        print(json.dumps([lesson.model_dump() for lesson in lessons], indent=2, ensure_ascii=False))
    elif len(args.what) == 1 and args.what[0] == lessons[0].number and args.chapter is None:
        print(describe_lesson(syllabus, lessons[0].number))
    else:
        print(list_lessons(syllabus, args.what, chapter=args.chapter))
    return 0
