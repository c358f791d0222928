"""Distances of counts that are written down, the cuts of the bins, and the defaults."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import drift_table, jensen_shannon, ks_distance, population_stability_index
from mlhelpers.monitoring.drift.distances import (
    _bin_counts,
    _category_counts,
    _cuts,
    chi_square,
    js_of_counts,
    missing_rate_change,
    psi_of_counts,
)

REFERENCE = np.random.default_rng(0).normal(size=997)
CURRENT = REFERENCE[:400] * 1.3 + 0.4


def test_ten_bins_unless_told_otherwise():
    for distance in (population_stability_index, jensen_shannon):
        found = distance(REFERENCE, CURRENT)
        assert found == distance(REFERENCE, CURRENT, bins=10)
        assert found not in (distance(REFERENCE, CURRENT, bins=9), distance(REFERENCE, CURRENT, bins=11))


def test_two_bins_are_enough_and_one_is_not():
    cut = np.median(REFERENCE)
    counts = [np.array([(side <= cut).sum(), (side > cut).sum()]) for side in (REFERENCE, CURRENT)]
    assert population_stability_index(REFERENCE, CURRENT, bins=2) == pytest.approx(psi_of_counts(*counts))
    assert jensen_shannon(REFERENCE, CURRENT, bins=2) == pytest.approx(js_of_counts(*counts))
    for distance in (population_stability_index, jensen_shannon):
        with pytest.raises(ValueError, match="bins must be at least 2"):
            distance(REFERENCE, CURRENT, bins=1)


@pytest.mark.parametrize("epsilon", [0, 1, -0.1, 1.5])
def test_smallest_share_lies_between_zero_and_one(epsilon):
    with pytest.raises(ValueError, match="epsilon in"):
        population_stability_index(REFERENCE, CURRENT, epsilon=epsilon)


def test_empty_bin_counts_as_a_ten_thousandth():
    expected = 2 * (1 - 1e-4) * np.log(1e4)
    assert psi_of_counts(np.array([5, 0]), np.array([0, 7])) == pytest.approx(expected, rel=1e-12)
    assert population_stability_index([1.0, 1.0], [9.0]) == pytest.approx(expected, rel=1e-12)
    assert population_stability_index([1.0], [9.0], epsilon=0.01) == pytest.approx(2 * 0.99 * np.log(100))
    frames = pd.DataFrame({"x": ["a"] * 5}), pd.DataFrame({"x": ["b"] * 7})
    table = drift_table(*frames, numeric=[], categorical=["x"])
    assert table["psi"][0] == pytest.approx(expected, rel=1e-12)


def test_index_and_distance_of_written_counts():
    a, b = np.array([50, 0, 50]), np.array([80, 0, 20])
    assert psi_of_counts(a, b) == pytest.approx(0.3 * np.log(1.6) + 0.3 * np.log(2.5))
    p, q = np.array([0.5, 0.5]), np.array([0.8, 0.2])
    middle = (p + q) / 2
    expected = np.sqrt((np.sum(p * np.log2(p / middle)) + np.sum(q * np.log2(q / middle))) / 2)
    assert js_of_counts(a, b) == pytest.approx(expected)
    assert js_of_counts(np.array([3, 0]), np.array([0, 4])) == 1
    assert js_of_counts(a, a * 2) == 0


def test_few_values_are_cut_midway():
    assert _cuts(np.array([4.0, 1.0, 2.0, 2.0, np.inf]), 10).tolist() == [0.5, 1.5, 3.0, 4.5]
    assert len(_cuts(np.arange(10.0), 10)) == 11
    assert _cuts(np.array([3.0, 3.0]), 10).tolist() == [3.0]


def test_many_values_are_cut_at_their_quantiles():
    values = np.arange(101.0)
    assert _cuts(values, 10).tolist() == list(range(10, 100, 10))
    assert _cuts(values, 2).tolist() == [50.0]
    assert _cuts(np.arange(11.0), 10).tolist() == [place + 0.5 for place in range(1, 10)]  # each is 9%


@pytest.mark.parametrize(("times", "cut"), [(5, 48.5), (4, 48.0)])
def test_a_cut_at_a_value_of_five_percent_lies_midway_to_the_next(times, cut):
    values = np.concatenate([np.arange(48.0), np.full(times, 48.0), np.arange(49.0, 101.0 - times)])
    assert len(values) == 100
    assert _cuts(values, 2).tolist() == [cut]


def test_a_value_on_a_cut_falls_below_it_and_missing_ones_come_last():
    values = np.array([0.0, 1.0, 2.0, np.inf, -np.inf, np.nan, np.nan])
    assert _bin_counts(values, np.array([1.0])).tolist() == [3, 2, 2]
    assert _bin_counts(np.array([0.0]), np.array([1.0, 2.0])).tolist() == [1, 0, 0, 0]


def test_categories_are_counted_on_both_sides_with_missing_ones():
    first, second = _category_counts(["b", None, "a", "b"], ["c", "b"])
    assert first.tolist() == [1, 2, 1, 0]
    assert second.tolist() == [0, 1, 0, 1]
    assert [counts.tolist() for counts in _category_counts(["a"], ["a", "a"])] == [[1], [2]]


@pytest.mark.parametrize("samples", [([], ["a"]), (["a"], [])])
def test_an_empty_sample_on_either_side_is_refused(samples):
    for distance in (chi_square, missing_rate_change):
        with pytest.raises(ValueError, match="must not be empty"):
            distance(*samples)


def test_infinite_values_take_part_in_the_ranks():
    assert ks_distance([1.0, 2.0], [5.0, np.inf]).statistic == 1
    assert ks_distance([1.0, 2.0], [1.0, np.inf]).statistic == 0.5
    assert ks_distance([1.0, 2.0, np.nan], [1.0, 2.0]).statistic == 0


def test_change_of_the_missing_rate_has_its_sign():
    assert missing_rate_change([1, None, None, None], [1, None]) == -0.25


def test_table_puts_the_largest_index_first_and_every_absent_column_once():
    reference = pd.DataFrame({"n": REFERENCE, "k": ["a"] * len(REFERENCE), "gone": np.nan})
    current = pd.DataFrame({"n": CURRENT, "k": ["b"] * len(CURRENT), "gone": 1.0})
    table = drift_table(reference, current, numeric=["n", "gone"], categorical=["k"])
    assert table["column"].tolist() == ["k", "n", "gone"]
    assert table["type"].tolist() == ["categorical", "numeric", "numeric"]
    assert table["distance"].tolist()[:2] == [
        chi_square(reference["k"], current["k"]).effect,
        ks_distance(REFERENCE, CURRENT).effect,
    ]
    assert table["p"][1] == ks_distance(REFERENCE, CURRENT).p
    assert table.loc[2, ["psi", "distance", "p"]].isna().all()
    assert table["missing_change"].tolist() == [0, 0, -1]
    with pytest.raises(ValueError, match=r"columns missing from reference or current: y, z$"):
        drift_table(reference, current, numeric=["n", "y"], categorical=["z"])
    with pytest.raises(ValueError, match=r": y$"):
        drift_table(reference.assign(y=1), current, numeric=["y"], categorical=[])
