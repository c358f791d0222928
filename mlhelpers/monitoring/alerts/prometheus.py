"""Rules and configuration of Prometheus, written from the one definition of alerts.

Taught in lessons 7.5 (monitoring a service) and 9.2 (alerts).
``python -m mlhelpers.monitoring.alerts.prometheus`` writes ``deploy/prometheus``; with ``--check`` it only
says whether the files are up to date.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mlhelpers.data.artifacts import write_text
from mlhelpers.monitoring.alerts.definition import (
    SIGNALS,
    AlertDefinition,
    ServiceAlert,
    find_in_course,
    load_alerts,
)

RULES, CONFIG = "alerts.rules.yml", "prometheus.yml"
_HEAD = "# Written from alerts.yml by `python -m mlhelpers.monitoring.alerts.prometheus`; change that one.\n"
_SHOWN = {
    "share": ("{{ $value | humanizePercentage }}", lambda limit: f"{100 * limit:g}%"),
    "seconds": ("{{ $value | humanizeDuration }}", lambda limit: f"{1000 * limit:g}ms"),
}
_PLAIN = ('{{ $value | printf "%.3g" }}', lambda limit: f"{limit:g}")
_START = "# Start it with `prometheus --config.file=prometheus.yml`.\n"


def prometheus_rules(definition: AlertDefinition) -> dict[str, Any]:
    """Rule group of Prometheus for a definition of alerts.

    Taught in lesson 9.2. The meaning is that of `mlhelpers.monitoring.alert_states` without a cool-down: an
    alert is raised when its signal is above ``raise_above`` now and in `k` of the last `n` evaluations, and
    stays until all of the last `n` are at or below ``clear_below``. Three kinds of rule give that: the signal
    is recorded, then whether it is above, then the alert asks for both and for its own state.

    Parameters
    ----------
    definition : AlertDefinition

    Returns
    -------
    dict
        For YAML: one group whose rules are evaluated in their order.
    """
    service = definition.service
    used = dict.fromkeys(alert.signal for alert in definition.alerts)
    rules: list[dict[str, Any]] = [
        {"record": f"mle:{name}", "expr": SIGNALS[name].expression(service)} for name in used
    ]
    for alert in definition.alerts:
        above = f"mle:{alert.signal} > bool {alert.raise_above:g}"
        rules.append({"record": f"mle:{alert.name}:above", "expr": above})
    rules += [_alert(alert, service.interval_seconds) for alert in definition.alerts]
    group = {"name": "mle", "interval": f"{service.interval_seconds}s", "rules": rules}
    return {"groups": [group]}


def prometheus_config(definition: AlertDefinition) -> dict[str, Any]:
    """Configuration of Prometheus that scrapes the service and loads the rules.

    Taught in lesson 7.5.
    """
    interval = f"{definition.service.interval_seconds}s"
    targets = [{"targets": list(definition.service.targets)}]
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [RULES],
        "scrape_configs": [
            {"job_name": definition.service.job, "metrics_path": "/metrics", "static_configs": targets}
        ],
    }


def write_prometheus(definition: AlertDefinition, folder: str | Path) -> list[Path]:
    """Write the rules and the configuration, each atomically.

    Taught in lesson 9.2.

    Parameters
    ----------
    definition : AlertDefinition
    folder : str or Path
        Such as ``deploy/prometheus``; made if it is not there.

    Returns
    -------
    list of Path
        ``alerts.rules.yml`` and ``prometheus.yml``.
    """
    return [write_text(text, Path(folder) / name) for name, text in _texts(definition).items()]


def _texts(definition: AlertDefinition) -> dict[str, str]:
    made = {RULES: prometheus_rules(definition), CONFIG: prometheus_config(definition)}
    return {
        name: _HEAD
        + (_START if name == CONFIG else "")
        + yaml.safe_dump(content, sort_keys=False, width=10_000, allow_unicode=True)
        for name, content in made.items()
    }


def _alert(alert: ServiceAlert, interval: int) -> dict[str, Any]:
    signal = SIGNALS[alert.signal]
    # Half a step less than n steps holds n evaluations, whichever end of a range counts.
    half_steps = (2 * alert.n - 1) * interval
    span = f"[{half_steps // 2}s]" if half_steps % 2 == 0 else f"[{half_steps * 500}ms]"
    series, by = f"mle:{alert.signal}", ", ".join(signal.by)
    firing = f'ALERTS{{alertname="{alert.name}",alertstate="firing"}}'
    raised = f"{series} > {alert.raise_above:g} and sum_over_time(mle:{alert.name}:above{span}) >= {alert.k}"
    kept = f"max_over_time({series}{span}) > {alert.clear_below:g} and on ({by}) {firing}"
    where = "".join(f", {label} {{{{ $labels.{label} }}}}" for label in signal.by)
    value, limit = _SHOWN.get(signal.unit, _PLAIN)
    return {
        "alert": alert.name,
        "expr": f"({raised}) or ({kept})",
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": f"{signal.meaning}{where}: {value}, limit {limit(alert.raise_above)}",
            "action": alert.action,
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write ``deploy/prometheus`` anew, or check it; 1 if a checked file is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m mlhelpers.monitoring.alerts.prometheus")
    parser.add_argument(
        "--definition", type=Path, help="YAML file; deploy/alerts.yml of the course without it"
    )
    parser.add_argument("--folder", type=Path, help="where to write; beside the definition without it")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    file = options.definition or find_in_course(Path("deploy", "alerts.yml"))
    folder = options.folder or file.parent / "prometheus"
    definition = load_alerts(file)
    if not options.check:
        write_prometheus(definition, folder)
        return 0
    old = [
        name
        for name, text in _texts(definition).items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
    for name in old:
        print(f"{name} is not what {file.name} says: run python -m mlhelpers.monitoring.alerts.prometheus")
    return int(bool(old))


if __name__ == "__main__":
    raise SystemExit(main())
