"""What a service did between two scrapes of its ``/metrics``, and which queries would find data there.

Taught in lesson 7.5 (monitoring a service), where no Prometheus runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlhelpers.monitoring.alerts import AlarmRule, alarm_states
from mlhelpers.monitoring.histograms import bucket_increase, histogram_quantile, read_buckets

if TYPE_CHECKING:
    import pandas as pd

    from mlhelpers.monitoring.alerts import AlertDefinition


def total(text: str, metric: str, **labels: str) -> float:
    """Sum of a metric over its series in the text of ``/metrics``.

    Taught in lesson 7.5.

    Parameters
    ----------
    text : str
        In Prometheus' text format.
    metric : str
        Name of the samples, such as ``mle_requests_total``.
    **labels : str
        Only series whose labels match these regular expressions as a whole, such as ``status="5.."``.

    Returns
    -------
    float
        0 if there is no such series.
    """
    return sum(
        value
        for name, found, value in _samples(text)
        if name == metric and all(re.fullmatch(how, found.get(label, "")) for label, how in labels.items())
    )


def service_signals(
    before: str, after: str, *, prediction_mean: float, path: str = "/v1/predict"
) -> dict[str, float]:
    """Signals of the service from what was counted between two scrapes.

    Taught in lesson 7.5.

    Parameters
    ----------
    before, after : str
        Text of ``/metrics`` at two times; the service was not started anew between them.
    prediction_mean : float
        Mean probability of training.
    path : str, default="/v1/predict"
        Of the requests.

    Returns
    -------
    dict of str to float
        ``median`` and ``latency_p99`` in seconds, ``error_share``, ``mean`` of the probabilities, and
        ``prediction_shift``, its distance from that of training. NaN where nothing was counted.

    Raises
    ------
    ValueError
        If `after` has no request of the path.
    """

    def new(metric: str, **labels: str) -> float:
        return total(after, metric, **labels) - total(before, metric, **labels)

    here = re.escape(path)
    then = {} if not total(before, "mle_request_seconds_count", path=here) else _latency(before, path)
    buckets = bucket_increase(then, _latency(after, path))
    mean = _ratio(new("mle_predictions_sum"), new("mle_predictions_count"))
    errors, all_answers = (
        new("mle_requests_total", status="5..", path=here),
        new("mle_requests_total", path=here),
    )
    return {
        "median": histogram_quantile(buckets, 0.5),
        "latency_p99": histogram_quantile(buckets, 0.99),
        "error_share": _ratio(errors, all_answers),
        "mean": mean,
        "prediction_shift": abs(mean - prediction_mean),
    }


def signals_over_time(
    texts: Sequence[str], *, prediction_mean: float, window: int = 5, prediction_window: int = 60
) -> pd.DataFrame:
    """Signals at each of several scrapes, each over the scrapes of a window before it.

    Taught in lesson 7.5.

    Parameters
    ----------
    texts : sequence of str
        Texts of ``/metrics``, one a minute.
    prediction_mean : float
        Mean probability of training.
    window : int, default=5
        Minutes that latency, errors and the mean look back; fewer at the beginning.
    prediction_window : int, default=60
        Minutes that ``prediction_shift`` looks back.

    Returns
    -------
    DataFrame of shape (len(texts) - 1, 7)
        Indexed by the minute from 1 on: the columns of `service_signals`, and ``200`` and ``500``, the
        answers a second with these statuses.

    Raises
    ------
    ValueError
        If there are fewer than two texts, or a window is below 1.
    """
    import pandas as pd

    if len(texts) < 2:
        raise ValueError(f"signals need at least two scrapes, got {len(texts)}")
    if window < 1 or prediction_window < 1:
        raise ValueError(f"windows must be at least 1, got {window} and {prediction_window}")
    rows = []
    for minute, now in enumerate(texts[1:], start=1):
        then, long_ago = (texts[max(0, minute - size)] for size in (window, prediction_window))
        row = service_signals(then, now, prediction_mean=prediction_mean)
        row["prediction_shift"] = service_signals(long_ago, now, prediction_mean=prediction_mean)[
            "prediction_shift"
        ]
        for status in ("200", "500"):
            new = total(now, "mle_requests_total", status=status) - total(
                then, "mle_requests_total", status=status
            )
            row[status] = new / 60 / min(window, minute)
        rows.append(row)
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(texts), name="minute"))


def alerts_over_time(figures: pd.DataFrame, definition: AlertDefinition) -> pd.DataFrame:
    """Whether each alert is raised in each minute, by the same rules as Prometheus.

    Taught in lesson 7.5.

    Parameters
    ----------
    figures : DataFrame of shape (n_minutes, n_signals)
        Signals in the columns, such as those of `signals_over_time`.
    definition : AlertDefinition
        From `load_alerts`; alerts whose signal is no column are left out.

    Returns
    -------
    DataFrame of bool of shape (n_minutes, n_alerts)
    """
    import pandas as pd

    states = {}
    for alert in definition.alerts:
        if alert.signal in figures and alert.raise_above:
            rule = AlarmRule(alert.k, alert.n, 0, clear=alert.clear_below / alert.raise_above)
            states[alert.name] = alarm_states(figures[[alert.signal]], alert.raise_above, rule=rule)[
                alert.signal
            ]
    return pd.DataFrame(states, index=figures.index)


def finds_data(query: str, text: str, rules: Mapping[str, Any] | None = None) -> bool:
    """Whether a query could find data in a service's text: its metrics and statuses are there.

    Taught in lesson 7.5. It reads the names and the patterns of ``status`` in the query, no more of PromQL.

    Parameters
    ----------
    query : str
        PromQL.
    text : str
        Text of ``/metrics``.
    rules : mapping, optional
        Groups of rules, as `prometheus_rules` makes them; the series they record are replaced by their
        expressions.

    Returns
    -------
    bool
    """
    groups = rules["groups"] if rules else []
    recorded = {
        rule["record"]: rule["expr"] for group in groups for rule in group["rules"] if "record" in rule
    }
    full = re.sub(r"\bmle:[\w:]+", lambda name: recorded.get(name[0], "mle_not_recorded"), query)
    samples = _samples(text)
    statuses = {labels.get("status", "") for _, labels, _ in samples}
    wanted = re.findall(r'status=~"([^"]+)"', full)
    return set(re.findall(r"\bmle_\w+", full)) <= {name for name, _, _ in samples} and all(
        any(re.fullmatch(one, status) for status in statuses) for one in wanted
    )


@lru_cache(maxsize=512)
def _samples(text: str) -> tuple[tuple[str, dict[str, str], float], ...]:
    from prometheus_client.parser import text_string_to_metric_families

    return tuple(
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )


def _latency(text: str, path: str) -> dict[float, float]:
    return read_buckets(text, "mle_request_seconds", path=path)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
