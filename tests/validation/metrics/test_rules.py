"""Bins of equally many rows: ties stay together, few values are a bin each, no bin of one row at the top."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mlhelpers.validation.metrics.rules import METRICS, Weighted, quantile_bins


def test_one_value_is_one_bin():
    assert quantile_bins(np.full(7, 0.4), 10).tolist() == [0] * 7


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 10))
def test_equal_values_share_a_bin_and_bins_follow_the_values(values, bins):
    values = np.array(values, dtype=float)
    number = quantile_bins(values, bins)
    order = np.argsort(values, kind="stable")
    assert (np.diff(number[order]) >= 0).all()
    for value in np.unique(values):
        assert len(np.unique(number[values == value])) == 1
    if len(np.unique(values)) <= bins:
        assert len(np.unique(number)) == len(np.unique(values))


@given(st.integers(0, 100), st.integers(1, 12))
def test_continuous_scores_are_cut_at_their_quantiles(seed, bins):
    p = np.random.default_rng(seed).random(200)
    edges = np.quantile(p, np.linspace(0, 1, bins + 1))
    assert (quantile_bins(p, bins) == np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)).all()


@st.composite
def labelled(draw):
    n = draw(st.integers(2, 40))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda y: 0 < sum(y) < len(y)))
    p = draw(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5001, 0.9, 1.0]), min_size=n, max_size=n))
    weights = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    weights[y.index(0)] = weights[y.index(1)] = 1
    return np.array(y), np.array(p), np.array(weights)


@given(labelled())
@settings(deadline=None)
def test_weighted_metrics_agree_with_scikit_learn(data):
    y, p, w = data
    scores = Weighted(y, p, 0.5)
    hit = (p >= 0.5).astype(int)
    expected = {
        "roc_auc": reference.roc_auc_score(y, p, sample_weight=w),
        "average_precision": reference.average_precision_score(y, p, sample_weight=w),
        "brier": reference.brier_score_loss(y, p, sample_weight=w),
        "log_loss": reference.log_loss(y, p, sample_weight=w, labels=[0, 1]),
        "accuracy": reference.accuracy_score(y, hit, sample_weight=w),
        "precision": reference.precision_score(y, hit, sample_weight=w, zero_division=np.nan),
        "recall": reference.recall_score(y, hit, sample_weight=w),
        "f1": reference.f1_score(y, hit, sample_weight=w),
    }
    for name, value in expected.items():
        found = METRICS[name](scores, w[scores.order][None, :].astype(float))[0]
        assert found == pytest.approx(value, abs=1e-12, nan_ok=True), name
