import copy

import pytest
import yaml

from mlhelpers.monitoring.alerts import AlarmRule, AlertsError, load_alerts, parse_alerts
from mlhelpers.monitoring.alerts.definition import find_in_course

PLAIN = {
    "service": {"job": "mle", "targets": ["a:1"], "paths": ["/v1/predict"], "prediction_mean": 0.2},
    "weekly": {"data": {"severity": "ticket", "action": "Look."}},
    "alerts": [
        {
            "name": "Errors", "signal": "error_share", "raise_above": 0.01, "clear_below": 0.005,
            "severity": "page", "summary": "Fails", "action": "Roll back.",
        },
    ],
    "routes": {"log": {"kind": "log"}},
    "severities": {"page": ["log"], "ticket": ["log"]},
}  # fmt: skip


def changed(place, value):
    """Definition with one value replaced; `place` as in the error messages, with dots."""
    plain = copy.deepcopy(PLAIN)
    *path, last = place.split(".")
    inside = plain
    for part in path:
        inside = inside[int(part) if part.isdigit() else part]
    inside[last] = value
    return plain


def test_definition_of_the_course_can_be_used():
    definition = load_alerts()
    asked = {"error_share", "latency_p99", "invalid_share", "prediction_shift", "no_requests"}
    assert asked | {"refused_share", "model_versions"} <= {alert.signal for alert in definition.alerts}
    assert definition.weekly["data"].rule == AlarmRule(2, 3, 4, clear=0.8)


def test_table_shows_limits_and_escapes_names():
    shown = parse_alerts(changed("alerts.0.severity", "page"))._repr_html_()
    assert "<td>Errors</td><td>error_share</td><td>0.01</td><td>0.005</td><td>5 of 5</td>" in shown


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("alerts.0.signal", "error_shar", "alerts[0]: no signal 'error_shar'; did you mean 'error_share'?"),
        ("alerts.0.signal", "zzz", "there are error_share, refused_share"),
        ("alerts.0.clear_below", 0.02, "alerts[0]: clear_below 0.02 is above raise_above 0.01"),
        ("alerts.0.k", 6, "alerts[0]: k must be at most n, got k=6 and n=5"),
        ("alerts.0.name", "my alert", "alerts[0].name: got 'my alert'"),
        ("alerts.0.severity", "pager", "alerts: Errors: no severity 'pager'; did you mean 'page'?"),
        ("alerts.0.rase_above", 1, "alerts[0].rase_above: no such key (value 1)"),
        ("alerts.0.raise_above", float("nan"), "alerts[0].raise_above: got nan"),
        ("weekly.data", {"severity": "ticket"}, "weekly.data.action: missing; write it down"),
        ("weekly.data.k", 4, "weekly.data: k must be from 1 to n, got k=4 and n=3"),
        ("severities.page", ["lgo"], "severities.page: no route 'lgo'; did you mean 'log'?"),
        ("routes.log.kind", "pigeon", "routes.log.kind: got 'pigeon'"),
        ("routes.hook", {"kind": "webhook"}, "routes.hook: a webhook needs either url or url_env"),
        ("routes.mail", {"kind": "email"}, "routes.mail: an email needs sender and to"),
        ("service.prediction_mean", 22, "service.prediction_mean: got 22; input should be less than"),
        ("service.interval_seconds", 600, "service.interval_seconds: got 600"),
        ("service.paths", ["/a|b"], "service.paths[0]: got '/a|b'"),
    ],
)
def test_each_fault_is_named_with_its_place(place, value, message):
    with pytest.raises(AlertsError) as error:
        parse_alerts(changed(place, value), source="alerts.yml")
    assert message in str(error.value)
    assert str(error.value).startswith("alerts.yml: ")


def test_same_name_twice_is_refused():
    with pytest.raises(AlertsError, match="alerts: Errors stands there twice"):
        parse_alerts(changed("alerts", PLAIN["alerts"] * 2))


def test_all_faults_are_told_at_once():
    plain = changed("alerts.0.k", 6) | {"routes": {}}
    with pytest.raises(AlertsError) as error:
        parse_alerts(plain)
    assert len(str(error.value).splitlines()) == 2


def test_text_that_is_no_definition_is_refused():
    with pytest.raises(AlertsError, match="no valid YAML"):
        parse_alerts("a: [")
    with pytest.raises(AlertsError, match="expected keys with values, got list"):
        parse_alerts("[1]")


def test_file_is_read_and_a_missing_one_is_named(tmp_path, monkeypatch):
    path = tmp_path / "mine.yml"
    path.write_text(yaml.safe_dump(PLAIN))
    assert load_alerts(path).alerts[0].name == "Errors"
    with pytest.raises(FileNotFoundError, match="no definition of alerts"):
        load_alerts(tmp_path / "none.yml")
    monkeypatch.chdir(tmp_path)
    assert load_alerts().service.job == "mle"  # the one beside the package
    with pytest.raises(FileNotFoundError, match="no no/such in"):
        find_in_course(path.relative_to(tmp_path).parent / "no" / "such")
