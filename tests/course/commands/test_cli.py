"""The `mle` command: fast to start, exit codes, one-line errors."""

import json
import subprocess
import sys

import pytest

import mlhelpers
from mlhelpers.course.commands.cli import main

HEAVY = ["numpy", "pandas", "papermill", "nbformat", "nbclient", "pydantic", "yaml", "matplotlib", "psutil"]


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from mlhelpers.course.commands.cli import main
try:
    main(["--help"])
except SystemExit:
    print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    assert python(code).rstrip().endswith("loaded: []")


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, mlhelpers, mlhelpers.course; print([n for n in {HEAVY} if n in sys.modules])"
    assert python(code).strip() == "[]"


@pytest.mark.parametrize("arguments", [["nosuch"], ["run"], ["lesson"], ["list", "--chapter", "x"], ["data"]])
def test_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: mle" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_mle_alone_shows_its_help_and_where_to_begin(arguments, capsys):
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    assert code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    for command in (
        "list",
        "doctor",
        "progress",
        "run",
        "lesson",
        "exercise",
        "serve",
        "score",
        "bundle",
        "data",
        "teach",
    ):
        assert f"\n    {command} " in shown.out
    assert "to begin:\n  mle list" in shown.out


def test_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"mle {mlhelpers.__version__}\n"


@pytest.mark.parametrize("group", ["lesson", "exercise", "data", "teach"])
def test_group_without_an_action_lists_its_actions(group, capsys):
    with pytest.raises(SystemExit) as caught:
        main([group])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert f"usage: mle {group}" in error
    assert "ACTION\n    " in error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lst"], "mle: error: no command 'lst'; did you mean 'list'? The commands are list, doctor,"),
        (["Doctor"], "did you mean 'doctor'?"),
        (["exercise", "chekc"], "mle exercise: error: no command 'chekc'; did you mean 'check'?"),
        (["xyzzy"], "mle: error: no command 'xyzzy'; the commands are list,"),
        (
            ["list", "--jsn"],
            "mle list: error: unknown option '--jsn'; did you mean '--json'? `mle list --help`",
        ),
        (["doctor", "now"], "mle doctor: error: unknown argument 'now'; `mle doctor --help` lists"),
    ],
)
def test_misspelt_command_or_option_gets_the_nearest(arguments, told, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


def test_help_of_serve_is_that_of_the_service(monkeypatch):
    handed = []
    monkeypatch.setattr("mlhelpers.course.commands.stage.command", lambda args: handed.append(args.options))
    main(["serve", "--help"])
    main(["serve", "--port", "0", "bundle"])
    assert handed == [["--help"], ["--port", "0", "bundle"]]


def test_every_subcommand_explains_itself(capsys):
    for command in (
        ["list"],
        ["doctor"],
        ["run"],
        ["progress"],
        ["lesson", "new"],
        ["lesson", "check"],
        ["data", "list"],
    ):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
        assert f"usage: mle {' '.join(command)}" in capsys.readouterr().out


def test_failure_is_one_line_and_exit_code_1(course, capsys):
    assert main(["list", "--chapter", "9"]) == 1
    assert capsys.readouterr().err == "mle: no chapter 9; the course has 1 to 2\n"


def test_list_shows_number_title_status_tier_and_minutes(course, capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "1.1   What it is    written   core            30" in out
    assert out.rstrip().endswith("3 lessons, 1 written, 2 hours")


def test_list_as_json_has_every_field(course, capsys):
    assert main(["list", "--json", "--chapter", "2"]) == 0
    lessons = json.loads(capsys.readouterr().out)
    assert [lesson["number"] for lesson in lessons] == ["2.1", "2.2"]
    assert lessons[0]["helpers"] == ["mlhelpers.data.quality"]


def test_list_takes_chapters_and_lessons(course, capsys):
    assert main(["list", "2"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["no.", "2.1", "2.2", "2"]
    assert main(["list", "2.2", "01", "--json"]) == 0
    assert [lesson["number"] for lesson in json.loads(capsys.readouterr().out)] == ["1.1", "2.2"]


def test_one_lesson_is_shown_in_full(course, capsys):
    assert main(["list", "1.1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1.1 What it is\n\nAfterwards you can\n- name the parts\n")
    assert "builds on  nothing" in out
    assert "notebook   notebooks/01_foundations/01_what_it_is.ipynb" in out
    assert main(["list", "2.2"]) == 0
    out = capsys.readouterr().out
    assert "planned, not written yet" in out
    assert "builds on  2.1 Missing data" in out
    assert "tier       platforms" in out
    assert "notebook  " not in out


@pytest.mark.parametrize("word", ["2,1", "2.11", "02.1", "2-1", "missing data", "mising"])
def test_misspelt_lesson_gets_the_nearest(course, word, capsys):
    assert main(["list", word]) == 1
    told = capsys.readouterr().err
    assert told == f"mle: no lesson {word!r} in the syllabus; did you mean 2.1 Missing data?\n"


def test_closed_pipe_is_no_traceback(course):
    code = "from mlhelpers.course.commands.cli import main; raise SystemExit(main())"
    command = f"{sys.executable} -c '{code}' list | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
