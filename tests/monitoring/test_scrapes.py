import math

import numpy as np
import pytest

from mlhelpers.monitoring import (
    alerts_over_time,
    finds_data,
    load_alerts,
    prometheus_rules,
    service_signals,
    signals_over_time,
)
from mlhelpers.monitoring.scrapes import total
from mlhelpers.serving.metrics import ServiceMetrics


def scrape(metrics):
    return metrics.render().decode()


@pytest.fixture
def texts():
    """Before anything, after 100 good answers, after 100 more of which 5 fail and 10 are slow."""
    metrics = ServiceMetrics()
    texts = [scrape(metrics)]
    for _ in range(100):
        metrics.observe("/v1/predict", 200, 0.004)
    metrics.observe_predictions("1.0.0", np.full(50, 0.2))
    texts.append(scrape(metrics))
    for number in range(100):
        metrics.observe("/v1/predict", 500 if number < 5 else 200, 0.7 if number >= 90 else 0.004)
    metrics.observe("/health/ready", 503, 3.0)
    metrics.observe_predictions("1.0.0", np.full(50, 0.5))
    texts.append(scrape(metrics))
    return texts


def test_total_sums_the_series_that_match(texts):
    assert total(texts[2], "mle_requests_total") == 201
    assert total(texts[2], "mle_requests_total", status="5..", path="/v1/predict") == 5
    assert total(texts[0], "mle_requests_total") == 0


def test_signals_are_those_of_what_happened_between_the_scrapes(texts):
    found = service_signals(texts[1], texts[2], prediction_mean=0.22)
    assert found["error_share"] == 0.05 and 0.5 < found["latency_p99"] <= 1.0 and found["median"] < 0.005
    assert found["mean"] == pytest.approx(0.5) and found["prediction_shift"] == pytest.approx(0.28)


def test_first_scrape_before_the_first_request_counts_as_nothing(texts):
    found = service_signals(texts[0], texts[1], prediction_mean=0.22)
    assert found["error_share"] == 0 and found["prediction_shift"] == pytest.approx(0.02)


def test_signals_without_traffic_are_unknown(texts):
    assert all(
        math.isnan(value) for value in service_signals(texts[1], texts[1], prediction_mean=0.2).values()
    )
    with pytest.raises(ValueError, match="no buckets of mle_request_seconds"):
        service_signals(texts[0], texts[0], prediction_mean=0.2)


def test_query_finds_data_only_where_its_metrics_and_statuses_are(texts):
    rules = prometheus_rules(load_alerts())
    assert finds_data("sum(rate(mle_requests_total[5m]))", texts[1])
    assert not finds_data("sum(rate(mle_request_total[5m]))", texts[1])
    assert not finds_data("mle:error_share", texts[1], rules)
    assert finds_data("mle:error_share", texts[2], rules)
    assert not finds_data("mle:refused_share", texts[1], rules)
    assert not finds_data("mle:made_up", texts[2], rules)
    assert finds_data('ALERTS{alertstate="firing"}', texts[0])


@pytest.fixture(scope="module")
def hour():
    """One text a minute; from minute 20 to 29 one answer in ten fails."""
    metrics, texts = ServiceMetrics(), []
    for minute in range(60):
        for number in range(60):
            metrics.observe("/v1/predict", 500 if 20 <= minute < 30 and number < 6 else 200, 0.004)
        metrics.observe_predictions("1.0.0", np.full(600, 0.4 if minute >= 40 else 0.22))
        texts.append(scrape(metrics))
    return texts


def test_signals_look_back_over_their_window(hour):
    figures = signals_over_time(hour, prediction_mean=0.22)
    assert figures.index.tolist() == list(range(1, 60))
    assert figures.loc[20, "error_share"] == pytest.approx(0.1 / 5) and figures.loc[
        25, "500"
    ] == pytest.approx(0.1)
    assert figures.loc[45, "mean"] == pytest.approx(0.4)
    assert 0.05 < figures.loc[59, "prediction_shift"] < 0.07, "over the hour"


def test_alerts_are_raised_after_k_evaluations_and_stay_until_quiet(hour):
    states = alerts_over_time(signals_over_time(hour, prediction_mean=0.22), load_alerts())
    assert list(states) == ["ServiceErrors", "ServiceSlow", "PredictionsMoved"]
    assert states.index[states["ServiceErrors"]].tolist() == list(range(24, 38))
    assert not states["ServiceSlow"].any()


def test_too_few_scrapes_and_empty_windows_are_refused(hour):
    with pytest.raises(ValueError, match="at least two scrapes, got 1"):
        signals_over_time(hour[:1], prediction_mean=0.2)
    with pytest.raises(ValueError, match="windows must be at least 1, got 0"):
        signals_over_time(hour, prediction_mean=0.2, window=0)
