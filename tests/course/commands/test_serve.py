"""`mle serve` hands its options to the service and becomes it."""

import os
import subprocess
import sys

import pytest

from mlhelpers.course.commands.cli import main

EXPECTED = [sys.executable, "-m", "mlhelpers.serving.server", "bundle", "--port", "0"]


@pytest.mark.skipif(os.name != "posix", reason="a process cannot become another one here")
def test_process_becomes_the_service(monkeypatch):
    became = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: became.append((path, arguments)))
    monkeypatch.setattr(subprocess, "call", lambda arguments: 0)
    main(["serve", "bundle", "--port", "0"])
    assert became == [(sys.executable, EXPECTED)]


def test_where_that_cannot_be_the_exit_code_is_the_services(monkeypatch):
    monkeypatch.setattr(os, "name", "nt")
    called = []
    monkeypatch.setattr(subprocess, "call", lambda arguments: called.append(arguments) or 7)
    assert main(["serve", "bundle", "--port", "0"]) == 7
    assert called == [EXPECTED]
