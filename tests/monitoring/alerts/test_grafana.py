"""Every panel asks for what the service exports, and every alert has a panel with its limit."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from mlhelpers.monitoring.alerts import grafana_dashboard, load_alerts, prometheus_rules
from mlhelpers.monitoring.alerts.grafana import DASHBOARD, main
from mlhelpers.serving.metrics import ServiceMetrics

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture(scope="module")
def dashboard():
    return json.loads((DEPLOY / "grafana" / DASHBOARD).read_text(encoding="utf-8"))


def queries(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_file_is_what_the_definition_says(capsys, tmp_path):
    assert main(["--check"]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert "churn.json is not what alerts.yml says" in capsys.readouterr().out
    assert main(["--folder", str(tmp_path)]) == 0
    assert (tmp_path / DASHBOARD).read_bytes() == (DEPLOY / "grafana" / DASHBOARD).read_bytes()


def test_no_panel_asks_for_what_nobody_exports(dashboard):
    text = ServiceMetrics().render().decode()
    families = set(re.findall(r"^# TYPE (\S+)", text, flags=re.MULTILINE))
    exported = {f"{f}{end}" for f in families for end in ("", "_bucket", "_sum", "_count", "_total")}
    rules = prometheus_rules(load_alerts())["groups"][0]["rules"]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    asked = {name for query in queries(dashboard) for name in re.findall(r"\bmle[:_]\w+", query)}
    assert len(asked) > 10
    assert asked <= exported | recorded
    assert "mle:made_up" not in recorded


def test_every_signal_has_a_panel_with_the_limit_of_its_alert(dashboard):
    limits = {
        panel["targets"][0]["expr"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
        for panel in dashboard["panels"]
    }
    for alert in load_alerts().alerts:
        assert limits[f"mle:{alert.signal}"] == alert.raise_above, alert.name


def test_panels_do_not_overlap_and_have_numbers_of_their_own(dashboard):
    places = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not places & cells and at["x"] + at["w"] <= 24, panel["title"]
        places |= cells
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert len({panel["title"] for panel in dashboard["panels"]}) == len(numbers)


def test_promtool_reads_every_query(dashboard, tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("install prometheus to run (Debian: apt-get install prometheus)")
    rules = [{"record": f"panel:q{at}", "expr": query} for at, query in enumerate(queries(dashboard))]

    def checked(rules):
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
        command = ["promtool", "check", "rules", "rules.yml"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    answer = checked(rules)
    assert answer.returncode == 0, answer.stderr
    assert checked([{"record": "panel:broken", "expr": "sum by (rate("}]).returncode != 0


def test_title_and_another_job_reach_the_queries():
    definition = load_alerts()
    other = definition.model_copy(update={"service": definition.service.model_copy(update={"job": "fraud"})})
    made = grafana_dashboard(other, title="Fraud")
    assert made["title"] == "Fraud"
    assert 'rate(mle_requests_total{job="fraud"}' in queries(made)[0]
