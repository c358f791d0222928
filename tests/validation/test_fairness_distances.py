import warnings

import fairlearn.metrics as fairlearn
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.validation.fairness import disparities, fairness_gaps, load_aif360, metrics_by_group
from mlhelpers.validation.fairness.distances import GAPS

RNG = np.random.default_rng(7)
N = 1500
GROUPS = RNG.choice(["a", "b", "c"], N)
Y = (RNG.random(N) < 0.5).astype(int)
P = np.clip(0.3 * Y + 0.6 * RNG.random(N) + 0.1 * (GROUPS == "a"), 0, 1)
TWO = GROUPS != "c"

rows = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from([0, 0.3, 0.5, 0.7, 1]), st.sampled_from("AB"), st.integers(1, 4)
    ),
    min_size=1,
    max_size=60,
)


def quiet(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fairness_gaps(*args, **kwargs)


@given(rows, st.booleans())
@settings(deadline=None, max_examples=40)
@pytest.mark.filterwarnings("ignore")
def test_values_are_those_of_fairlearn_where_both_groups_have_both_classes(data, weighted):
    y, p, group, w = map(np.array, zip(*data, strict=True))
    weights = w.astype(float) if weighted else None
    found = quiet(y, p, group, min_size=1, n_resamples=0, sample_weight=weights)["difference"]
    hit = (p >= 0.5).astype(int)
    theirs = {"sensitive_features": group, "sample_weight": weights}
    if len(set(group)) < 2:
        assert found.isna().all()
        return
    parity = fairlearn.demographic_parity_difference(y, hit, **theirs)
    assert found["demographic_parity_difference"] == pytest.approx(parity, abs=1e-12)
    if hit.any():
        ratio = fairlearn.demographic_parity_ratio(y, hit, **theirs)
        assert found["demographic_parity_ratio"] == pytest.approx(ratio, abs=1e-12)
    else:
        assert np.isnan(found["demographic_parity_ratio"])
    positives = [y[group == g].any() for g in "AB"]
    negatives = [(y[group == g] == 0).any() for g in "AB"]
    opportunity = fairlearn.equal_opportunity_difference(y, hit, **theirs)
    odds = fairlearn.equalized_odds_difference(y, hit, **theirs)
    if all(positives):
        assert found["equal_opportunity_difference"] == pytest.approx(opportunity, abs=1e-12)
    else:
        assert np.isnan(found["equal_opportunity_difference"])
    if all(positives + negatives):
        assert found["equalized_odds_difference"] == pytest.approx(odds, abs=1e-12)
    else:
        assert np.isnan(found["equalized_odds_difference"])


@given(rows)
@settings(deadline=None, max_examples=25)
@pytest.mark.filterwarnings("ignore")
def test_values_are_those_of_aif360(data):
    aif360 = load_aif360()
    y, p, group, w = map(np.array, zip(*data, strict=True))
    if any(len(set(y[group == g])) < 2 for g in "AB"):
        return
    hit = (p >= 0.5).astype(float)
    frame = pd.DataFrame({"group": (group == "A").astype(float), "label": y.astype(float), "w": w * 1.0})
    options = {"label_names": ["label"], "protected_attribute_names": ["group"], "instance_weights_name": "w"}
    given_ = aif360.datasets.BinaryLabelDataset(df=frame, **options)
    decided = given_.copy()
    decided.labels = hit[:, None]
    metric = aif360.metrics.ClassificationMetric(given_, decided, [{"group": 0.0}], [{"group": 1.0}])
    found = quiet(y, p, group, min_size=1, n_resamples=0, sample_weight=w * 1.0)["difference"]
    same = {
        "demographic_parity_difference": metric.statistical_parity_difference(),
        "equal_opportunity_difference": metric.equal_opportunity_difference(),
        "equalized_odds_difference": metric.equalized_odds_difference(),
    }
    for name, theirs in same.items():
        assert found[name] == pytest.approx(abs(theirs), abs=1e-12)


def test_values_do_not_depend_on_whether_intervals_are_asked_for():
    plain, drawn = fairness_gaps(Y, P, GROUPS, n_resamples=0), fairness_gaps(Y, P, GROUPS)
    pd.testing.assert_series_equal(plain["difference"], drawn["difference"])
    assert plain["low"].isna().all()
    assert list(drawn.index) == list(GAPS)


def test_value_lies_in_its_interval_and_names_its_groups():
    found = fairness_gaps(Y, P, GROUPS)
    assert (found["low"] < found["difference"]).all()
    assert (found["difference"] < found["high"]).all()
    shares = pd.Series(P >= 0.5).groupby(GROUPS).mean()
    parity = found.loc["demographic_parity_difference"]
    assert (parity["lowest_group"], parity["highest_group"]) == (shares.idxmin(), shares.idxmax())


def test_gap_of_two_groups_agrees_with_the_normal_interval():
    found = fairness_gaps(Y[TWO], P[TWO], GROUPS[TWO], n_resamples=20_000)
    hit = pd.Series(P[TWO] >= 0.5).groupby(GROUPS[TWO])
    half = 1.96 * np.sqrt((hit.mean() * (1 - hit.mean()) / hit.size()).sum())
    row = found.loc["demographic_parity_difference"]
    assert row["low"] == pytest.approx(row["difference"] - half, abs=0.004)
    assert row["high"] == pytest.approx(row["difference"] + half, abs=0.004)


def test_lower_end_rarely_exceeds_zero_for_groups_drawn_by_lot():
    rng = np.random.default_rng(0)
    lows = [
        fairness_gaps(Y, P, rng.choice(list("wxyz"), N), n_resamples=1500, random_state=rng)["low"]
        for _ in range(300)
    ]
    above = (pd.DataFrame(lows)[["equal_opportunity_difference", "equalized_odds_difference"]] > 0).mean()
    assert (above <= 0.09).all()  # about 5% is meant; the largest gap itself is always above 0


def test_interval_of_a_rate_of_one_is_open():
    y, groups = np.ones(80, int), np.repeat(["a", "b"], 40)
    p = np.ones(80)
    p[40:48] = 0
    row = quiet(y, p, groups).loc["equal_opportunity_difference"]
    assert row["difference"] == pytest.approx(0.2)
    assert row["low"] < 0.1


def test_more_groups_make_the_lower_end_more_careful():
    two = fairness_gaps(Y[TWO], P[TWO], GROUPS[TWO]).loc["demographic_parity_difference"]
    y, p = np.r_[Y[TWO], Y[:900]], np.r_[P[TWO], P[:900]]
    middle = np.r_[GROUPS[TWO], np.repeat(["d", "e", "f"], 300)]
    many = fairness_gaps(y, p, middle).loc["demographic_parity_difference"]
    assert (many["lowest_group"], many["highest_group"]) == (two["lowest_group"], two["highest_group"])
    assert many["low"] < two["low"]


def test_small_group_is_left_out_and_named():
    groups = np.where(np.arange(N) < 6, "tiny", GROUPS)
    with pytest.warns(UserWarning, match="fewer than 30 rows: selection_rate of tiny"):
        found = fairness_gaps(Y, P, groups)
    assert found["difference"].notna().all()
    assert "tiny" not in set(found["lowest_group"]) | set(found["highest_group"])


def test_one_class_group_leaves_equalized_odds_undefined_and_says_so():
    y = np.where(GROUPS == "a", 1, Y)[TWO]
    with pytest.warns(UserWarning, match="not defined, so NaN: equalized_odds_difference"):
        found = fairness_gaps(y, P[TWO], GROUPS[TWO])
    assert np.isnan(found.loc["equalized_odds_difference", "difference"])
    assert found.loc["equal_opportunity_difference", "difference"] > 0


def test_single_group_is_undefined_and_says_so():
    with pytest.warns(UserWarning, match="not defined, so NaN: demographic_parity_difference"):
        found = fairness_gaps(Y, P, ["x"] * N)
    assert found["difference"].isna().all()


def test_ratio_of_nobody_selected_is_nan():
    with pytest.warns(UserWarning, match="demographic_parity_ratio"):
        found = fairness_gaps(Y, P, GROUPS, threshold=1.1)
    assert np.isnan(found.loc["demographic_parity_ratio", "low"])
    assert found.loc["demographic_parity_difference", "difference"] == 0


def test_missing_group_is_a_group_and_columns_are_combined():
    groups = pd.DataFrame({"a": GROUPS, "b": np.where(np.arange(N) % 2, "odd", None)})
    found = fairness_gaps(Y, P, groups)
    names = set(found["lowest_group"]) | set(found["highest_group"])
    assert names <= {f"{a}, {b}" for a in "abc" for b in ("odd", "missing")}


def test_weights_have_no_interval_and_equal_repeated_rows():
    w = np.random.default_rng(1).integers(1, 4, N)
    weighted = fairness_gaps(Y, P, GROUPS, sample_weight=w)
    repeated = fairness_gaps(np.repeat(Y, w), np.repeat(P, w), np.repeat(GROUPS, w), n_resamples=0)
    np.testing.assert_allclose(weighted["difference"], repeated["difference"], atol=1e-12)
    assert weighted["low"].isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 1.0}, "level in"),
        ({"n_resamples": -1}, "n_resamples"),
        ({"min_size": 0}, "min_size"),
        ({"groups": ["a"]}, "has 1 rows"),
        ({"p": np.full(N, np.nan)}, "row 0 is nan"),
        ({"y": np.full(N, np.nan)}, "only 0 and 1"),
    ],
)
def test_wrong_input_is_refused(options, message):
    given_ = {"y": Y, "p": P, "groups": GROUPS} | options
    with pytest.raises(ValueError, match=message):
        fairness_gaps(given_.pop("y"), given_.pop("p"), given_.pop("groups"), **given_)


def test_several_columns_give_their_groups_and_their_intersections():
    groups = pd.DataFrame({"g": GROUPS, "half": np.where(np.arange(N) % 2, "odd", "even")})
    table = metrics_by_group(Y, P, groups, intersections=True)
    assert table.index.unique(0).tolist() == ["g", "half", "g x half"]
    pd.testing.assert_frame_equal(table.loc["g"], metrics_by_group(Y, P, GROUPS))
    both = groups["g"] + ", " + groups["half"]
    pd.testing.assert_frame_equal(table.loc["g x half"], metrics_by_group(Y, P, both))
    found = disparities(table)
    assert found["attribute"].unique().tolist() == ["g", "half", "g x half"]
    first = found[found["attribute"] == "g"].drop(columns="attribute")
    pd.testing.assert_frame_equal(first, disparities(table.loc["g"]))


def test_small_intersection_is_named_with_its_attribute():
    groups = {"g": GROUPS, "rare": np.where(np.arange(N) < 9, "yes", None)}
    with pytest.warns(UserWarning, match="rare=yes, g x rare=a, yes"):
        table = metrics_by_group(Y, P, groups, intersections=True)
    assert table["small"].sum() == 1 + len(set(GROUPS[:9]))


@pytest.mark.parametrize("groups", [GROUPS, {"g": GROUPS}, {}])
def test_intersections_need_two_columns(groups):
    with pytest.raises(ValueError, match="two"):
        metrics_by_group(Y, P, groups, intersections=True)
