import logging
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.validation.fairness import compare_mitigations, fairness_gaps, load_aif360, reweighing_weights
from mlhelpers.validation.fairness.mitigation import MITIGATIONS

RNG = np.random.default_rng(3)
N = 4000
GROUP = RNG.choice(["A", "B"], N)
X = np.c_[RNG.normal(size=(N, 2)), GROUP == "B"].astype(float)
TRUTH = (RNG.random(N) < 1 / (1 + np.exp(-1 - X[:, 0] - X[:, 1]))).astype(int)
LABEL = np.where((GROUP == "B") & (RNG.random(N) < 0.3), 0, TRUTH)
FIT, TEST = slice(0, 2000), slice(2000, None)
MODEL = LogisticRegression(random_state=0)
SPLIT = (X[FIT], LABEL[FIT], GROUP[FIT], X[TEST], LABEL[TEST], GROUP[TEST])


@pytest.fixture(scope="module")
def compared():
    return compare_mitigations(MODEL, *SPLIT, truth=TRUTH[TEST], n_resamples=300)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("AB")), min_size=1, max_size=50))
@settings(deadline=None, max_examples=30)
def test_weights_make_label_and_group_independent(pairs):
    y, group = map(np.array, zip(*pairs, strict=True))
    weights = reweighing_weights(y, group)
    assert (weights > 0).all()
    if len(set(pairs)) < 4:
        return
    rates = [np.average(y[group == g], weights=weights[group == g]) for g in "AB"]
    np.testing.assert_allclose(rates, y.mean(), atol=1e-12)
    assert weights.sum() == pytest.approx(len(y))


def test_weights_are_those_of_aif360():
    aif360 = load_aif360()
    frame = pd.DataFrame({"group": X[:, 2], "label": LABEL.astype(float)})
    data = aif360.datasets.BinaryLabelDataset(
        df=frame, label_names=["label"], protected_attribute_names=["group"]
    )
    rule = aif360.algorithms.preprocessing.Reweighing([{"group": 1.0}], [{"group": 0.0}])
    theirs = rule.fit_transform(data).instance_weights
    np.testing.assert_allclose(reweighing_weights(LABEL, GROUP), theirs, atol=1e-12, rtol=0)


def test_missing_group_is_weighed_as_a_group():
    weights = reweighing_weights([0, 1, 0, 1], [None, None, "a", "a"])
    np.testing.assert_allclose(weights, 1)


def test_weights_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="y has 2 rows and groups 1"):
        reweighing_weights([0, 1], ["a"])


def test_every_method_has_a_row_and_decisions(compared):
    assert compared.table.index.tolist() == list(MITIGATIONS)
    assert {len(decided) for decided in compared.decisions.values()} == {2000}
    assert compared.table.notna().all(axis=None)


def test_table_holds_accuracy_and_gaps_of_the_decisions(compared):
    for name, decided in compared.decisions.items():
        row = compared.table.loc[name]
        assert row["accuracy", "value"] == pytest.approx((decided == LABEL[TEST]).mean())
        assert row["true_accuracy", "value"] == pytest.approx((decided == TRUTH[TEST]).mean())
        gaps = fairness_gaps(TRUTH[TEST], decided, GROUP[TEST], n_resamples=0)["difference"]
        found = row["true_equalized_odds_difference", "value"]
        assert found == pytest.approx(gaps["equalized_odds_difference"])


def test_change_is_paired_with_the_first_row(compared):
    table = compared.table
    change = table["accuracy", "value"] - table.loc["none", ("accuracy", "value")]
    np.testing.assert_allclose(table["accuracy_change", "value"], change, atol=1e-12)
    assert (table["accuracy_change", "low"] <= change).all()
    assert table.loc["none", "accuracy_change"].tolist() == [0, 0, 0]


def test_mitigations_of_parity_close_its_gap(compared):
    gap = compared.table["demographic_parity_difference", "value"]
    assert gap["none"] > 0.2
    assert (gap[["reduction_dp", "threshold_dp"]] < 0.08).all()
    assert gap["reweighing"] < gap["none"] / 2


def test_same_seed_gives_the_same_decisions(compared):
    again = compare_mitigations(MODEL, *SPLIT, methods=["threshold_eo"], n_resamples=0)
    assert list(again.decisions) == ["none", "threshold_eo"]
    np.testing.assert_array_equal(again.decisions["threshold_eo"], compared.decisions["threshold_eo"])
    assert not any(name.startswith("true_") for name in again.table.columns.unique(0))


def test_pipeline_takes_weights_under_its_own_name():
    model = make_pipeline(StandardScaler(), MODEL)
    found = compare_mitigations(
        model,
        *SPLIT,
        methods=["reweighing", "reduction_dp"],
        sample_weight_name="logisticregression__sample_weight",
        max_iter=5,
        n_resamples=0,
    )
    assert len(found.table) == 3


def test_result_renders_as_text_and_html(compared):
    assert " to " in str(compared)
    assert "<table" in compared._repr_html_()
    assert "threshold_eo" in str(compared)
    assert compared.text().loc["threshold_dp", "needs group to decide"]
    assert compared.text().loc["reweighing", "stage"] == "before"


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="unknown methods"):
        compare_mitigations(MODEL, *SPLIT, methods=["magic"])


def test_truth_of_another_length_is_refused():
    with pytest.raises(ValueError, match="true_ has 3 test rows"):
        compare_mitigations(MODEL, *SPLIT, truth=[1, 0, 1])


def test_aif360_loads_without_tensorflow_and_without_a_word():
    code = (
        "import sys; from mlhelpers.validation.fairness import load_aif360; "
        "found = load_aif360().metrics.ClassificationMetric; assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


def test_aif360_leaves_logging_as_it_was():
    before = logging.root.manager.disable
    load_aif360()
    assert logging.root.manager.disable == before


def test_persons_without_a_group_are_a_group_of_their_own():
    groups = [None if at % 5 == 0 else group for at, group in enumerate(GROUP)]
    for gap in (None, np.nan):
        given_groups = [gap if group is None else group for group in groups]
        compared = compare_mitigations(
            MODEL, X[FIT], LABEL[FIT], given_groups[FIT], X[TEST], LABEL[TEST], given_groups[TEST],
            methods=("none", "reweighing", "threshold_dp"), n_resamples=50,
        )  # fmt: skip
        text = pd.Series(groups, dtype=object).fillna("missing").to_numpy()
        named = compare_mitigations(
            MODEL, X[FIT], LABEL[FIT], text[FIT], X[TEST], LABEL[TEST], text[TEST],
            methods=("none", "reweighing", "threshold_dp"), n_resamples=50,
        )  # fmt: skip
        pd.testing.assert_frame_equal(compared.table, named.table)
