"""The `mle` command: argument parsing only, every subcommand imports its module when it runs.

Exit codes: 0 success, 1 the thing failed, 2 the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import itertools
import sys
from collections.abc import Sequence
from typing import NoReturn

from mlhelpers import __version__

_STAGE = "commands.stage:command"
_OF_STAGES = ("serve", "score", "bundle")  # their options, the help among them, are their own
_BEGIN = """to begin:
  mle list                 the lessons; `mle list 2` one chapter, `mle list 2.3` one lesson
  mle doctor               what is wrong with this machine, if anything
  mle exercise start 2.1   a copy of an exercise to work in; `mle exercise check 2.1` grades it
  mle COMMAND --help       more about a command"""


class _Parser(argparse.ArgumentParser):
    """A parser that names the nearest command or option to a misspelt one, below that command's own usage."""

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        what = "command" if isinstance(action, argparse._SubParsersAction) else "value"
        known = [str(choice) for choice in action.choices]
        near = _nearest(str(value), known)
        there = f"{near} The" if near else " the"
        raise argparse.ArgumentError(None, f"no {what} {str(value)!r};{there} {what}s are {', '.join(known)}")

    def error(self, message: str) -> NoReturn:
        """End with code 2; where only the action of a command is missing, after the help that lists them."""
        if message.endswith("required: ACTION"):
            self.print_help(sys.stderr)
            self.exit(2)
        super().error(message)

    def parse_known_args(self, args=None, namespace=None):
        """Parse; what is left over ends the program, for the messages of a subcommand are its own."""
        namespace, extras = super().parse_known_args(args, namespace)
        if extras:
            known = list(self._option_string_actions)
            word = extras[0].split("=")[0]
            what = "option" if word.startswith("-") else "argument"
            near = _nearest(word, known) if what == "option" else ""
            self.error(f"unknown {what} {word!r};{near} `{self.prog} --help` lists what it takes")
        return namespace, extras


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f" did you mean {near[0]!r}?" if near else ""


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line.

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = _Parser(
        prog="mle",
        description="Lessons, notebook runs and data of the course.",
        epilog=_BEGIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mle {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, target: str, text: str, parent=commands) -> argparse.ArgumentParser:
        command = parent.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(target=target)
        return command

    listing = add("list", "syllabus.overview:list_command", "show the lessons of the course")
    listing.add_argument(
        "what", metavar="CHAPTER|LESSON", nargs="*", help="2 or 2.3; one lesson is shown in full"
    )
    listing.add_argument("--json", action="store_true", help="machine-readable output")
    listing.add_argument("--chapter", type=int, metavar="N", help="one chapter only")

    doctor = add(
        "doctor", "commands.doctor:command", "check this machine: packages, memory, disk, GPU, ports, data"
    )
    doctor.add_argument("--json", action="store_true", help="machine-readable output")

    progress = add(
        "progress", "syllabus.progress:command", "show which lessons were run and which exercises passed"
    )
    progress.add_argument("--json", action="store_true", help="machine-readable output")
    progress.add_argument("--reset", action="store_true", help="forget everything")

    run = add("run", "runs.run:command", "run a notebook with checked parameters and keep the executed copy")
    run.add_argument("notebook", metavar="NOTEBOOK")
    run.add_argument(
        "output", metavar="OUTPUT", nargs="?", help="default: <name>.out.ipynb in the current folder"
    )
    run.add_argument(
        "-p",
        "--parameter",
        type=_pair,
        metavar="NAME VALUE",
        action="append",
        default=[],
        help="repeatable; wins over -f",
    )
    run.add_argument(
        "-f", "--file", metavar="params.yaml", action="append", default=[], help="values from a YAML file"
    )
    run.add_argument(
        "--section", metavar="NAME", action="append", default=[], help="section of the file; repeatable"
    )
    run.add_argument(
        "--kernel-cwd", metavar="FOLDER", help="working folder of the kernel; default: the notebook's"
    )
    run.add_argument(
        "--cell-seconds", type=float, metavar="S", help="longest time of a cell; a slower one ends the run"
    )
    run.add_argument(
        "--megabytes", type=float, metavar="MB", help="most memory of the kernel; above it the run is ended"
    )
    run.add_argument("--help-parameters", action="store_true", help="list the notebook's parameters and stop")

    lesson = commands.add_parser("lesson", help="write, run, save and check lessons; slides, handouts")
    actions = lesson.add_subparsers(metavar="ACTION", required=True)
    new = add("new", "lessons.lesson:new_command", "make an empty lesson from the syllabus", actions)
    new.add_argument("number", metavar="NUMBER", help="such as 2.3")
    execute = add(
        "run", "lessons.lesson:run_command", "execute lessons and show seconds and peak memory", actions
    )
    execute.add_argument("files", metavar="LESSON", nargs="+", help="2.3 or the path of a notebook")
    execute.add_argument(
        "--in-place", action="store_true", help="store the outputs in the file, as `save` does"
    )
    save = add(
        "save",
        "lessons.lesson:save_command",
        "execute lessons and store their outputs in normal form",
        actions,
    )
    save.add_argument("files", metavar="LESSON", nargs="+", help="2.3 or the path of a notebook")
    check = add("check", "lessons.lint:command", "check lessons against the rules of the style", actions)
    check.add_argument("files", metavar="LESSON", nargs="+", help="2.3 or the path of a notebook")
    check.add_argument("--json", action="store_true", help="machine-readable output")

    slides = add("slides", "commands.teach:slides_command", "make slides of lessons, offline", actions)
    slides.add_argument("--code", action="store_true", help="show the code too, without its assertions")
    handout = add("handout", "commands.teach:handout_command", "make one-page handouts of lessons", actions)
    for command in (slides, handout):
        command.add_argument("files", metavar="LESSON", nargs="+", help="2.3 or the path of a notebook")
        command.add_argument(
            "-o", "--output", metavar="PATH", help="an .html file or a folder; default: here"
        )

    _add_exercise(commands, add)

    _add_teach(commands, add)

    add("serve", _STAGE, "serve a model bundle over HTTP")
    add("score", _STAGE, "score a file or a folder of files with a bundle")
    add("bundle", _STAGE, "build, show, verify and install bundles; write their Dockerfile")

    data = commands.add_parser("data", help="list, describe, verify, fetch and build data sets")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    target = "commands.data:command"
    add("list", target, "list the data sets", actions).set_defaults(action="list")
    describe = add("describe", target, "print the card of a data set", actions)
    describe.add_argument("name", metavar="NAME")
    describe.set_defaults(action="describe")
    add("verify", target, "compare the data files with the hashes of the catalog", actions).set_defaults(
        action="verify"
    )
    fetch = add("fetch", target, "download a data set that is not committed", actions)
    fetch.add_argument("name", metavar="NAME")
    fetch.set_defaults(action="fetch")
    sources = add("sources", target, "write the raw sources that a pipeline ingests", actions)
    sources.add_argument("name", metavar="NAME")
    sources.add_argument("folder", metavar="FOLDER")
    sources.set_defaults(action="sources")
    build = add("build", target, "generate a synthetic data set again", actions)
    build.add_argument("name", metavar="NAME")
    build.add_argument("folder", metavar="FOLDER")
    build.set_defaults(action="build")
    return parser


def _add_exercise(commands, add) -> None:
    exercise = commands.add_parser(
        "exercise", help="start and check exercises; release, assign and grade them"
    )
    actions = exercise.add_subparsers(metavar="ACTION", required=True)
    module = "commands.exercise"
    start = add("start", f"{module}:start_command", "copy an exercise to my_exercises/ to work in", actions)
    start.add_argument("number", metavar="NUMBER", help="lesson such as 2.1, or chapter such as 2")
    check = add("check", f"{module}:check", "grade your copy and say what is missing", actions)
    check.add_argument("notebook", metavar="NUMBER|NOTEBOOK", help="2.1 for your copy, or a path")
    release = add("release", f"{module}:release_command", "generate the release versions", actions)
    several = "chapters and lessons: 2, 1-3, 02_data, 2.1 2.4"
    release.add_argument("what", metavar="CHAPTER|LESSON", nargs="*", help=f"{several}; default: all")
    release.add_argument("--check", action="store_true", help="write nothing; fail if one is not in sync")
    assign = add("assign", f"{module}:assign_command", "make the assignment of a class", actions)
    assign.add_argument("what", metavar="CHAPTER|LESSON", nargs="+", help=several)
    assign.add_argument("output", metavar="OUTPUT", help="a .zip file or a folder")
    assign.add_argument(
        "--per-student", metavar="CSV", help="a roster: each student gets a folder and numbers of his own"
    )
    key = "key of the numbers per student; default: per_student.key beside OUTPUT"
    assign.add_argument("--key", metavar="FILE", help=f"{key}, made when there is none")
    grade = add("grade", f"{module}:grade", "grade the submissions of a class", actions)
    grade.add_argument("what", metavar="CHAPTER|LESSON", nargs="+", help=several)
    grade.add_argument(
        "--submitted",
        metavar="FOLDER",
        required=True,
        help="student/assignment/assignment.ipynb, or what Moodle or Canvas gave",
    )
    grade.add_argument("--output", metavar="CSV", required=True, help="grades, one row a submission")
    grade.add_argument("--feedback", metavar="FOLDER", help="write student/assignment.html")
    grade.add_argument("--workers", type=int, default=1, metavar="N", help="processes; default 1")
    grade.add_argument("--regrade", action="store_true", help="grade what has not changed too")
    grade.add_argument(
        "--pass-mark", type=float, default=50.0, metavar="PERCENT", help="of the class table; default 50"
    )
    grade.add_argument("--roster", metavar="CSV", help="the people: student, name, email, ids of the LMS")
    grade.add_argument(
        "--per-student", metavar="CSV", help="as --roster, for what `assign --per-student` has made"
    )
    grade.add_argument("--key", metavar="FILE", help=key)
    grade.add_argument("--policy", metavar="YAML", help="due dates, lateness, extensions, attempts")
    grade.add_argument("--times", metavar="CSV", help="student, assignment, time; default: of the files")
    grade.add_argument("--moodle", metavar="CSV", help="write grades as Moodle imports them")
    grade.add_argument("--canvas", metavar="CSV", help="write grades as Canvas imports them")
    grade.add_argument("--page", metavar="HTML", help="write a gradebook page: tasks, messages, students")
    for command in (check, grade):
        command.add_argument(
            "--timeout", type=float, default=60.0, metavar="S", help="seconds a cell may take"
        )
    similar = add("similar", f"{module}:similar_command", "find submissions that are alike", actions)
    similar.add_argument("what", metavar="CHAPTER|LESSON", nargs="+", help=several)
    similar.add_argument("--submitted", metavar="FOLDER", required=True, help="as for `grade`")
    similar.add_argument("--roster", metavar="CSV", help="as for `grade`")
    similar.add_argument("--least", type=float, default=50.0, metavar="PERCENT", help="default 50")
    similar.add_argument("-o", "--output", metavar="MD", help="default: on the screen")
    new = add("new", f"{module}:new", "make an empty exercise for a lesson (authors)", actions)
    new.add_argument("number", metavar="NUMBER")


def _add_teach(commands, add) -> None:
    teach = commands.add_parser("teach", help="timetables for those who teach the course")
    actions = teach.add_subparsers(metavar="ACTION", required=True)
    plan = add("plan", "commands.teach:plan_command", "make a timetable of the written lessons", actions)
    plan.add_argument(
        "what", metavar="CHAPTER|LESSON", nargs="*", help="2 or 2.3; default: all that is written"
    )
    plan.add_argument("--weeks", type=int, required=True, metavar="N")
    plan.add_argument("--meetings", type=int, default=2, metavar="N", help="meetings a week; default 2")
    plan.add_argument("--minutes", type=int, default=90, metavar="N", help="minutes of a meeting; default 90")
    plan.add_argument(
        "--from", dest="first", required=True, metavar="DATE", help="first meeting, such as 2027-02-01"
    )
    plan.add_argument("--at", metavar="TIME", help="when a meeting begins, such as 09:30; for the calendar")
    plan.add_argument(
        "--skip", metavar="DATE[..DATE]", action="append", default=[], help="holidays; repeatable"
    )
    plan.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        action="append",
        default=[],
        help="plan.md or plan.ics; repeatable; default: Markdown on the screen",
    )


_BETWEEN = "\x1f"  # joins a name and its value into one word for argparse


def _with_pairs(argv: list[str]) -> list[str]:
    """Join the two words after ``-p`` of `mle run`: a value may begin with a dash (``-p rate -1e-3``)."""
    if argv[:1] != ["run"]:
        return argv
    words, rest = [], iter(argv)
    for word in rest:
        pair = list(itertools.islice(rest, 2)) if word in ("-p", "--parameter") else []
        words.append(f"--parameter={_BETWEEN.join(pair)}" if pair else word)
    return words


def _pair(text: str) -> tuple[str, str]:
    name, between, value = text.partition(_BETWEEN)
    if not between:
        raise argparse.ArgumentTypeError(f"{name} has no value; give -p NAME VALUE")
    return name, value


def main(argv: Sequence[str] | None = None) -> int:
    """Run `mle` and return its exit code; without arguments it shows its help.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; default is the command line.

    Returns
    -------
    int
        0 success, 1 failure, 130 interrupted. A wrong command line exits with 2.
    """
    parser = build_parser()
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        parser.print_help()
        return 0
    if words[0] == "help":
        words = [*words[1:], "--help"]
    if words[0] in _OF_STAGES:
        args = argparse.Namespace(target=_STAGE, name=words[0], options=words[1:])
    else:
        args = parser.parse_args(_with_pairs(words))
    module, function = args.target.split(":")
    try:
        return getattr(importlib.import_module(f"mlhelpers.course.{module}"), function)(args)
    except KeyboardInterrupt:
        print("mle: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        print(f"mle: {error}", file=sys.stderr)
        return 1
