"""Strict runs of notebooks, with real kernels."""

import os
import signal
import subprocess
import sys
import threading
import time

import nbformat
import psutil
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.runs.failures import NotebookError
from mlhelpers.course.runs.parameters import ParameterError
from mlhelpers.course.runs.run import describe_parameters, run_notebook

PARAMETERS = """from typing import Annotated, Literal
from pydantic import Field
name: str  # who is greeted
times: Annotated[int, Field(ge=1, le=9)] = 2  # how often
style: Literal["plain", "loud"] = "plain\""""


@pytest.fixture
def greeting(make, cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make(
        "stages/greet.ipynb",
        cells.text("# Greet"),
        cells.code(PARAMETERS, tags=["parameters"]),
        "import os",
        "print(' '.join([name] * times), os.path.basename(os.getcwd()))",
        "assert times < 5, 'too often'",
    )


def printed(path):
    outputs = [o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    return "".join(o.text for o in outputs if o.output_type == "stream")


def test_run_injects_checked_values_and_keeps_the_executed_copy(greeting, capsys):
    assert main(["run", str(greeting), "-p", "name", "007", "-p", "times", "3"]) == 0
    assert printed("greet.out.ipynb") == "007 007 007 stages\n"
    assert capsys.readouterr().out.startswith("greet: 4 cells, ")
    assert "outputs" not in nbformat.read(greeting, 4).cells[0]


def test_api_runs_with_values_files_and_a_folder_of_its_own(greeting, tmp_path):
    (tmp_path / "p{x}.yaml").write_text("greet: {name: Ada, times: 1}\n")
    result = run_notebook(
        greeting, "kept/{a}.ipynb", {"times": 2}, files=["p{x}.yaml"], sections=["greet"], kernel_cwd=tmp_path
    )
    assert printed(result.output) == f"Ada Ada {tmp_path.name}\n"
    assert (result.cells, result.parameters) == (4, {"name": "Ada", "times": 2})
    assert nbformat.read(result.output, 4).metadata.papermill.output_path == "kept/{a}.ipynb"


def test_wrong_values_fail_before_a_kernel_starts_and_leave_the_last_output(greeting, capfd):
    kept = greeting.parent / "out.ipynb"
    kept.write_text("the last good output")
    start = time.perf_counter()
    assert (
        main(
            ["run", str(greeting), str(kept), "-p", "tims", "3", "-p", "style", "quiet", "-p", "times", "10"]
        )
        == 1
    )
    assert time.perf_counter() - start < 1.5
    told = capfd.readouterr().err
    assert "did you mean times?" in told
    assert "should be 'plain' or 'loud'" in told
    assert "less than or equal to 9" in told
    assert "name: required" in told
    assert kept.read_text() == "the last good output"


def test_failing_cell_is_named_and_the_executed_part_is_kept(greeting, capfd):
    assert main(["run", str(greeting), "-p", "name", "Ada", "-p", "times", "6"]) == 1
    told = capfd.readouterr().err
    assert "cell 5 (In [5]) failed: AssertionError: too often" in told
    assert "cell begins: assert times < 5" in told
    assert "raised at:   line 1: assert times < 5, 'too often'" in told
    assert "kept:        greet.out.ipynb" in told
    assert printed("greet.out.ipynb").startswith("Ada Ada")


def _heed_signals():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["interrupt", "terminate", "hang up"]
)
def test_interrupted_run_ends_the_kernel_and_leaves_the_last_output(make, tmp_path, number):
    source = "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(60)"
    path, kept, pid = make("slow.ipynb", source), tmp_path / "out.ipynb", tmp_path / "pid"
    kept.write_text("the last good output")
    command = [
        sys.executable,
        "-c",
        "from mlhelpers.course.commands.cli import main; raise SystemExit(main())",
    ]
    process = subprocess.Popen(
        [*command, "run", str(path), str(kept)],
        stderr=subprocess.PIPE,
        text=True,
        # What runs the tests in the background (`&`, nohup) ignores signals, and children inherit that.
        preexec_fn=_heed_signals,
    )
    deadline = time.monotonic() + 40
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    kernel = psutil.Process(int(pid.read_text()))
    process.send_signal(number)
    told = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert told.strip() == "mle: interrupted"
    kernel.wait(timeout=10)
    assert kept.read_text() == "the last good output"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.ipynb", "pid", "slow.ipynb"]


def test_run_works_outside_of_the_main_thread_with_a_progress_bar(make, tmp_path, capfd):
    results = []
    path = make("a.ipynb", "print(1)")

    def work():
        results.append(run_notebook(path, tmp_path / "out.ipynb", progress=True))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results[0].cells == 1
    assert "a:" in capfd.readouterr().err


def test_plain_papermill_runs_the_same_notebook(greeting):
    command = [os.path.join(os.path.dirname(sys.executable), "papermill"), str(greeting), "plain.ipynb"]
    subprocess.run([*command, "-p", "name", "Ada", "-p", "times", "4"], check=True, capture_output=True)
    assert printed("plain.ipynb").startswith("Ada Ada Ada Ada")


def test_output_must_not_be_the_notebook_itself(greeting):
    with pytest.raises(ValueError, match=r"is the notebook itself"):
        run_notebook(greeting, greeting, {"name": "Ada"})


def test_missing_working_folder_is_told(greeting):
    with pytest.raises(FileNotFoundError, match=r"working folder"):
        run_notebook(greeting, None, {"name": "Ada"}, kernel_cwd="nowhere")


def test_unknown_value_of_the_api_is_told_as_an_argument(greeting):
    with pytest.raises(ParameterError, match=r"nam \(argument\)"):
        run_notebook(greeting, None, {"nam": "Ada"})


def test_help_lists_types_defaults_and_comments(greeting, capsys):
    assert main(["run", str(greeting), "--help-parameters"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["name", "(required)", "str", "who", "is", "greeted"]
    assert "Annotated[int, Field(ge=1, le=9)]  how often" in lines[2]


def test_help_of_a_notebook_without_parameters_says_so(make):
    assert describe_parameters(make("a.ipynb", "x = 1")) == "a.ipynb has no parameters"


def test_value_may_begin_with_a_dash(make, cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = make("rate.ipynb", cells.code("rate: float = 1.0", tags=["parameters"]), "print(rate)")
    assert main(["run", str(path), "-p", "rate", "-1e-3"]) == 0
    assert printed("rate.out.ipynb") == "-0.001\n"


def test_name_without_a_value_is_told(greeting, capsys):
    with pytest.raises(SystemExit):
        main(["run", str(greeting), "-p", "name"])
    assert "name has no value; give -p NAME VALUE" in capsys.readouterr().err


def test_output_that_is_a_folder_is_refused_before_the_run(greeting, tmp_path):
    with pytest.raises(ValueError, match=r"is a folder; name a file, such as .*greet\.ipynb"):
        run_notebook(greeting, tmp_path, {"name": "Ada"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "holds a JSON list"),
        ("{}", "without the key `nbformat`"),
        (
            '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
            "format 3; convert it first",
        ),
    ],
)
def test_file_that_is_no_notebook_of_format_4_is_refused(tmp_path, content, message):
    (tmp_path / "old.ipynb").write_text(content)
    with pytest.raises(ValueError, match=message):
        run_notebook(tmp_path / "old.ipynb")


def test_unknown_magic_is_a_failure(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotebookError, match="cell 1") as caught:
        run_notebook(make("magic.ipynb", "%nosuch 3", "print('never')"))
    assert caught.value.first_line == "%nosuch 3"
    assert "never" not in printed("magic.out.ipynb")


def test_ten_thousand_messages_are_all_kept(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_notebook(make("many.ipynb", "for i in range(10_000):\n    print(i, flush=True)"))
    assert printed("many.out.ipynb").split() == [str(i) for i in range(10_000)]


def test_kernel_keeps_what_is_not_yet_fetched(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_notebook(
        make("limit.ipynb", "print(get_ipython().kernel.iopub_thread.socket.sndhwm)\nprint(__name__)")
    )
    assert printed("limit.out.ipynb").split() == ["0", "__main__"]
    executed = nbformat.read("limit.out.ipynb", 4)
    assert [cell.execution_count for cell in executed.cells if cell.cell_type == "code"] == [1]


def test_cell_that_takes_too_long_is_named(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = make("slow.ipynb", "print('before')", "import time\ntime.sleep(60)")
    begun = time.perf_counter()
    with pytest.raises(NotebookError, match=r"cell 2 .*took longer than 2 s"):
        run_notebook(path, cell_seconds=2)
    assert time.perf_counter() - begun < 40
    assert printed("slow.out.ipynb") == "before\n"


@pytest.mark.parametrize("limit", ["cell_seconds", "megabytes"])
def test_limit_that_is_not_above_zero_is_refused(greeting, limit):
    with pytest.raises(ValueError, match=f"{limit} must be above 0"):
        run_notebook(greeting, parameters={"name": "Ada"}, **{limit: 0})


def test_outputs_that_arrive_late_are_named_and_not_lost_in_silence(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mlhelpers.course.runs.run.OUTPUT_SECONDS", 0)
    path = make("many.ipynb", "for i in range(20_000):\n    print(i, flush=True)")
    with pytest.raises(NotebookError, match=r"cell 1 .*outputs had not all arrived"):
        run_notebook(path)
