"""Dashboard of Grafana, written from the one definition of alerts.

Taught in lesson 7.5 (monitoring a service). ``python -m mlhelpers.monitoring.alerts.grafana`` writes
``deploy/grafana/churn.json``; with ``--check`` it only says whether the file is up to date.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlhelpers.data.artifacts import write_text
from mlhelpers.monitoring.alerts.definition import SIGNALS, AlertDefinition, find_in_course, load_alerts

DASHBOARD, SOURCE = "churn.json", {"type": "prometheus", "uid": "prometheus"}
_UNITS = {"share": "percentunit", "seconds": "s", "probability": "none", "versions": "none"}
_WIDTH, _HEIGHT = 8, 7  # three panels in a row of 24


def grafana_dashboard(definition: AlertDefinition, *, title: str = "Churn service") -> dict[str, Any]:
    """Dashboard with a panel for traffic, latency, answers and load, and one for each signal with its limit.

    Taught in lesson 7.5.

    Parameters
    ----------
    definition : AlertDefinition
        From `load_alerts`; its limits are drawn as lines.
    title : str, default="Churn service"
        Title of the dashboard.

    Returns
    -------
    dict
        For JSON, as Grafana 9 and later import it; asks a data source with the uid ``prometheus``.
    """
    job, window = f'{{job="{definition.service.job}"}}', f"[{definition.service.window_minutes}m]"
    latency = f"sum by (le) (rate(mle_request_seconds_bucket{job}{window}))"
    mean = f"rate(mle_predictions_sum{job}{window}) / rate(mle_predictions_count{job}{window})"
    panels = [
        _panel(
            "Requests per second",
            [(f"sum by (status) (rate(mle_requests_total{job}{window}))", "{{status}}")],
            "reqps",
        ),
        _panel(
            "Time to answer",
            [(f"histogram_quantile({q}, {latency})", name) for q, name in ((0.5, "median"), (0.99, "p99"))],
            "s",
        ),
        _panel("Requests being answered", [(f"sum(mle_in_flight{job})", "in flight")], "none"),
        _panel(
            "Rows per second",
            [(f"sum by (version) (rate(mle_rows_total{job}{window}))", "{{version}}")],
            "none",
        ),
        _panel("Mean probability", [(f"sum by (version) ({mean})", "{{version}}")], "none"),
        _panel("Alerts that fire", [('ALERTS{alertstate="firing"}', "{{alertname}}")], "none"),
    ]
    limits = {alert.signal: alert.raise_above for alert in reversed(definition.alerts)}
    for name in dict.fromkeys(alert.signal for alert in definition.alerts):
        signal = SIGNALS[name]
        legend = " ".join(f"{{{{{label}}}}}" for label in signal.by) or name.replace("_", " ")
        title_of = signal.meaning[:1].upper() + signal.meaning[1:]
        unit = _UNITS.get(signal.unit, "none")
        panels.append(_panel(title_of, [(f"mle:{name}", legend)], unit, limit=limits[name]))
    for number, panel in enumerate(panels):
        row, place = divmod(number, 24 // _WIDTH)
        panel["id"] = number + 1
        panel["gridPos"] = {"x": place * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
    return {
        "uid": "mle-churn",
        "title": title,
        "tags": ["mle"],
        "schemaVersion": 37,
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "panels": panels,
    }


def _panel(
    title: str, queries: list[tuple[str, str]], unit: str, *, limit: float | None = None
) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if limit is not None:
        steps.append({"color": "red", "value": limit})
    style = {"thresholdsStyle": {"mode": "off" if limit is None else "line"}, "fillOpacity": 10}
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": style,
            },
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for at, (expression, legend) in enumerate(queries)
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the dashboard anew, or check it; 1 if the checked file is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m mlhelpers.monitoring.alerts.grafana")
    parser.add_argument(
        "--definition", type=Path, help="YAML file; deploy/alerts.yml of the course without it"
    )
    parser.add_argument(
        "--folder", type=Path, help="where to write; grafana beside the definition without it"
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    source = options.definition or find_in_course(Path("deploy", "alerts.yml"))
    file = (options.folder or source.parent / "grafana") / DASHBOARD
    text = json.dumps(grafana_dashboard(load_alerts(source)), indent=1, ensure_ascii=False) + "\n"
    if not options.check:
        write_text(text, file)
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return 0
    print(f"{file.name} is not what {source.name} says: run python -m mlhelpers.monitoring.alerts.grafana")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
