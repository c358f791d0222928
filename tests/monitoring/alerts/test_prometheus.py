import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mlhelpers.monitoring.alerts import (
    AlarmRule,
    alarm_states,
    load_alerts,
    parse_alerts,
    prometheus_rules,
    write_prometheus,
)
from mlhelpers.monitoring.alerts.prometheus import main
from mlhelpers.serving.metrics import ServiceMetrics

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "prometheus"


def promtool(*arguments, cwd):
    if shutil.which("promtool") is None:
        pytest.skip("install prometheus to run (Debian: apt-get install prometheus)")
    return subprocess.run(["promtool", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


def test_files_are_what_the_definition_says(capsys, tmp_path):
    assert main(["--check"]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert "alerts.rules.yml is not what alerts.yml says" in capsys.readouterr().out
    assert main(["--folder", str(tmp_path)]) == 0
    for name in ("alerts.rules.yml", "prometheus.yml"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_every_metric_of_the_rules_is_one_that_the_service_has():
    text = ServiceMetrics().render().decode()
    families = set(re.findall(r"^# TYPE (\S+)", text, flags=re.MULTILINE))
    names = {f"{f}{end}" for f in families for end in ("", "_bucket", "_sum", "_count", "_total")}
    rules = prometheus_rules(load_alerts())["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"\bmle_\w+", rule["expr"])}
    assert asked
    assert asked <= names


def test_labels_that_an_alert_tells_apart_are_in_its_text():
    rules = prometheus_rules(load_alerts())["groups"][0]["rules"]
    moved = next(rule for rule in rules if rule.get("alert") == "PredictionsMoved")
    assert "{{ $labels.version }}" in moved["annotations"]["description"]
    assert moved["labels"] == {"severity": "ticket"}


def test_promtool_accepts_rules_and_configuration():
    for kind in ("rules", "config"):
        name = "alerts.rules.yml" if kind == "rules" else "prometheus.yml"
        answer = promtool("check", kind, name, cwd=FOLDER)
        assert answer.returncode == 0, answer.stderr


def test_alerts_are_raised_and_cleared_where_the_scenarios_say():
    answer = promtool("test", "rules", "alerts_test.yml", cwd=FOLDER)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_is_raised_in_a_scenario():
    scenarios = (FOLDER / "alerts_test.yml").read_text()
    for alert in load_alerts().alerts:
        raised = f'alertname="{alert.name}",alertstate="firing"' in scenarios
        assert raised or f"- alertname: {alert.name}" in scenarios, alert.name


@pytest.mark.parametrize(("k", "n", "seconds"), [(1, 1, 60), (2, 3, 60), (5, 5, 15), (2, 3, 7)])
def test_prometheus_and_python_raise_and_clear_in_the_same_steps(k, n, seconds, tmp_path):
    plain = yaml.safe_load((FOLDER.parent / "alerts.yml").read_text())
    alert = {
        "name": "Down", "signal": "instance_down", "raise_above": 0.5, "clear_below": 0.25, "k": k, "n": n,
        "severity": "page", "summary": "s", "action": "a",
    }  # fmt: skip
    plain["alerts"], plain["service"]["interval_seconds"] = [alert], seconds
    write_prometheus(parse_alerts(plain), tmp_path)
    rng = np.random.default_rng(k + n)
    levels = rng.choice([0.0, 0.125, 0.375, 0.625, 1.0], (60, 6))
    figures = pd.DataFrame(levels).add_prefix("i")
    figures = figures.where(rng.random(figures.shape) < 0.3).ffill().fillna(0.0)  # a level stays for a while
    expected = pd.concat(
        [alarm_states(figures[[i]], 0.5, rule=AlarmRule(k, n, 0, clear=0.5)) for i in figures], axis=1
    )
    assert 0.1 < expected.to_numpy().mean() < 0.9
    firing = 'ALERTS{alertname="Down",alertstate="firing"}'
    checks = []
    for step, row in expected.iterrows():
        samples = [
            {"labels": f'{firing[:-1]},instance="{i}",severity="page"}}', "value": 1}
            for i in figures
            if row[i]
        ]
        checks.append({"expr": firing, "eval_time": f"{step * seconds}s", "exp_samples": samples})
    series = [
        {"series": f'up{{job="mle",instance="{i}"}}', "values": " ".join(str(1 - v) for v in figures[i])}
        for i in figures
    ]
    test = {"interval": f"{seconds}s", "input_series": series, "promql_expr_test": checks}
    content = {"rule_files": ["alerts.rules.yml"], "evaluation_interval": f"{seconds}s", "tests": [test]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(content))
    answer = promtool("test", "rules", "test.yml", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
