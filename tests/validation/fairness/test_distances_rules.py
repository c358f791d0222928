"""Group metrics and gaps against counts that are written down, their limits against the stated draws."""

import warnings

import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.fairness import fairness_gaps, group_metrics
from mlhelpers.validation.fairness.distances import (
    GAPS,
    GROUP_METRICS,
    _bounds,
    _largest,
    _limits,
    _spreads,
    group_codes,
)

# Of group a 5 hits, 3 false alarms, 2 misses, 10 correct rejections; of group b 1, 4, 5 and 2.
COUNTS = {"a": (5, 3, 2, 10), "b": (1, 4, 5, 2)}
LABEL, CHOSEN = (1, 0, 1, 0), (1, 1, 0, 0)


def rows(counts):
    parts = [
        (np.repeat(LABEL, c), np.repeat(CHOSEN, c), np.repeat(group, sum(c))) for group, c in counts.items()
    ]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


Y, D, G = rows(COUNTS)
EXPECTED = {
    "accuracy": (15 / 20, 3 / 12),
    "precision": (5 / 8, 1 / 5),
    "selection_rate": (8 / 20, 5 / 12),
    "true_positive_rate": (5 / 7, 1 / 6),
    "false_positive_rate": (3 / 13, 4 / 6),
    "true_negative_rate": (10 / 13, 2 / 6),
    "false_negative_rate": (2 / 7, 5 / 6),
    "f1": (10 / 15, 2 / 11),
    "base_rate": (7 / 20, 6 / 12),
}


def test_every_metric_follows_from_its_counts():
    table = group_metrics(Y, D, G, metrics=list(GROUP_METRICS))
    assert list(EXPECTED) == list(GROUP_METRICS)
    assert table["n"].tolist() == [20, 12]
    for name, values in EXPECTED.items():
        assert table[name].tolist() == pytest.approx(list(values)), name


def test_five_metrics_without_intervals_unless_told_otherwise():
    table = group_metrics(Y, D, G)
    expected = ["n", "accuracy", "precision", "selection_rate", "true_positive_rate", "false_positive_rate"]
    assert list(table) == expected
    assert table["n"].dtype == np.int64


def test_weights_count_and_rows_are_still_rows():
    table = group_metrics(Y, D, G, metrics=["accuracy"], sample_weight=np.where(Y == D, 3.0, 1.0))
    assert table["n"].tolist() == [20, 12]
    assert table["accuracy"].tolist() == pytest.approx([45 / 50, 9 / 18])
    with pytest.raises(ValueError, match="intervals of weighted rows"):
        group_metrics(Y, D, G, sample_weight=np.ones(32), n_resamples=1)


def test_limits_are_quantiles_of_multinomial_draws_of_seed_zero():
    table = group_metrics(Y, D, G, metrics=["accuracy"], n_resamples=40)
    rng = np.random.default_rng(0)
    counts = np.array([[10, 3, 2, 5], [2, 4, 5, 1]])  # tn, fp, fn, tp
    draws = np.stack([rng.multinomial([20, 12], counts / [[20], [12]]) for _ in range(40)])
    accuracy = draws[:, :, [0, 3]].sum(axis=2) / [20, 12]
    assert table["accuracy_low"].tolist() == pytest.approx(list(np.quantile(accuracy, 0.025, axis=0)))
    assert table["accuracy_high"].tolist() == pytest.approx(list(np.quantile(accuracy, 0.975, axis=0)))
    assert (table["accuracy_low"] < table["accuracy"]).all()
    one = group_metrics(Y, D, G, metrics=["accuracy"], n_resamples=1)
    assert (one["accuracy_low"] == one["accuracy_high"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_resamples": -1}, "n_resamples must be at least 0"),
        ({"level": 0.0}, "level in"),
        ({"level": 1.0}, "level in"),
        ({"metrics": []}, "choose from accuracy"),
        ({"metrics": ["recall"]}, r"unknown metrics \['recall'\]"),
    ],
)
def test_options_at_their_ends_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        group_metrics(Y, D, G, **options)


@pytest.mark.parametrize(("n_groups", "more"), [(5, ""), (6, " and 1 more"), (8, " and 3 more")])
def test_five_undefined_figures_are_named_and_the_rest_counted(n_groups, more):
    groups = [f"g{number}" for number in range(n_groups)]
    with pytest.warns(
        UserWarning, match=r"not defined, so NaN: precision of g0, .*precision of g4" + more + "$"
    ):
        group_metrics([1] * n_groups, [0] * n_groups, groups, metrics=["precision"])
    groups = np.repeat(groups, 40)
    shown = ", ".join(f"false_positive_rate of g{number}" for number in range(5))
    with pytest.warns(UserWarning, match=f"resting on fewer than 30 rows: {shown}{more}; not defined"):
        fairness_gaps(np.ones(len(groups)), np.ones(len(groups)), groups, n_resamples=0)


@pytest.mark.parametrize("values", [[0, 1, 2, 5], [0, 1, -1, 7]])
def test_first_value_that_is_no_label_is_named_with_its_row(values):
    with pytest.raises(ValueError, match=f"y must hold only 0 and 1; row 2 is .*{values[2]}"):
        group_metrics(values, [0, 1, 0, 1], list("aabb"))
    with pytest.raises(ValueError, match=r"decision must be one-dimensional, got shape \(2, 2\)"):
        group_metrics([0, 1], [[0, 1], [1, 0]], list("ab"))
    with pytest.raises(ValueError, match="y has 0 rows and decision 0"):
        group_metrics([], [], [])


def test_combinations_that_occur_are_numbered():
    frame = {"one": ["x", "y", "x", None], "two": ["u", "v", "v", "u"]}
    codes, index = group_codes(frame, 4)
    assert [index[code] for code in codes] == [("x", "u"), ("y", "v"), ("x", "v"), ("missing", "u")]
    assert len(index) == 4 and index.names == ["one", "two"]
    single, names = group_codes(pd.Series(["b", "a", "b"], dtype="category").cat.add_categories("c"), 3)
    assert [names[code] for code in single] == ["b", "a", "b"]
    assert (len(names), names.name) == (2, "group")
    with pytest.raises(ValueError, match="'two' has 2 rows, y has 3"):
        group_codes({"one": [1, 2, 3], "two": [1, 2]}, 3)
    with pytest.raises(ValueError, match="sensitive has no column"):
        group_codes({}, 3)


def gaps(**options):
    return fairness_gaps(Y, D, G, **({"min_size": 1} | options))


def test_gaps_are_distances_of_the_rates():
    table = gaps(n_resamples=0)
    rate = {name: dict(zip("ab", values, strict=True)) for name, values in EXPECTED.items()}
    expected = {
        "demographic_parity_difference": 5 / 12 - 8 / 20,
        "demographic_parity_ratio": (8 / 20) / (5 / 12),
        "equal_opportunity_difference": 5 / 7 - 1 / 6,
        "equalized_odds_difference": 5 / 7 - 1 / 6,
        "precision_difference": rate["precision"]["a"] - rate["precision"]["b"],
        "accuracy_difference": 0.5,
    }
    assert table["difference"].to_dict() == pytest.approx(expected)
    lowest = ["a", "a", "b", "b", "b", "b"]
    assert table["lowest_group"].tolist() == lowest
    assert table["highest_group"].tolist() == ["b" if name == "a" else "a" for name in lowest]
    assert table[["low", "high"]].isna().all(axis=None)


def test_limits_of_gaps_are_those_of_the_stated_draws():
    """Beta(k + 1/2, n - k + 1/2) in the order of the rates; each comparison gets its share of the error."""
    n_resamples, level = 400, 0.9
    table = gaps(n_resamples=n_resamples, level=level)
    hits = {"selection_rate": ((8, 20), (5, 12)), "true_positive_rate": ((5, 7), (1, 6)),
            "false_positive_rate": ((3, 13), (4, 6)), "precision": ((5, 8), (1, 5)),
            "accuracy": ((15, 20), (3, 12))}  # fmt: skip
    rng, spread = np.random.default_rng(0), {}
    for rate, pairs in hits.items():
        k, n = np.array(pairs).T
        draws = rng.beta(k + 0.5, n - k + 0.5, (n_resamples, 2))
        spread[rate] = draws
    for name, (rates, kind) in GAPS.items():
        tail = (1 - level) / 2 / len(rates)
        lows, highs = [], []
        for rate in rates:
            (k_a, n_a), (k_b, n_b) = hits[rate]
            a, b = spread[rate].T
            low, high = (a, b) if k_a / n_a <= k_b / n_b else (b, a)
            distance = low / high if kind == "ratio" else high - low
            bottom, top = np.quantile(distance, [tail, 1 - tail])
            lows.append(bottom)
            highs.append(top if kind == "ratio" else max(top, -bottom))
        best = min if kind == "ratio" else max
        assert table.loc[name, "low"] == pytest.approx(best(lows)), name
        assert table.loc[name, "high"] == pytest.approx(best(highs)), name


STATED = {"n_resamples": 2000, "level": 0.95, "random_state": 0, "threshold": 0.5}
OTHERS = [{"n_resamples": 1999}, {"level": 0.94}, {"random_state": 1}, {"threshold": 0.6}]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_defaults_of_gaps_are_those_of_the_documentation(other):
    p = np.where(D == 1, np.where(np.arange(32) % 2, 0.55, 0.9), 0.1)

    def table(**options):
        return fairness_gaps(Y, p, G, min_size=1, **options)

    pd.testing.assert_frame_equal(table(), table(**STATED))
    assert not table().equals(table(**STATED | other))


@pytest.mark.parametrize(("size", "left_out"), [(30, False), (29, True)])
def test_a_rate_needs_thirty_rows(size, left_out):
    y, decision, groups = rows({"a": (20, 20, 20, 20), "b": (size - 10, 40, 10, 40)})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = fairness_gaps(y, decision, groups, n_resamples=0)
    assert bool(said) is left_out
    assert np.isnan(table.loc["equal_opportunity_difference", "difference"]) == left_out
    assert np.isnan(table.loc["equalized_odds_difference", "difference"]) == left_out
    assert not np.isnan(table.loc["precision_difference", "difference"])
    if left_out:
        assert "left out, resting on fewer than 30 rows: true_positive_rate of b; not defined" in str(
            said[0].message
        )


@pytest.mark.parametrize(
    "options", [{"n_resamples": -1}, {"level": 0}, {"level": 1}, {"min_size": 0}, {"level": 1.5}]
)
def test_options_of_gaps_at_their_ends_are_refused(options):
    with pytest.raises(ValueError, match="n_resamples must be at least 0, level in"):
        gaps(**options)


def test_nobody_selected_leaves_the_ratio_undefined():
    with pytest.warns(UserWarning, match="demographic_parity_ratio"):
        table = fairness_gaps([0, 1] * 40, [0] * 80, list("ab") * 40, n_resamples=20)
    assert table.loc["demographic_parity_ratio"].isna().all()
    assert table.loc["demographic_parity_difference", "difference"] == 0


def of_all_pairs(draws, low, high, kind, tail):
    a, b = draws[:, low], draws[:, high]
    bottom, top = np.quantile(a / b if kind == "ratio" else b - a, [tail, 1 - tail], axis=0)
    return (bottom.min(), top.min()) if kind == "ratio" else (bottom.max(), np.maximum(top, -bottom).max())


@pytest.mark.parametrize("kind", ["ratio", "difference"])
@pytest.mark.parametrize(
    ("n", "tail"), [(300, 0.01), (300, 1 / 299), (300, 0.001), (100, 0.0001), (1, 0.01), (2, 0.3)]
)
def test_limits_are_those_of_all_pairs_on_either_side_of_the_outermost_draws(kind, n, tail):
    rng = np.random.default_rng(5)
    draws = np.asfortranarray(rng.beta(rng.uniform(1, 9, 14), 4, (n, 14)))
    low, high = np.triu_indices(14, 1)
    found = _limits(draws, low, high, kind, tail)
    assert found == pytest.approx(of_all_pairs(draws, low, high, kind, tail))


@pytest.mark.parametrize("kind", ["ratio", "difference"])
def test_bounds_are_never_passed(kind):
    rng = np.random.default_rng(6)
    draws = np.asfortranarray(rng.uniform(0.1, 0.9, (200, 6)))
    draws[0] = [0.01, 0.99, 0.02, 0.98, 0.03, 0.97]  # the outermost draw is the first one
    low, high = np.triu_indices(6, 1)
    inner, outer = _bounds(draws, low, high, kind)
    ((_, spread),) = _spreads(draws, low, high, kind, block=99)
    if kind == "ratio":
        assert (outer <= spread.min(axis=1)).all() and (inner <= np.sort(spread, axis=1)[:, -2]).all()
    else:
        assert (outer >= np.abs(spread).max(axis=1)).all()
        assert (inner >= np.sort(spread, axis=1)[:, 1]).all()


def test_largest_stops_only_when_no_bound_reaches_it(monkeypatch):
    monkeypatch.setattr("mlhelpers.validation.fairness.distances._BLOCK", 2)
    asked = []

    def value(pairs):
        asked.append(pairs.tolist())
        return np.array([3.0, 1.0, 2.0, 2.5])[pairs]

    assert _largest(np.array([3.5, 4.0, 2.5, 3.0]), value, 1) == 3.0
    assert asked == [[1, 0], [3, 2]]
    asked.clear()
    assert _largest(np.array([5.0, 4.0, 2.5, 2.9]), value, 1) == 3.0
    assert asked == [[0, 1]]
    assert _largest(np.array([5.0]), value, 100) == 3.0
