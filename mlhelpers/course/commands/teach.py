"""The subcommands `mle teach plan`, `mle lesson slides` and `handout`, and the plans in docs/teaching.md.

``python -m mlhelpers.course.commands.teach`` makes those plans anew, ``--check`` fails when one is out of
date.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mlhelpers.course.files import find_root, write_text
from mlhelpers.course.lessons.document import notebook_path
from mlhelpers.course.syllabus import Syllabus, load_syllabus
from mlhelpers.course.teaching import Plan, PlanError, make_plan

_BLOCK = re.compile(r"(?<=<!-- mle )(teach plan [^\n]*)( -->\n).*?(?=<!-- end of plan -->)", re.DOTALL)


def plan_command(args) -> int:
    """Run the subcommand `mle teach plan`."""
    outputs = [Path(name) for name in args.output]
    for output in outputs:
        if output.suffix not in (".md", ".ics"):
            raise PlanError(f"{output} must end in .md (a table) or .ics (a calendar)")
    plan = _plan(args, load_syllabus())
    for output in outputs:
        write_text(output, plan.calendar() if output.suffix == ".ics" else f"{plan}\n")
        print(f"-> {output}")
    if not outputs:
        print(plan)
    return 0


def slides_command(args) -> int:
    """Run the subcommand `mle lesson slides`."""
    from mlhelpers.course.teaching.slides import make_slides

    return _pages(args, "slides", lambda path: make_slides(path, code=args.code))


def handout_command(args) -> int:
    """Run the subcommand `mle lesson handout`."""
    from mlhelpers.course.teaching.handout import make_handout

    return _pages(args, "handout", make_handout)


def _pages(args, kind: str, make: Callable[[Path], str]) -> int:
    """Write a page for each lesson and tell where."""
    folder = Path(args.output or ".")
    if args.output and (folder.suffix == ".html") and len(args.files) > 1:
        raise ValueError(f"--output {folder} is one file for {len(args.files)} lessons; name a folder")
    for what in args.files:
        path = notebook_path(what)
        target = folder if folder.suffix == ".html" else folder / f"{path.stem}.{kind}.html"
        write_text(target, make(path))
        print(target)
    return 0


def _plan(args, syllabus: Syllabus) -> Plan:
    try:
        first = dt.date.fromisoformat(args.first)
    except ValueError:
        raise PlanError(f"--from {args.first} is no date; write it like 2027-02-01") from None
    try:
        start = dt.time.fromisoformat(args.at) if args.at else None
    except ValueError:
        raise PlanError(f"--at {args.at} is no time of the day; write it like 09:30") from None
    return make_plan(
        syllabus,
        weeks=args.weeks,
        meetings=args.meetings,
        minutes=args.minutes,
        first=first,
        what=args.what,
        skip=[_span(text) for text in args.skip],
        start=start,
    )


def _span(text: str) -> tuple[dt.date, dt.date]:
    first, _, last = text.partition("..")
    try:
        span = dt.date.fromisoformat(first), dt.date.fromisoformat(last or first)
    except ValueError:
        raise PlanError(f"--skip {text} is no date; write 2027-03-29 or 2027-03-29..2027-04-02") from None
    if span[0] > span[1]:
        raise PlanError(f"--skip {text} ends before it begins")
    return span


def with_plans(text: str, syllabus: Syllabus) -> str:
    """Text of a page with every plan in it made anew by the command that stands above it.

    Parameters
    ----------
    text : str
        A plan begins with a line ``<!-- mle teach plan ... -->`` and ends with ``<!-- end of plan -->``.
    syllabus : Syllabus

    Returns
    -------
    str
    """
    from mlhelpers.course.commands.cli import build_parser

    def made(match: re.Match[str]) -> str:
        plan = _plan(build_parser().parse_args(shlex.split(match[1])), syllabus)
        return f"{match[1]}{match[2]}{plan}\n"

    return _BLOCK.sub(made, text)


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the plans of docs/teaching.md; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mlhelpers.course.commands.teach", description="The plans in docs/teaching.md."
    )
    parser.add_argument("--check", action="store_true", help="fail when one is out of date; write nothing")
    check = parser.parse_args(argv).check
    root = find_root()
    file = root / "docs" / "teaching.md"
    old = file.read_text(encoding="utf-8")
    new = with_plans(old, load_syllabus(root))
    if check and new != old:
        print(
            "docs/teaching.md: a plan is out of date; run python -m mlhelpers.course.commands.teach",
            file=sys.stderr,
        )
        return 1
    if new != old:
        write_text(file, new)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
