import math
import shutil
import subprocess

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.monitoring import bucket_increase, histogram_quantile, read_buckets, sum_buckets
from mlhelpers.serving.metrics import LATENCY, ServiceMetrics

BUCKETS = {0.1: 50.0, 0.5: 90.0, 1.0: 98.0, math.inf: 100.0}


def histogram(values, bounds=LATENCY):
    values = np.asarray(values)
    return {bound: float((values <= bound).sum()) for bound in (*bounds, math.inf)}


def test_quantile_is_interpolated_within_its_bucket():
    assert histogram_quantile(BUCKETS, 0.5) == pytest.approx(0.1)
    assert histogram_quantile(BUCKETS, 0.7) == pytest.approx(0.3)
    assert histogram_quantile(BUCKETS, 0.25) == pytest.approx(0.05), "the first bucket begins at 0"


def test_bucket_without_an_end_gives_the_last_finite_bound():
    assert histogram_quantile(BUCKETS, 0.99) == 1.0


def test_first_bound_at_or_below_zero_is_the_answer_in_its_bucket():
    assert histogram_quantile({-1.0: 9.0, 1.0: 10.0, math.inf: 10.0}, 0.5) == -1.0


def test_bounds_are_read_as_text_and_in_any_order():
    shuffled = {"+Inf": 100, "0.5": 90, "0.1": 50, "1": 98}
    assert histogram_quantile(shuffled, 0.9) == histogram_quantile(BUCKETS, 0.9) == 0.5


def test_count_below_that_of_a_smaller_bound_is_lifted():
    torn = {0.1: 50.0, 0.5: 49.0, 1.0: 98.0, math.inf: 100.0}
    lifted = {**torn, 0.5: 50.0}
    assert histogram_quantile(torn, 0.7) == histogram_quantile(lifted, 0.7)


def test_no_value_gives_nan():
    assert math.isnan(histogram_quantile({0.1: 0.0, math.inf: 0.0}, 0.5))


@pytest.mark.parametrize("q", [0, 1, -0.1, 1.5, math.nan])
def test_q_outside_zero_and_one_is_refused(q):
    with pytest.raises(ValueError, match="q must be above 0 and below 1"):
        histogram_quantile(BUCKETS, q)


@pytest.mark.parametrize(
    ("buckets", "words"),
    [
        ({}, "no bucket"),
        ({0.1: 5.0}, "without an end"),
        ({"+Inf": 5.0}, "no bound beside"),
        ({0.1: -1.0, math.inf: 5.0}, "bucket 0.1 has the count -1"),
        ({0.1: math.nan, math.inf: 5.0}, "count nan"),
        ({0.1: 1.0, math.inf: math.inf}, "count inf"),
    ],
)
def test_what_is_no_histogram_is_refused_with_its_reason(buckets, words):
    with pytest.raises(ValueError, match=words):
        histogram_quantile(buckets, 0.5)


@given(st.lists(st.floats(0, 4.9), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_quantile_lies_in_the_bucket_of_the_true_one(values, q):
    true = np.quantile(values, q, method="inverted_cdf")
    bounds = np.array([0.0, *LATENCY])
    at = max(1, int(np.searchsorted(bounds, true)))
    assert bounds[at - 1] - 1e-9 <= histogram_quantile(histogram(values), q) <= bounds[at] + 1e-9


@given(st.lists(st.lists(st.floats(0, 10), max_size=30), min_size=1, max_size=4))
def test_sum_of_replicas_is_the_histogram_of_all_values(replicas):
    everything = [value for replica in replicas for value in replica]
    assert sum_buckets(histogram(values) for values in replicas) == histogram(everything)


def test_replicas_with_other_bounds_and_none_at_all_are_refused():
    with pytest.raises(ValueError, match=r"replica 1 has other bounds than the first \(0.5, 2\)"):
        sum_buckets([{0.5: 1.0, math.inf: 1.0}, {2.0: 1.0, math.inf: 1.0}])
    with pytest.raises(ValueError, match="no replica"):
        sum_buckets([])


def test_buckets_are_read_from_what_the_service_exports():
    metrics = ServiceMetrics()
    for seconds in (0.003, 0.02, 0.02, 7.0):
        metrics.observe("/v1/predict", 200, seconds)
    metrics.observe("/health/ready", 200, 0.0001)
    text = metrics.render().decode()
    expected = histogram([0.003, 0.02, 0.02, 7.0])
    assert read_buckets(text, "mle_request_seconds", path="/v1/predict") == expected
    assert read_buckets(text, "mle_request_seconds")[math.inf] == 5


def test_series_that_is_not_there_is_named_with_those_that_are():
    text = ServiceMetrics().render().decode()
    with pytest.raises(ValueError, match=r"no buckets of mle_request_seconds, path='/x'; .* mle_predictions"):
        read_buckets(text, "mle_request_seconds", path="/x")
    with pytest.raises(ValueError, match="histograms in the text: none"):
        read_buckets("", "latency")


def test_increase_is_what_arrived_between_two_scrapes():
    first, second = [0.003, 0.2], [0.7, 0.7, 9.0]
    assert bucket_increase(histogram(first), histogram(first + second)) == histogram(second)
    assert bucket_increase({}, histogram(first)) == histogram(first)


def test_increase_after_a_restart_is_all_that_the_new_process_counted():
    assert bucket_increase(histogram([0.1] * 5), histogram([0.2])) == histogram([0.2])


def test_increase_over_changed_bounds_is_refused():
    with pytest.raises(ValueError, match="bounds changed"):
        bucket_increase({0.1: 1.0, math.inf: 1.0}, {0.2: 1.0, math.inf: 1.0})


def test_quantile_agrees_with_prometheus(tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("install prometheus to run (Debian: apt-get install prometheus)")
    rng = np.random.default_rng(0)
    series, checks = [], []
    for case in range(20):
        values = rng.lognormal(np.log(0.05), rng.uniform(0.2, 2.5), rng.integers(1, 300))
        buckets = histogram(values)
        for bound, count in buckets.items():
            le = "+Inf" if math.isinf(bound) else f"{bound:g}"
            series.append({"series": f'x_bucket{{case="{case}",le="{le}"}}', "values": f"{count:.0f}"})
        for q in (0.01, 0.5, 0.9, 0.99, 0.999):
            ours = histogram_quantile(buckets, q)
            expression = f'abs(histogram_quantile({q}, x_bucket{{case="{case}"}}) - {ours!r}) < bool 1e-9'
            near = {"labels": f'{{case="{case}"}}', "value": 1}
            checks.append({"expr": expression, "eval_time": "0m", "exp_samples": [near]})
    test = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"tests": [test]}))
    command = ["promtool", "test", "rules", "test.yml"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-2000:]
