"""Gaps of many groups: the limits of all pairs, in little time and memory."""

import time
import tracemalloc
import warnings
from itertools import combinations

import fairlearn.metrics as fairlearn
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.validation.fairness import fairness_gaps, load_aif360
from mlhelpers.validation.fairness.distances import _PARTS, GAPS

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


pytestmark = pytest.mark.filterwarnings("ignore:left out:UserWarning")


def limits_of_all_pairs(y, p, groups, n_resamples, seed):
    """The limits as the definition has them: a quantile for each pair of groups, then the outermost."""
    cell = 4 * groups + 2 * y + (p >= 0.5)
    counts = np.bincount(cell, minlength=4 * (groups.max() + 1)).reshape(-1, 4)
    rng, rates, draws = np.random.default_rng(seed), {}, {}
    for rate, (hits, rests_on) in _PARTS.items():
        k, n = counts[:, hits].sum(axis=1), counts[:, rests_on].sum(axis=1)
        rates[rate] = k / n
        draws[rate] = rng.beta(k + 0.5, n - k + 0.5, (n_resamples, len(counts)))
    found = {}
    for name, (parts, kind) in GAPS.items():
        pairs = [
            (r, *sorted(ab, key=rates[r].__getitem__))
            for r in parts
            for ab in combinations(range(len(counts)), 2)
        ]
        tail, ends = 0.025 / len(pairs), []
        for rate, a, b in pairs:
            low, high = draws[rate][:, a], draws[rate][:, b]
            ends.append(np.quantile(low / high if kind == "ratio" else high - low, [tail, 1 - tail]))
        low, high = np.transpose(ends)
        found[name] = (
            (low.min(), high.min()) if kind == "ratio" else (low.max(), max(high.max(), (-low).max()))
        )
    return found


@pytest.mark.parametrize("n_groups, n_resamples", [(2, 500), (5, 300), (25, 300), (40, 700), (12, 2), (6, 1)])
def test_limits_are_those_of_all_pairs(n_groups, n_resamples):
    rng = np.random.default_rng(n_groups)
    n = 300 * n_groups
    y, p, groups = rng.integers(0, 2, n), rng.random(n), np.repeat(np.arange(n_groups), 300)
    table = fairness_gaps(y, p, groups, min_size=1, n_resamples=n_resamples, random_state=3)
    for name, ends in limits_of_all_pairs(y, p, groups, n_resamples, 3).items():
        assert table.loc[name, ["low", "high"]].tolist() == pytest.approx(ends, abs=1e-12), name


def test_gaps_of_300_groups_take_little_memory_and_time():
    rng = np.random.default_rng(0)
    y, p, groups = rng.integers(0, 2, 9000), rng.random(9000), np.repeat(np.arange(300), 30)
    began = time.process_time()
    fairness_gaps(y, p, groups)
    assert time.process_time() - began < 6  # about 1 s; the limit leaves room for a slow machine
    tracemalloc.start()
    fairness_gaps(y, p, groups)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_gaps_of_many_groups_are_those_of_all_pairs():
    rng = np.random.default_rng(0)
    n, groups = 2400, np.repeat(np.arange(40), 60)
    y, p = rng.integers(0, 2, n), rng.random(n)
    table = fairness_gaps(y, p, groups, n_resamples=400)
    rates = pd.Series(p >= 0.5).groupby(groups).mean()
    row = table.loc["demographic_parity_difference"]
    assert row["difference"] == pytest.approx(rates.max() - rates.min())
    draws = np.random.default_rng(0).beta(
        *(np.array([rates * 60, 60 - rates * 60]) + 0.5)[:, None, :].repeat(400, axis=1)
    )
    pairs = [(a, b) if rates[a] <= rates[b] else (b, a) for a in range(40) for b in range(a + 1, 40)]
    tail = 0.025 / len(pairs)
    ends = np.array([np.quantile(draws[:, b] - draws[:, a], [tail, 1 - tail]) for a, b in pairs])
    assert row["low"] == pytest.approx(ends[:, 0].max(), abs=1e-12)
    assert row["high"] == pytest.approx(max(ends[:, 1].max(), -ends[:, 0].min()), abs=1e-12)
