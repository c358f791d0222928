"""`mle serve`, `mle score` and `mle bundle` hand their options to their module and become it."""

import os
import subprocess
import sys

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.commands.stage import MODULES

EXPECTED = [sys.executable, "-m", "mlhelpers.serving.server", "bundle", "--port", "0"]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot become another one here")
def test_process_becomes_the_service(monkeypatch):
    became = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: became.append((path, arguments)))
    monkeypatch.setattr(subprocess, "call", lambda arguments: 0)
    main(["serve", "bundle", "--port", "0"])
    assert became == [(sys.executable, EXPECTED)]


def test_where_that_cannot_be_the_exit_code_is_the_services(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    called = []
    monkeypatch.setattr(subprocess, "call", lambda arguments: called.append(arguments) or 7)
    assert main(["serve", "bundle", "--port", "0"]) == 7
    assert called == [EXPECTED]


@pytest.fixture
def never(monkeypatch):
    """No service is started."""
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("a service was started"))
    monkeypatch.setattr(subprocess, "call", lambda *_: pytest.fail("a service was started"))


BUNDLE = "pipelines/churn/artifacts/package/bundle"


@pytest.mark.parametrize("words", [[BUNDLE], ["--port", "0", BUNDLE], ["other", f"--canary={BUNDLE}"]])
def test_bundle_that_the_pipeline_has_yet_to_make_is_told(course, never, words, capsys):
    assert main(["serve", *words]) == 2
    told = capsys.readouterr().err
    assert told == f"mle serve: there is no {BUNDLE} yet; `make pipeline` makes it in a few minutes\n"


def test_without_a_bundle_an_example_is_named(course, never, capsys):
    assert main(["serve"]) == 2
    assert f"which bundle? Give its folder, such as {BUNDLE}" in capsys.readouterr().err
    (course / BUNDLE).mkdir(parents=True)
    assert main(["serve"]) == 2
    assert "make pipeline" not in capsys.readouterr().err


def test_bundle_that_is_below_another_folder_is_found(course, never, monkeypatch, capsys):
    (course / BUNDLE).mkdir(parents=True)
    monkeypatch.chdir(course / "notebooks")
    assert main(["serve", BUNDLE]) == 2
    assert f"it is at {course / BUNDLE}" in capsys.readouterr().err


@pytest.mark.parametrize("name", MODULES)
def test_module_of_each_command_is_there_and_says_what_it_takes(name):
    program = [sys.executable, "-m", MODULES[name], "--help"]
    told = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"usage: mle {name} ")


@pytest.mark.parametrize(
    ("name", "asked"), [("score", "give BUNDLE INPUT OUTPUT"), ("bundle", "give an action")]
)
def test_without_words_a_command_says_what_it_wants(course, never, capsys, name, asked):
    assert main([name]) == 2
    assert f"mle {name}: {asked}" in capsys.readouterr().err
