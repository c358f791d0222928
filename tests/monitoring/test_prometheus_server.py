"""One real server for all its tests; those of its errors need none."""

import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from mlhelpers.monitoring import (
    PrometheusError,
    histogram_quantile,
    load_alerts,
    prometheus_rules,
    promtool_agrees,
    read_buckets,
    running_prometheus,
)
from mlhelpers.serving.metrics import ServiceMetrics

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="install prometheus to run (Debian: apt-get install prometheus)",
)


@pytest.fixture(scope="module")
def exported():
    """A service whose metrics stand still: its address and its text."""
    metrics = ServiceMetrics()
    for number in range(100):
        metrics.observe("/v1/predict", 500 if number < 5 else 200, 0.002 * number)
    text = metrics.render()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", text.decode()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def prometheus(exported):
    rules = prometheus_rules(load_alerts())
    rules["groups"][0]["interval"] = "100ms"
    with running_prometheus([exported[0]], rules=rules, interval_seconds=0.1) as server:
        end = time.monotonic() + 20
        while server.query("mle:instance_down == 0").empty and time.monotonic() < end:
            time.sleep(0.05)
        yield server


@needs_prometheus
def test_service_is_scraped_and_rules_are_evaluated(prometheus):
    assert prometheus.query('up{job="mle"}')["value"].tolist() == [1.0]
    assert prometheus.query("mle:no_requests")["value"].tolist() == [1.0], "nothing arrives any more"


@needs_prometheus
def test_answer_has_a_column_for_each_label(prometheus):
    answer = prometheus.query("sum by (path, status) (mle_requests_total)")
    assert list(answer) == ["path", "status", "value"]
    assert answer["status"].tolist() == ["200", "500"] and answer["value"].tolist() == [95.0, 5.0]
    assert prometheus.query("scalar(vector(2))")["value"].tolist() == [2.0]
    assert prometheus.query("nothing_exports_this").empty


@needs_prometheus
def test_quantile_is_that_of_the_helper(prometheus, exported):
    for q in (0.5, 0.99):
        expression = f"histogram_quantile({q}, sum by (le) (mle_request_seconds_bucket))"
        by_hand = histogram_quantile(read_buckets(exported[1], "mle_request_seconds"), q)
        assert prometheus.query(expression)["value"].item() == pytest.approx(by_hand)


@needs_prometheus
def test_broken_query_says_what_is_wrong(prometheus):
    with pytest.raises(PrometheusError, match="parse error"):
        prometheus.query("sum by (")
    with pytest.raises(PrometheusError, match="the answer is a matrix"):
        prometheus.query("up[1m]")


@pytest.fixture
def program(tmp_path):
    """Make a program that writes to its log and goes on for a minute, or ends with a code."""

    def make(line, end="time.sleep(60)"):
        file = tmp_path / "pretender"
        file.write_text(f"#!{sys.executable}\nimport sys, time\nprint({line!r}, file=sys.stderr)\n{end}\n")
        file.chmod(0o755)
        return str(file)

    return make


@pytest.fixture
def pretender(program):
    """A program that says that it listens where nobody answers."""
    return program('msg="Listening on" component=web address=127.0.0.1:9')


def test_program_that_ends_at_once_is_told_with_its_errors_and_leaves_no_folder(program):
    broken = program("level=info msg=fine\nlevel=error err=rules.yml", "sys.exit(3)")
    before = set(Path(tempfile.gettempdir()).glob("prometheus-*"))
    with (
        pytest.raises(PrometheusError, match=r"ended with code 3:\nlevel=error err=rules.yml$"),
        running_prometheus(["127.0.0.1:9"], executable=broken),
    ):
        pass
    assert set(Path(tempfile.gettempdir()).glob("prometheus-*")) <= before


def test_server_that_is_not_ready_in_time_is_ended(pretender):
    with (
        pytest.raises(PrometheusError, match="not ready within 1 s"),
        running_prometheus(["127.0.0.1:9"], executable=pretender, timeout=1),
    ):
        pass
    assert not [one for one in psutil.Process().children(recursive=True) if pretender in one.cmdline()]


def test_server_ends_with_the_process_that_started_it(pretender):
    code = f"""
        import os, threading, time
        from mlhelpers.monitoring import running_prometheus
        threading.Timer(1.0, os._exit, [0]).start()
        with running_prometheus(["127.0.0.1:9"], executable={pretender!r}): pass
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], timeout=20)
    end = time.monotonic() + 10

    def left():
        return [one for one in psutil.process_iter(["cmdline"]) if pretender in (one.info["cmdline"] or [])]

    while left() and time.monotonic() < end:
        time.sleep(0.05)
    assert not left()


def test_missing_program_is_an_error_that_says_what_to_do():
    with (
        pytest.raises(
            FileNotFoundError, match=r"no-such-program is not installed .*prometheus_client.parser"
        ),
        running_prometheus(["127.0.0.1:9"], executable="no-such-program"),
    ):
        pass


def test_no_target_and_no_interval_are_refused(pretender):
    with (
        pytest.raises(ValueError, match="targets is empty"),
        running_prometheus([], executable=pretender),
    ):
        pass
    with (
        pytest.raises(ValueError, match="interval_seconds must be above 0, got 0"),
        running_prometheus(["127.0.0.1:9"], executable=pretender, interval_seconds=0),
    ):
        pass


RULES = {"groups": [{"name": "g", "rules": [{"alert": "High", "expr": "x > 2", "for": "2m"}]}]}


def test_promtool_says_in_which_minutes_an_alert_fires():
    if shutil.which("promtool") is None:
        pytest.skip("install prometheus to run (Debian: apt-get install prometheus)")
    values = ["_", 1, 3, 3, 3, 3, 1]
    assert promtool_agrees(RULES, {"x": values}, [("High", 3, False), ("High", 4, True), ("High", 6, False)])
    assert not promtool_agrees(RULES, {"x": values}, [("High", 3, True)])


def test_nobody_disagrees_where_promtool_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert promtool_agrees(RULES, {"x": [1]}, [("High", 0, True)])
