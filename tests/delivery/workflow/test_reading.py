"""A workflow is read as GitHub reads it, and what is wrong is told with its line."""

import pytest

from mlhelpers.delivery import WorkflowError, read_workflow

GOOD = """
name: ml
on: [push]
env: {MODE: fast}
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - name: test
        id: tests
        run: |
          python -m pytest
  train:
    needs: check
    runs-on: ubuntu-latest
    steps:
      - run: python train.py
  staging:
    needs: [train]
    runs-on: ubuntu-latest
    steps: [{run: echo}]
"""


def test_jobs_steps_and_lines(write):
    workflow = read_workflow(write(GOOD))
    assert workflow.name == "ml" and workflow.settings["on"] == ["push"]
    assert list(workflow.jobs) == ["check", "train", "staging"]
    assert workflow.order() == ["check", "train", "staging"]
    assert workflow.before("staging") == {"check", "train"}
    first, test = workflow.jobs["check"].steps
    assert (first.title, first.line) == ("Run actions/checkout@v5", 9)
    assert (test.title, test.id, test.line) == ("test", "tests", 10)
    assert workflow.jobs["train"].steps[0].title == "Run python train.py"


def test_the_key_on_stays_a_text_and_numbers_are_those_of_github(write):
    steps = """
    - uses: actions/setup-python@v6
      with: {python-version: 3.10, other: "3.10", third: 1.0, fourth: 010}
    """
    path = write(steps=steps)
    assert "on" in read_workflow(path).settings
    given = read_workflow(path).jobs["one"].steps[0].settings["with"]
    assert dict(given) == {"python-version": "3.1", "other": "3.10", "third": "1", "fourth": "010"}
    assert given.changed == {"python-version": "3.10", "third": "1.0"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("runs-on", "runs_on"),
            r"ml.yml, line 7: job 'check': unknown key 'runs_on'; did you mean 'runs-on'",
        ),
        (("jobs:", "job:"), r"line 5: unknown key 'job'; did you mean 'jobs'"),
        (("  train:", "  2train:"), r"line 14: '2train' is no name of a job"),
        (
            ("    runs-on: ubuntu-latest\n    steps:\n      - run: p", "    steps:\n      - run: p"),
            "no `runs-on`",
        ),
        (("        run: |\n          python -m pytest\n", ""), "step 2 needs either `run` or `uses`"),
        (("        id: tests\n", "        id: tests\n        uses: x@v1\n"), "needs either `run` or `uses`"),
        (("name: test", "nam: test"), "line 10: job 'check', step 2: unknown key 'nam'; did you mean 'name'"),
        (("steps: [{run: echo}]", "steps: []"), "job 'staging' has no steps"),
        (("steps: [{run: echo}]", "steps: [echo]"), "step 1 must be a mapping"),
        (("name: ml\n", "name: ml\nname: other\n"), "line 3: the key 'name' stands twice"),
        (("on: [push]\n", ""), "nothing starts it"),
        (("env: {MODE: fast}", "env: {MODE: fast"), "no YAML"),
        (("run: python train.py", "run: python train.py\n        env: fast"), "`env` must be a mapping"),
        (
            ("steps: [{run: echo}]", "steps: [{run: echo, id: a}, {run: echo, id: a}]"),
            "has the id 'a' of another",
        ),
        (
            ("steps: [{run: echo}]", "env: x\n    steps: [{run: echo}]"),
            "job 'staging': `env` must be a mapping",
        ),
        (("on: [push]\n", "on: [push]\n? [a]\n: b\n"), "a key must be a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write, change, message):
    assert change[0] in GOOD
    with pytest.raises(WorkflowError, match=message):
        read_workflow(write(GOOD.replace(*change, 1)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "the file must be a mapping"),
        ("on: push\njobs: {}\n", "it has no job"),
    ],
)
def test_what_is_no_workflow_is_told(write, text, message):
    with pytest.raises(WorkflowError, match=message):
        read_workflow(write(text))


def test_other_encodings_and_missing_files_are_told(tmp_path):
    (tmp_path / "ml.yml").write_bytes("name: Prüfung".encode("latin-1"))
    with pytest.raises(WorkflowError, match=r"ml.yml: not UTF-8"):
        read_workflow(tmp_path / "ml.yml")
    with pytest.raises(FileNotFoundError):
        read_workflow(tmp_path / "none.yml")


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ("tests", "job 'train' needs 'tests', which is no job; the jobs are"),
        ("staging", "wait for each other"),
    ],
)
def test_an_order_that_is_none_is_told(write, needs, message):
    workflow = read_workflow(write(GOOD.replace("needs: check", f"needs: {needs}")))
    with pytest.raises(WorkflowError, match=message):
        workflow.order()


def test_a_reusable_workflow_has_no_steps(write):
    workflow = read_workflow(write("on: push\njobs:\n  one:\n    uses: ./.github/workflows/x.yml\n"))
    assert workflow.jobs["one"].steps == () and workflow.name == "ml.yml"
