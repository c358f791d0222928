"""A real Prometheus for as long as a block lasts: it scrapes services of this machine and answers PromQL.

Taught in lesson 7.5 (monitoring a service). Needs the program ``prometheus`` (Debian: package of that name).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import pandas as pd

_POLL = 0.05
# Runs a program and ends it when the pipe from the process that wanted it closes. If that process was killed,
# nobody else removes the folder.
_GUARD = """
import shutil, subprocess, sys, threading
folder, *command = sys.argv[1:]
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
closed = threading.Event()
def end():
    sys.stdin.buffer.read()
    closed.set()
    child.terminate()
threading.Thread(target=end, daemon=True).start()
code = child.wait()
if closed.is_set():
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(code)
"""


class PrometheusError(RuntimeError):
    """Prometheus did not start, or could not answer a query."""


@dataclass
class Prometheus:
    """A running Prometheus.

    Attributes
    ----------
    url : str
        Address, such as ``http://127.0.0.1:40123``.
    process : subprocess.Popen
        The process that guards it.
    """

    url: str
    process: subprocess.Popen = field(repr=False)

    def query(self, expression: str, *, timeout: float = 10.0) -> pd.DataFrame:
        """Ask for the value of an expression now, over the HTTP API.

        Parameters
        ----------
        expression : str
            PromQL whose answer is a number or one number for each series.
        timeout : float, default=10.0
            Seconds.

        Returns
        -------
        DataFrame of shape (n_series, n_labels + 1)
            A column for each label in the order of their names, and ``value`` (float). Without a series it
            has no row.

        Raises
        ------
        PrometheusError
            If the expression cannot be read or has an answer of another kind; carries what Prometheus says.
        """
        import pandas as pd
        import requests

        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=timeout)
        told = answer.json()
        if told["status"] != "success":
            raise PrometheusError(f"{expression}: {told['error']}")
        kind, result = told["data"]["resultType"], told["data"]["result"]
        if kind == "scalar":
            result = [{"metric": {}, "value": result}]
        elif kind != "vector":
            raise PrometheusError(f"{expression}: the answer is a {kind}; ask for one number for each series")
        labels = sorted({name for series in result for name in series["metric"]})
        rows = [{**series["metric"], "value": float(series["value"][1])} for series in result]
        table = pd.DataFrame(rows, columns=[*labels, "value"]).astype({"value": float})
        return table.sort_values(labels, ignore_index=True) if labels else table


@contextmanager
def running_prometheus(
    targets: Sequence[str],
    *,
    rules: Mapping[str, Any] | None = None,
    job: str = "mle",
    interval_seconds: float = 1.0,
    executable: str = "prometheus",
    timeout: float = 30.0,
) -> Iterator[Prometheus]:
    """Start a real Prometheus on a free port of 127.0.0.1, with a data folder of its own.

    Taught in lesson 7.5.

    Parameters
    ----------
    targets : sequence of str
        Services to scrape at ``/metrics``, as address or ``host:port``.
    rules : mapping, optional
        Groups of rules, such as those of `prometheus_rules`.
    job : str, default="mle"
        Value of the label ``job``.
    interval_seconds : float, default=1.0
        Between two scrapes, and between two evaluations of groups that do not say.
    executable : str, default="prometheus"
        Program to start.
    timeout : float, default=30.0
        Seconds to wait until it is ready.

    Yields
    ------
    Prometheus
        Ready to answer. It and its folder are gone after the block, and soon after this process ended.

    Raises
    ------
    FileNotFoundError
        If the program is not there.
    ValueError
        If there is no target, or the interval is not above 0.
    PrometheusError
        If it is not ready in time, such as for a rule that it cannot read; carries the end of its log.
    """
    import yaml

    program = shutil.which(executable)
    if program is None:
        raise FileNotFoundError(
            f"{executable} is not installed (Debian: apt-get install prometheus); without it, read the text "
            "of /metrics with prometheus_client.parser"
        )
    hosts = [urlsplit(target).netloc if "://" in target else target for target in targets]
    if not hosts:
        raise ValueError("targets is empty: name at least one service, such as '127.0.0.1:8000'")
    if not interval_seconds > 0:
        raise ValueError(f"interval_seconds must be above 0, got {interval_seconds}")
    step = f"{max(1, round(1000 * interval_seconds))}ms"
    config: dict[str, Any] = {
        "global": {"scrape_interval": step, "scrape_timeout": step, "evaluation_interval": step},
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": hosts}]}],
    }
    folder = Path(tempfile.mkdtemp(prefix="prometheus-"))
    try:
        if rules is not None:
            (folder / "rules.yml").write_text(yaml.safe_dump(dict(rules), sort_keys=False))
            config["rule_files"] = ["rules.yml"]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [program, "--config.file", str(folder / "prometheus.yml")]
        command += ["--storage.tsdb.path", str(folder / "data"), "--web.listen-address", "127.0.0.1:0"]
        log = folder / "log"
        with log.open("wb") as errors:
            guard = [sys.executable, "-c", _GUARD, str(folder), *command]
            process = subprocess.Popen(
                guard, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
            )
        try:
            yield Prometheus(_wait_until_ready(process, log, timeout), process)
        finally:
            process.stdin.close()  # the guard ends Prometheus
            process.wait(timeout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def promtool_agrees(
    rules: Mapping[str, Any],
    series: Mapping[str, Sequence[float | str]],
    moments: Sequence[tuple[str, int, bool]],
) -> bool:
    """Whether ``promtool test rules`` finds each alert firing, or silent, in its minutes.

    Taught in lesson 7.5.

    Parameters
    ----------
    rules : mapping
        Groups of rules, such as those of `prometheus_rules`.
    series : mapping of str to sequence
        Value of each series in each minute from 0 on, ``"_"`` for none; the series as PromQL writes it.
    moments : sequence of (str, int, bool)
        Name of an alert, minute, whether it fires then.

    Returns
    -------
    bool
        True without a look where promtool is not installed.
    """
    import yaml

    program = shutil.which("promtool")
    if program is None:
        return True
    checks = [
        {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": int(fires)}],
        }
        for name, minute, fires in moments
    ]
    given = [{"series": name, "values": " ".join(map(str, values))} for name, values in series.items()]
    test = {"interval": "1m", "input_series": given, "promql_expr_test": checks}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yml").write_text(yaml.safe_dump(dict(rules), sort_keys=False))
        content = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
        (Path(folder) / "test.yml").write_text(yaml.safe_dump(content, sort_keys=False))
        command = [program, "test", "rules", "test.yml"]
        return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


def _wait_until_ready(process: subprocess.Popen, log: Path, timeout: float) -> str:
    import requests

    end, text, ended = time.monotonic() + timeout, "", False
    while time.monotonic() < end:
        ended = process.poll() is not None
        text = log.read_text(errors="replace") if log.exists() else text
        if ended:
            break
        listening = re.search(r'msg="Listening on".*?address=(\S+).*\n', text)
        if listening:
            url = f"http://{listening[1]}"
            try:
                if requests.get(f"{url}/-/ready", timeout=1).status_code == 200:
                    return url
            except requests.RequestException:
                pass  # listening but not yet answering
        time.sleep(_POLL)
    lines = text.splitlines()
    wrong = [line for line in lines if re.search(r"level=error|level=warn", line, re.IGNORECASE)] or lines
    state = f"ended with code {process.returncode}" if ended else f"was not ready within {timeout:g} s"
    raise PrometheusError(f"Prometheus {state}:\n" + "\n".join(wrong[-10:]))
