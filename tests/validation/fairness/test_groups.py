import warnings

import fairlearn.metrics as reference
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mlhelpers.validation import disparities, metrics_by_group

RNG = np.random.default_rng(2)
GROUPS = RNG.choice(["a", "b"], 1000)
Y = (RNG.random(1000) < 0.4).astype(int)
P = np.clip(0.2 * Y + 0.6 * RNG.random(1000) + 0.1 * (GROUPS == "a"), 0, 1)


@pytest.fixture(scope="module")
def table():
    return metrics_by_group(Y, P, GROUPS)


def test_disparities_agree_with_fairlearn(table):
    hit = (P >= 0.5).astype(int)
    found = disparities(table).set_index("metric")
    parity = reference.demographic_parity_difference(Y, hit, sensitive_features=GROUPS)
    opportunity = reference.equal_opportunity_difference(Y, hit, sensitive_features=GROUPS)
    ratio = reference.demographic_parity_ratio(Y, hit, sensitive_features=GROUPS)
    assert found.loc["selection_rate", "difference"] == pytest.approx(parity, abs=1e-12)
    assert found.loc["true_positive_rate", "difference"] == pytest.approx(opportunity, abs=1e-12)
    assert found.loc["selection_rate", "ratio"] == pytest.approx(ratio, abs=1e-12)
    assert found.loc["selection_rate", "highest_group"] == "a"


def test_every_group_has_its_own_figures(table):
    rows = GROUPS == "b"
    assert table.loc["b", "n"] == rows.sum()
    assert table.loc["b", "positives"] == Y[rows].sum()
    assert table.loc["b", "roc_auc"] == pytest.approx(roc_auc_score(Y[rows], P[rows]), abs=1e-12)
    assert table.loc["b", "selection_rate"] == pytest.approx((P[rows] >= 0.5).mean(), abs=1e-12)


def test_rate_lies_in_its_interval(table):
    for rate in ("selection_rate", "true_positive_rate", "false_positive_rate"):
        assert (table[f"{rate}_low"] < table[rate]).all()
        assert (table[rate] < table[f"{rate}_high"]).all()


def test_small_group_is_not_judged_and_named():
    groups = np.where(np.arange(1000) < 6, "tiny", GROUPS)
    with pytest.warns(UserWarning, match="fewer than 30 rows are not judged: tiny"):
        table = metrics_by_group(Y, P, groups)
    assert table["small"].tolist() == [False, False, True]
    assert table.loc["tiny", ["selection_rate", "selection_rate_low", "roc_auc"]].isna().all()
    assert disparities(table)["difference"].notna().all()


def test_rate_that_rests_on_few_rows_is_not_judged_in_a_large_group():
    y = np.where(GROUPS == "a", Y, 0)
    y[np.flatnonzero(GROUPS == "b")[:5]] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = metrics_by_group(y, P, GROUPS)
    assert np.isnan(table.loc["b", "true_positive_rate"])
    assert not np.isnan(table.loc["b", "false_positive_rate"])


def test_group_of_one_class_has_no_auc():
    table = metrics_by_group(np.where(GROUPS == "a", Y, 0), P, GROUPS)
    assert np.isnan(table.loc["b", "roc_auc"])


def test_missing_group_is_a_group():
    groups = GROUPS.astype(object)
    groups[:100] = None
    assert metrics_by_group(Y, P, groups).index.tolist() == ["a", "b", "missing"]


def test_single_group_has_no_disparity():
    found = disparities(metrics_by_group(Y, P, ["x"] * 1000))
    assert found["difference"].isna().all()
    assert found["lowest_group"].isna().all()


def test_ratio_of_nothing_selected_is_nan():
    found = disparities(metrics_by_group(Y, P, GROUPS, threshold=1.1))
    assert np.isnan(found["ratio"][0])
    assert found["difference"][0] == 0


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="groups has 3 rows, y has 1000"):
        metrics_by_group(Y, P, ["a"] * 3)
