import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

from mlhelpers.monitoring import (
    chi_square,
    drift_table,
    ks_distance,
    missing_rate_change,
    population_stability_index,
)
from mlhelpers.monitoring.drift import jensen_shannon, wasserstein_distance

RNG = np.random.default_rng(4)
SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)


@given(SAMPLES)
def test_index_is_zero_for_identical_samples(values):
    assert population_stability_index(values, values) == 0


@given(SAMPLES, SAMPLES)
@settings(deadline=None)
def test_index_is_finite_and_never_negative(a, b):
    assert 0 <= population_stability_index(a, b) < 100


def test_empty_bin_stays_finite():
    assert 5 < population_stability_index(RNG.random(1000), RNG.random(1000) + 10) < 20


def test_index_of_a_known_case():
    reference = np.repeat([1.0, 2.0], 50)
    current = np.repeat([1.0, 2.0], [80, 20])
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert population_stability_index(reference, current, bins=2) == pytest.approx(expected)


def test_missing_values_are_a_bin_of_their_own():
    a = RNG.random(1000)
    b = np.where(RNG.random(1000) < 0.3, np.nan, a)
    assert population_stability_index(a, b) > 0.5
    assert population_stability_index(b, b) == 0


def test_values_out_of_range_and_infinite_fall_into_the_outer_bins():
    a = np.arange(100.0)
    assert population_stability_index(a, np.where(a == 99, np.inf, a)) == 0


@pytest.mark.parametrize("empty", [[], [np.nan, None]])
def test_sample_without_a_value_is_refused(empty):
    with pytest.raises(ValueError, match="reference is empty or has no finite value"):
        population_stability_index(empty, [1.0])
    with pytest.raises(ValueError, match="current is empty"):
        ks_distance([1.0], empty)


@pytest.mark.parametrize("options", [{"bins": 1}, {"epsilon": 0}])
def test_unusable_options_are_refused(options):
    with pytest.raises(ValueError, match="bins must be at least 2"):
        population_stability_index([1.0], [1.0], **options)


def test_kolmogorov_smirnov_agrees_with_scipy():
    a, b = RNG.normal(size=300), RNG.normal(0.2, 1.1, 200)
    expected = ks_2samp(a, b, method="asymp")
    found = ks_distance(np.append(a, np.nan), b)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.effect == found.statistic


def test_chi_square_agrees_with_scipy():
    a, b = RNG.choice(["x", "y", None], 300), RNG.choice(["x", "y", None], 200, p=[0.5, 0.3, 0.2])
    counts = pd.crosstab(
        np.repeat([0, 1], [300, 200]), pd.Series(np.concatenate([a, b])).fillna("none").to_numpy()
    )
    expected = chi2_contingency(counts, correction=False)
    found = chi_square(a, b)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.effect == pytest.approx(np.sqrt(expected.statistic / 500))


def test_new_category_counts_and_a_single_one_is_no_drift():
    assert chi_square(["a"] * 50, ["a"] * 25 + ["b"] * 25).effect > 0.5
    assert chi_square(["a"] * 5, ["a"] * 9) == (0, 1, 0)


@given(st.lists(st.booleans(), min_size=1), st.lists(st.booleans(), min_size=1))
def test_change_of_the_missing_rate_is_the_difference(a, b):
    found = missing_rate_change(*([None if gap else 1.0 for gap in gaps] for gaps in (a, b)))
    assert found == pytest.approx(np.mean(b) - np.mean(a))


def test_table_names_the_column_that_moved_first():
    reference = pd.DataFrame(
        {"a": RNG.random(500), "b": RNG.random(500), "c": RNG.choice(["x", "y"], 500), "d": 1.0}
    )
    current = reference.assign(b=reference["b"] * 1024, d=np.nan)
    table = drift_table(reference, current, numeric=["a", "b", "d"], categorical=["c"])
    assert table["column"].tolist() == ["b", "a", "c", "d"]
    assert table["psi"][:3].tolist()[1:] == [0, 0]
    assert table.loc[3, ["psi", "distance", "p"]].isna().all()
    assert table.loc[3, "missing_change"] == 1
    assert table["type"].tolist() == ["numeric", "numeric", "categorical", "numeric"]


def test_absent_column_and_empty_sample_are_refused():
    frame = pd.DataFrame({"a": [1.0]})
    with pytest.raises(ValueError, match="columns missing from reference or current: b"):
        drift_table(frame, frame, numeric=["a", "b"], categorical=[])
    with pytest.raises(ValueError, match="must not be empty"):
        chi_square([], ["a"])
    with pytest.raises(ValueError, match="must not be empty"):
        missing_rate_change([1], [])


VALUES = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=60)


@given(VALUES, VALUES)
@settings(deadline=None)
def test_jensen_shannon_is_symmetric_at_most_one_and_zero_for_the_same(a, b):
    assert 0 <= jensen_shannon(a, b) <= 1 + 1e-12
    assert jensen_shannon(a, a) == 0


def test_jensen_shannon_of_categories_agrees_with_scipy():
    a, b = ["x"] * 6 + ["y"] * 4, ["x"] * 3 + ["z"] * 7
    assert jensen_shannon(a, b) == pytest.approx(jensenshannon([0.6, 0.4, 0], [0.3, 0, 0.7], base=2))
    assert jensen_shannon([True, False], [True, False]) == 0
    with pytest.raises(ValueError, match="bins must be at least 2"):
        jensen_shannon([1.0], [1.0], bins=1)


def test_wasserstein_is_how_far_values_move():
    a = np.random.default_rng(0).normal(size=300)
    assert wasserstein_distance(np.append(a, np.nan), a + 2) == pytest.approx(2)
    with pytest.raises(ValueError, match="current is empty"):
        wasserstein_distance(a, [np.inf])


DAYS = pd.Series(pd.date_range("2024-01-01", periods=200))
GAPS = np.arange(200) % 4 == 0
KINDS = {
    "naive": DAYS,
    "in seconds": DAYS.astype("datetime64[s]"),
    "zoned": DAYS.dt.tz_localize("Asia/Tokyo"),
    "durations": DAYS - DAYS[0],
    "objects": DAYS.dt.date,
}


@pytest.mark.parametrize("kind", ["naive", "in seconds", "zoned", "durations"])
def test_distances_of_dates_leave_missing_ones_out(kind):
    whole, with_gaps = KINDS[kind], KINDS[kind].where(~GAPS)
    days = np.arange(200.0)
    assert ks_distance(whole, with_gaps) == ks_distance(days, np.where(GAPS, np.nan, days))
    assert wasserstein_distance(whole, with_gaps) == pytest.approx(0.5)
    for distance in (population_stability_index, jensen_shannon):
        assert distance(whole, with_gaps) == pytest.approx(distance(days, np.where(GAPS, np.nan, days)))


@pytest.mark.parametrize("distance", [jensen_shannon, population_stability_index])
def test_few_values_moved_by_a_thousandth_are_no_drift(distance):
    reference = np.repeat([1.0, 2.0, 3.0], 300)
    assert distance(reference, reference + 0.001) == 0
    assert distance(reference, reference + 1) > 0.25
    assert distance(reference, np.repeat([1.0, 2.0, 9.0], 300)) > 0.25
