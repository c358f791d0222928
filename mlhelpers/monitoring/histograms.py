"""Quantiles from the buckets of Prometheus: read, summed over replicas, taken between two scrapes.

Taught in lesson 7.5 (monitoring a service).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

Buckets = Mapping[float | str, float]  # upper bound: how many values are at or below it


def histogram_quantile(buckets: Buckets, q: float) -> float:
    """Quantile of a histogram of which only bucket counts are known, as Prometheus computes it.

    Taught in lesson 7.5. Within a bucket the values count as spread evenly, and the first bucket begins at 0.
    A quantile in the bucket without an end is the last finite bound: a lower limit, no estimate.

    Parameters
    ----------
    buckets : mapping of float or str to float
        Number of values at or below each upper bound (cumulative, in any order), in the unit of the values
        and with ``+Inf`` (or ``math.inf``) among the bounds. Counts or rates. A count below that of a smaller
        bound, which scrapes at different instants give, is lifted to it.
    q : float
        Above 0 and below 1; 0.99 for the 99th percentile.

    Returns
    -------
    float
        In the unit of the bounds; NaN if there is no value.

    Raises
    ------
    ValueError
        If there is no bucket, none without an end or only that one, a count is negative or no number, or `q`
        is not between 0 and 1.

    References
    ----------
    .. [1] Prometheus, "Query functions: histogram_quantile()".
    """
    if not 0 < q < 1:
        raise ValueError(f"q must be above 0 and below 1, got {q}; the 99th percentile is 0.99")
    known = _checked(buckets)
    bounds, counts, most = list(known), [], 0.0
    for count in known.values():
        most = max(most, count)
        counts.append(most)
    if len(bounds) == 1:
        raise ValueError("buckets have no bound beside +Inf: no quantile can be read; add bounds")
    if most == 0:
        return math.nan
    rank = q * most
    at = next(place for place, count in enumerate(counts) if count >= rank)
    if at == len(bounds) - 1:
        return bounds[-2]
    if at == 0 and bounds[0] <= 0:
        return bounds[0]
    start, below = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    return start + (bounds[at] - start) * (rank - below) / (counts[at] - below)


def sum_buckets(replicas: Iterable[Buckets]) -> dict[float, float]:
    """Add the buckets of several replicas: the histogram of all their values.

    Taught in lesson 7.5. Quantiles of replicas cannot be averaged; their buckets can be added.

    Parameters
    ----------
    replicas : iterable of mapping
        Buckets of each, as for `histogram_quantile`, all with the same bounds.

    Returns
    -------
    dict of float to float
        In the order of the bounds.

    Raises
    ------
    ValueError
        If there is no replica, one is no histogram, or bounds differ; names the bounds.
    """
    checked = [_checked(one) for one in replicas]
    if not checked:
        raise ValueError("no replica given: pass the buckets of at least one")
    for place, one in enumerate(checked[1:], start=1):
        if one.keys() != checked[0].keys():
            differ = sorted(one.keys() ^ checked[0].keys())
            raise ValueError(
                f"replica {place} has other bounds than the first ({', '.join(f'{b:g}' for b in differ)}): "
                "use the same buckets on every replica"
            )
    return {bound: sum(one[bound] for one in checked) for bound in checked[0]}


def read_buckets(text: str, metric: str, **labels: str) -> dict[float, float]:
    """Buckets of a histogram in the text that ``/metrics`` answers, summed over its series.

    Taught in lesson 7.5.

    Parameters
    ----------
    text : str
        In Prometheus' text format.
    metric : str
        Name of the histogram without ``_bucket``, such as ``mle_request_seconds``.
    **labels : str
        Only series with these values, such as ``path="/v1/predict"``.

    Returns
    -------
    dict of float to float
        Cumulative counts by upper bound, for `histogram_quantile`.

    Raises
    ------
    ValueError
        If the text has no such series; says which histograms it has.
    """
    from prometheus_client.parser import text_string_to_metric_families

    series: dict[tuple, dict[float, float]] = {}
    families = list(text_string_to_metric_families(text))
    for family in families:
        for sample in family.samples:
            if sample.name == f"{metric}_bucket" and labels.items() <= sample.labels.items():
                rest = tuple(sorted(item for item in sample.labels.items() if item[0] != "le"))
                series.setdefault(rest, {})[float(sample.labels["le"])] = sample.value
    if not series:
        asked = metric + "".join(f", {name}={value!r}" for name, value in labels.items())
        there = ", ".join(sorted(family.name for family in families if family.type == "histogram")) or "none"
        raise ValueError(f"no buckets of {asked}; histograms in the text: {there}")
    return sum_buckets(series.values())


def bucket_increase(before: Buckets, after: Buckets) -> dict[float, float]:
    """Buckets of the values that arrived between two scrapes.

    Taught in lesson 7.5. If the total fell, the service was started anew, and all of `after` is new.

    Parameters
    ----------
    before, after : mapping of float or str to float
        Of the same histogram; `before` may be empty, which it is as long as the series is not there.

    Returns
    -------
    dict of float to float
        For `histogram_quantile`.

    Raises
    ------
    ValueError
        If one is no histogram or bounds differ.
    """
    new = _checked(after)
    if not before:
        return new
    old = _checked(before)
    if old.keys() != new.keys():
        raise ValueError("the bounds changed between the scrapes: begin anew with the later one")
    if new[math.inf] < old[math.inf]:
        return new
    return {bound: new[bound] - old[bound] for bound in new}


def _checked(buckets: Buckets) -> dict[float, float]:
    known = {float(bound): float(count) for bound, count in buckets.items()}
    if not known:
        raise ValueError("there is no bucket: has the series been scraped?")
    if math.inf not in known:
        raise ValueError("buckets must have one without an end: add '+Inf' with the number of all values")
    for bound, count in known.items():
        if not count >= 0 or math.isinf(count) or math.isnan(bound):
            raise ValueError(f"bucket {bound:g} has the count {count:g}: counts are finite, from 0 on")
    return dict(sorted(known.items()))
