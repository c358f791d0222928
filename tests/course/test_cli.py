"""The `mle` command: fast to start, exit codes, one-line errors."""

import json
import subprocess
import sys

import pytest

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


@pytest.mark.parametrize(
    "arguments", [[], ["nosuch"], ["run"], ["lesson"], ["list", "--chapter", "x"], ["data"]]
)
def test_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: mle" in capsys.readouterr().err


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


def test_closed_pipe_is_no_traceback(course):
    code = "from mlhelpers.course.commands.cli import main; raise SystemExit(main())"
    command = f"{sys.executable} -c '{code}' list | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
