"""The checks of benchmarks/reliability.py, each with few requests."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from mlhelpers.packaging import build_bundle

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")


@pytest.fixture(scope="module")
def checks():
    path = ROOT / "benchmarks" / "reliability.py"
    spec = importlib.util.spec_from_file_location("reliability", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["reliability"] = module  # where its dataclasses are looked up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["reliability"]


@pytest.fixture(scope="module")
def other(parts, tmp_path_factory):
    return build_bundle(tmp_path_factory.mktemp("other") / "bundle", **parts | {"version": "2.0.0"})


def test_generated_requests_meet_the_openapi_document(checks, built):
    found = checks.check_schema(built, examples=4, key=True)
    assert found.requests > 100
    assert found.errors == 0, found.result


def test_parser_gives_rows_or_refuses(checks, built):
    found = checks.check_parser(built, examples=400)
    assert found.requests >= 400


def test_hostile_bodies_are_refused(checks, built):
    found = checks.check_bodies(built, rounds=1)
    assert found.errors == 0, found.result


def test_clients_that_vanish_leave_nothing_behind(checks, built):
    found = checks.check_dropped(built, drops=100)
    assert found.errors == 0, found.result


def test_slow_clients_stop_nobody(checks, built):
    found = checks.check_slow(built, clients=5, seconds=11.5)
    assert found.errors == 0, found.result


def test_model_is_exchanged_without_a_lost_request(checks, built, other):
    found = checks.check_replaced(built, other, rounds=1)
    assert found.errors == 0, found.result


def test_killed_worker_is_replaced(checks, built):
    found = checks.check_killed(built, kills=1)
    assert found.errors == 0, found.result


@pytest.mark.parametrize("workers", [1, 2])
def test_graceful_stop_loses_nothing(checks, built, workers):
    found = checks.check_stopped(built, stops=1, workers=workers)
    assert found.errors == 0, found.result


def test_service_recovers_from_its_limits(checks, built):
    found = checks.check_limits(built, seconds=1, bulks=[4])
    assert found.errors == 0, found.result


def test_steady_load_is_answered(checks, built):
    found = checks.check_soak(built, seconds=2, probe=1)
    assert found.errors == 0, found.result


def test_an_error_is_counted_as_one(checks):
    load = checks.Load(1, b"")
    load.statuses.update([200, 200, 422, 500])
    load.lost = 3
    assert (load.number, load.bad(), load.bad(200, 422)) == (7, 5, 4)
    assert checks.Outcome("a", 1000, 2, "b").line() == "| a | 1,000 | 2 | b |"


def test_document_holds_the_counts_of_every_check():
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    table = text.split("<!-- counts -->")[1].split("<!-- end of counts -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 12
    assert all(re.fullmatch(r"\| .+ \| [\d,]+ \| [\d,]+ \| .+ \|", row) for row in rows)
