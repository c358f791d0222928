"""What of the service's metrics is watched: each signal as a PromQL expression whose high values are bad.

Taught in lessons 7.5 (monitoring a service) and 9.2 (alerts).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Signal:
    """One watched quantity.

    Attributes
    ----------
    meaning : str
        In words.
    unit : str
        "share", "seconds", "probability", "versions" or "yes or no" (1 or 0).
    by : tuple of str
        Labels that tell several values apart; one alert can be raised for each.
    expression : callable
        Takes the ``service`` part of a definition, returns PromQL.
    """

    meaning: str
    unit: str
    by: tuple[str, ...]
    expression: Callable[[Any], str]


def _chosen(service: Any, status: str = "") -> str:
    paths = "|".join(service.paths)
    more = f',status=~"{status}"' if status else ""
    return f'{{job="{service.job}",path=~"{paths}"{more}}}'


def _share(status: str) -> Callable[[Any], str]:
    def expression(service: Any) -> str:
        window = f"[{service.window_minutes}m]"
        some = f"sum(rate(mle_requests_total{_chosen(service, status)}{window}))"
        return f"{some} / sum(rate(mle_requests_total{_chosen(service)}{window}))"

    return expression


def _latency(service: Any) -> str:
    rate = f"rate(mle_request_seconds_bucket{_chosen(service)}[{service.window_minutes}m])"
    return f"histogram_quantile(0.99, sum by (le, path) ({rate}))"


def _silence(service: Any) -> str:
    rate = f"sum(rate(mle_requests_total{_chosen(service)}[{service.window_minutes}m]))"
    return f"({rate} or vector(0)) == bool 0"


def _refused_cells(service: Any) -> str:
    job, window = f'{{job="{service.job}"}}', f"[{service.window_minutes}m]"
    cells = f"sum by (column) (rate(mle_validation_errors_total{job}{window}))"
    rows = f"(sum(rate(mle_rows_total{job}{window})) or vector(0))"
    return f"{cells} / (({cells}) + on () group_left () {rows})"


def _prediction_shift(service: Any) -> str:
    job, window = f'{{job="{service.job}"}}', f"[{service.prediction_minutes}m]"
    total = f"sum by (version) (increase(mle_predictions_sum{job}{window}))"
    count = f"sum by (version) (increase(mle_predictions_count{job}{window}))"
    enough = f"{count} >= {service.prediction_rows}"
    return f"abs({total} / {count} - {service.prediction_mean:g}) and {enough}"


def _versions(service: Any) -> str:
    return f'count by (role) (count by (role, version, bundle) (mle_model_info{{job="{service.job}"}} == 1))'


def _down(service: Any) -> str:
    return f'1 - min by (instance) (up{{job="{service.job}"}})'


SIGNALS: dict[str, Signal] = {
    "error_share": Signal("answers with status 5xx", "share", (), _share("5..")),
    "refused_share": Signal("requests refused for load (429, 503)", "share", (), _share("429|503")),
    "invalid_share": Signal("requests refused for their content (400, 422)", "share", (), _share("400|422")),
    "invalid_cells": Signal("rows whose value of a column is refused", "share", ("column",), _refused_cells),
    "latency_p99": Signal("99th percentile of the time to answer", "seconds", ("path",), _latency),
    "prediction_shift": Signal(
        "distance of the mean probability from that of training",
        "probability",
        ("version",),
        _prediction_shift,
    ),
    "no_requests": Signal("no request arrives", "yes or no", (), _silence),
    "model_versions": Signal("models at once in one role", "versions", ("role",), _versions),
    "instance_down": Signal("an instance cannot be scraped", "yes or no", ("instance",), _down),
}
