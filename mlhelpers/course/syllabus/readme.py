"""The README's table of chapters and its count of lessons, generated from the syllabus between markers.

``python -m mlhelpers.course.syllabus.readme`` writes it, ``--check`` fails when it is out of date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mlhelpers.course.files import find_root, write_text
from mlhelpers.course.syllabus.syllabus import Syllabus, load_syllabus

START, END = "<!-- chapters:start -->", "<!-- chapters:end -->"
_COUNT = re.compile(r"(?<=<!-- lessons:start -->)[^<]*(?=<!-- lessons:end -->)")


def chapter_table(syllabus: Syllabus) -> str:
    """Markdown table: chapter, what you can do afterwards, links to written lessons, how many are planned.

    Parameters
    ----------
    syllabus : Syllabus

    Returns
    -------
    str
    """
    lines = ["| Chapter | Afterwards you can | Lessons |", "|---|---|---|"]
    for chapter in syllabus.chapters:
        written = [lesson for lesson in chapter.lessons if lesson.written]
        parts = [f"[{les.number} {les.title}](notebooks/{les.file})" for les in written]
        if len(written) < len(chapter.lessons):
            parts.append(f"{len(chapter.lessons) - len(written)} planned")
        outcome = chapter.outcome[0].lower() + chapter.outcome[1:]
        lines.append(f"| {chapter.number} {chapter.title} | {outcome} | {', '.join(parts)} |")
    return "\n".join(lines)


def with_count(readme: str, syllabus: Syllabus) -> str:
    """Text of the README with the numbers of written and of all lessons between the markers for it, if any.

    Parameters
    ----------
    readme : str
    syllabus : Syllabus

    Returns
    -------
    str
    """
    lessons = list(syllabus)
    return _COUNT.sub(f"{sum(lesson.written for lesson in lessons)} of {len(lessons)}", readme)


def with_table(readme: str, table: str) -> str:
    """Text of the README with `table` between the markers.

    Parameters
    ----------
    readme, table : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the markers are missing, in the wrong order or there more than once.
    """
    if readme.count(START) != 1 or readme.count(END) != 1 or readme.index(START) > readme.index(END):
        raise ValueError(f"README.md must hold {START} and, below it, {END}, once each")
    before, _, rest = readme.partition(START)
    return f"{before}{START}\n{table}\n{END}{rest.partition(END)[2]}"


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the table; return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        ``["--check"]`` or nothing; default is the command line.

    Returns
    -------
    int
        1 when the check finds the table out of date or the README cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mlhelpers.course.syllabus.readme", description="The README's chapter table and count."
    )
    parser.add_argument(
        "--check", action="store_true", help="fail when the table is out of date; write nothing"
    )
    args = parser.parse_args(argv)
    try:
        root: Path = find_root()
        file = root / "README.md"
        old = file.read_text(encoding="utf-8")
        syllabus = load_syllabus(root)
        new = with_count(with_table(old, chapter_table(syllabus)), syllabus)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if args.check and new != old:
        print(
            "README.md: the chapter table or the count of lessons is out of date; "
            "run python -m mlhelpers.course.syllabus.readme",
            file=sys.stderr,
        )
        return 1
    if new != old:
        write_text(file, new)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
