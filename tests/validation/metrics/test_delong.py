import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mlhelpers.validation import bootstrap_intervals, delong_difference, delong_interval, paired_difference

RNG = np.random.default_rng(5)
Y = (RNG.random(3000) < 0.3).astype(int)
P = np.clip(0.2 * Y + 0.75 * RNG.random(3000), 0, 1)
Q = np.clip(P + RNG.normal(0, 0.1, 3000), 0, 1)


@st.composite
def labelled(draw):
    n = draw(st.integers(4, 40))
    values = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
    p = draw(st.lists(values, min_size=n, max_size=n))
    return np.array([0, 1] * 2 + draw(st.lists(st.integers(0, 1), min_size=n - 4, max_size=n - 4))), np.array(
        p
    )


def by_pairs(y, p):
    """DeLong's estimate from its definition, over all pairs."""
    pairs = np.sign(p[y == 1][:, None] - p[y == 0][None, :]) / 2 + 0.5
    below, above = pairs.mean(axis=1), pairs.mean(axis=0)
    return pairs.mean(), np.sqrt(below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above))


@given(labelled())
@settings(deadline=None)
def test_it_is_the_estimate_over_all_pairs_ties_included(data):
    found = delong_interval(*data)
    value, error = by_pairs(*data)
    assert found["value"] == pytest.approx(roc_auc_score(*data), abs=1e-12)
    assert (found["value"], found["standard_error"]) == pytest.approx((value, error), abs=1e-12)


def test_interval_is_that_of_the_bootstrap_to_its_noise():
    found = delong_interval(Y, P)
    drawn = bootstrap_intervals(Y, P, metrics=["roc_auc"], n_resamples=2000).iloc[0]
    assert found["low"] == pytest.approx(drawn["low"], abs=0.002)
    assert found["high"] == pytest.approx(drawn["high"], abs=0.002)


def test_coverage_is_as_stated():
    inside = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = np.repeat([0, 1], [150, 60])
        p = 1 / (1 + np.exp(-rng.normal(y, 1)))
        found = delong_interval(y, p)
        inside += found["low"] <= 0.7602 <= found["high"]  # AUC of two normals one deviation apart
    assert 0.92 < inside / 400 < 0.98


def test_difference_is_paired():
    found, drawn = delong_difference(Y, P, Q), paired_difference(Y, P, Q, n_resamples=2000)
    assert found["value"] == pytest.approx(drawn["value"], abs=1e-12)
    assert found["low"] == pytest.approx(drawn["low"], abs=0.001)
    assert found["high"] == pytest.approx(drawn["high"], abs=0.001)
    apart = np.hypot(delong_interval(Y, P)["standard_error"], delong_interval(Y, Q)["standard_error"])
    assert found["standard_error"] < 0.7 * apart


def test_equal_rankings_have_no_difference():
    found = delong_difference(Y, P, P**2)
    assert (found["value"], found["p_value"]) == (pytest.approx(0, abs=1e-12), 1.0)


def test_false_alarms_are_as_many_as_stated():
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y = np.repeat([0, 1], [100, 60])
        signal = rng.normal(y, 1)
        a, b = (1 / (1 + np.exp(-signal - rng.normal(0, 1, len(y)))) for _ in range(2))
        alarms += delong_difference(y, a, b)["p_value"] < 0.05
    assert 0.02 < alarms / 300 < 0.09


@pytest.mark.parametrize("y", [[0, 1, 1], [1, 0, 0], [0, 0, 0]])
def test_too_few_of_a_class_is_an_error(y):
    with pytest.raises(ValueError, match="needs at least two of each"):
        delong_interval(y, [0.1, 0.2, 0.3])


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_outside_0_to_1_is_an_error(level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        delong_interval(Y, P, level=level)
