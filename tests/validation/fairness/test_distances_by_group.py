import fairlearn.metrics as fairlearn
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from mlhelpers.validation import group_metrics
from mlhelpers.validation.fairness.distances import GROUP_METRICS

RNG = np.random.default_rng(4)
N = 3000
SENSITIVE = pd.DataFrame({"group": RNG.choice(["A", "B"], N), "age": RNG.choice(["young", "old", None], N)})
Y = (RNG.random(N) < 0.4).astype(int)
HIT = ((0.3 * Y + RNG.random(N) + 0.1 * (SENSITIVE["group"] == "A")) > 0.6).astype(int).to_numpy()
REFERENCE = {
    "accuracy": sklearn_metrics.accuracy_score,
    "precision": sklearn_metrics.precision_score,
    "selection_rate": fairlearn.selection_rate,
    "true_positive_rate": fairlearn.true_positive_rate,
    "false_positive_rate": fairlearn.false_positive_rate,
    "true_negative_rate": fairlearn.true_negative_rate,
    "false_negative_rate": fairlearn.false_negative_rate,
    "f1": sklearn_metrics.f1_score,
}

rows = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 1), st.sampled_from("AB"), st.sampled_from("xyz"), st.integers(1, 4)
    ),
    min_size=1,
    max_size=60,
)


@given(rows)
@settings(deadline=None, max_examples=25)  # MetricFrame takes its time
@pytest.mark.filterwarnings("ignore")
def test_values_are_those_of_fairlearn(data):
    y, hit, a, b, w = map(np.array, zip(*data, strict=True))
    groups = pd.DataFrame({"a": a, "b": b})
    metrics = list(REFERENCE)
    for weights in (None, w.astype(float)):
        found = group_metrics(y, hit, groups, metrics=metrics, sample_weight=weights)
        given_weights = None if weights is None else {name: {"sample_weight": weights} for name in REFERENCE}
        expected = fairlearn.MetricFrame(
            metrics=REFERENCE, y_true=y, y_pred=hit, sensitive_features=groups, sample_params=given_weights
        ).by_group.dropna(how="all")
        assert found.index.tolist() == expected.index.tolist()
        for name in metrics:
            defined = found[name].notna().to_numpy()
            ours, theirs = found.loc[defined, name], expected.loc[defined, name].astype(float)
            np.testing.assert_allclose(ours, theirs, atol=1e-12, rtol=0)


def test_one_attribute_may_be_an_array_a_mapping_or_a_frame():
    array = group_metrics(Y, HIT, SENSITIVE["group"].to_numpy())
    assert array.index.name == "group"
    for given_as in (SENSITIVE["group"], {"group": SENSITIVE["group"]}, SENSITIVE[["group"]]):
        pd.testing.assert_frame_equal(group_metrics(Y, HIT, given_as), array)
    categories = group_metrics(Y, HIT, SENSITIVE[["group"]].astype("category"))
    pd.testing.assert_frame_equal(categories, array)


def test_a_missing_value_is_a_group_and_empty_combinations_are_left_out():
    found = group_metrics(Y, HIT, SENSITIVE)
    assert set(found.index.get_level_values("age")) == {"young", "old", "missing"}
    assert found["n"].sum() == N
    nested = pd.DataFrame({"country": ["x", "x", "y"], "city": ["p", "q", "r"]})
    assert len(group_metrics([0, 1, 1], [0, 1, 1], nested, metrics=["accuracy"])) == 3


def test_intervals_are_those_of_resampled_rows():
    found = group_metrics(Y, HIT, SENSITIVE["group"], n_resamples=2000)
    inside = (SENSITIVE["group"] == "A").to_numpy()
    y, hit = Y[inside], HIT[inside]
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(2000):
        picked = rng.integers(0, len(y), len(y))
        drawn.append(sklearn_metrics.precision_score(y[picked], hit[picked]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.loc["A", "precision_low"] == pytest.approx(low, abs=0.006)
    assert found.loc["A", "precision_high"] == pytest.approx(high, abs=0.006)
    for name in ("accuracy", "selection_rate"):
        assert (found[f"{name}_low"] < found[name]).all() and (found[name] < found[f"{name}_high"]).all()


def test_the_same_seed_gives_the_same_intervals():
    first, again = (group_metrics(Y, HIT, SENSITIVE, n_resamples=50, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_what_is_not_defined_is_nan_and_named():
    with pytest.warns(UserWarning, match=r"not defined, so NaN: precision of b, true_positive_rate of b"):
        found = group_metrics([1, 0, 0, 0], [1, 0, 0, 0], ["a", "a", "b", "b"], n_resamples=20)
    assert found.loc["b", ["precision", "precision_low", "true_positive_rate"]].isna().all()
    assert found.loc["b", "accuracy"] == 1


def test_a_long_list_of_undefined_figures_is_cut():
    with pytest.warns(UserWarning, match="and 5 more$"):
        group_metrics(np.zeros(10, int), np.zeros(10, int), list("abcdefghij"), metrics=["precision"])


def test_order_of_the_rows_does_not_matter():
    order = RNG.permutation(N)
    again = group_metrics(Y[order], HIT[order], SENSITIVE.iloc[order])
    pd.testing.assert_frame_equal(again, group_metrics(Y, HIT, SENSITIVE))


def test_every_metric_has_a_value_for_a_mixed_group():
    found = group_metrics(Y, HIT.astype(bool), SENSITIVE["group"], metrics=list(GROUP_METRICS))
    assert found.notna().all(axis=None)
    assert np.allclose(found["true_positive_rate"] + found["false_negative_rate"], 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": Y[:5]}, "y has 5 rows and decision 3000"),
        ({"y": [], "decision": []}, "not 0"),
        ({"y": Y[:, None]}, "y must be one-dimensional"),
        ({"decision": np.where(np.arange(N) == 7, 2, HIT)}, "decision must hold only 0 and 1; row 7"),
        ({"metrics": ["recall"]}, r"unknown metrics \['recall'\]"),
        ({"metrics": []}, "unknown metrics"),
        ({"sensitive": SENSITIVE["group"][:3]}, "'group' has 3 rows, y has 3000"),
        ({"sensitive": {}}, "at least one attribute"),
        ({"n_resamples": -1}, "n_resamples must be at least 0"),
        ({"level": 95, "n_resamples": 5}, "level in"),
        ({"sample_weight": np.ones(N), "n_resamples": 5}, "leave out one of the two"),
        ({"sample_weight": -np.ones(N)}, "row 0 is -1"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"y": Y, "decision": HIT, "sensitive": SENSITIVE["group"]} | change
    with pytest.raises(ValueError, match=message):
        group_metrics(**arguments)
