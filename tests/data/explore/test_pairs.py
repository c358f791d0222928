import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats.contingency import association as scipy_association
from sklearn.metrics import mutual_info_score

from mlhelpers.data.explore import association, correlation_ratio, cramers_v, mutual_information

RNG = np.random.default_rng(3)


def mixed(n=400, random_state=0):
    rng = np.random.default_rng(random_state)
    base = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": base + rng.normal(size=n),
            "skewed": np.exp(base),
            "count": rng.poisson(np.exp(base / 2)),
            "plan": np.where(base + rng.normal(size=n) > 0, "big", "small"),
            "place": rng.choice(["n", "s", "e", "w"], n).astype(object),
            "flag": rng.random(n) < 0.4,
            "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(np.round(10 * base), unit="D"),
        }
    )
    frame.loc[rng.random(n) < 0.2, "x"] = np.nan
    frame.loc[rng.random(n) < 0.1, "skewed"] = np.nan
    frame.loc[rng.random(n) < 0.15, "place"] = None
    return frame


category_pairs = st.integers(2, 60).flatmap(
    lambda n: st.tuples(*(arrays(np.int64, n, elements=st.integers(0, top)) for top in (4, 3)))
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(category_pairs)
def test_uncorrected_v_agrees_with_scipy(drawn):
    a, b = drawn
    table = pd.crosstab(a, b).to_numpy()
    ours = cramers_v(a.astype(str), b.astype(str), bias_correction=False)
    if min(table.shape) < 2:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(scipy_association(table, method="cramer"), abs=1e-9)
        assert 0 <= cramers_v(a.astype(str), b.astype(str)) <= 1


@settings(max_examples=100, deadline=None)
@given(category_pairs)
def test_uncorrected_information_agrees_with_scikit_learn(drawn):
    a, b = drawn
    ours = mutual_information(a.astype(str), b.astype(str), bias_correction=False)
    assert ours == pytest.approx(max(0, mutual_info_score(a, b)), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(category_pairs)
def test_ratio_is_the_between_share_of_the_variance(drawn):
    codes, numbers = drawn
    table = pd.DataFrame({"g": codes, "y": numbers.astype(float)})
    ours = correlation_ratio(table["g"].astype(str), table["y"], bias_correction=False)
    total = ((table["y"] - table["y"].mean()) ** 2).sum()
    if total == 0 or table["g"].nunique() < 2:
        assert np.isnan(ours)
    else:
        between = ((table.groupby("g")["y"].transform("mean") - table["y"].mean()) ** 2).sum()
        assert ours == pytest.approx(np.sqrt(between / total), abs=1e-9)
        n, k = len(table), table["g"].nunique()
        epsilon2 = max(0, 1 - (1 - between / total) * (n - 1) / (n - k)) if n > k else 0
        corrected = correlation_ratio(table["g"].astype(str), table["y"])
        assert corrected**2 == pytest.approx(epsilon2, abs=1e-9)


def test_matrix_holds_what_the_pairwise_functions_say():
    frame = mixed()
    result = association(frame)
    assert result.matrix.loc["plan", "place"] == cramers_v(frame["plan"], frame["place"])
    for category in ("plan", "place"):
        for number in ("x", "skewed", "count"):
            expected = correlation_ratio(frame[category], frame[number])
            assert result.matrix.loc[category, number] == pytest.approx(expected, abs=1e-12)
    plain = association(frame, bias_correction=False).matrix
    expected = correlation_ratio(frame["place"], frame["x"], bias_correction=False)
    assert plain.loc["place", "x"] == pytest.approx(expected, abs=1e-12)
    assert plain.loc["place", "x"] > result.matrix.loc["place", "x"]
    information = association(frame, measure="mutual_information").matrix
    assert information.loc["x", "place"] == mutual_information(frame["x"], frame["place"])


def test_information_is_that_of_two_normal_variables():
    r = 0.6
    data = RNG.multivariate_normal([0, 0], [[1, r], [r, 1]], size=200_000)
    found = mutual_information(data[:, 0], data[:, 1], bins=40)
    assert np.sqrt(1 - np.exp(-2 * found)) == pytest.approx(r, abs=0.02)


def test_correction_takes_the_ghost_out_of_many_levels():
    noise = RNG.integers(0, 100, 1000).astype(str)
    answer = RNG.integers(0, 2, 1000).astype(str)
    assert cramers_v(noise, answer, bias_correction=False) > 0.2
    assert cramers_v(noise, answer) < 0.12
    assert mutual_information(noise, answer, bias_correction=False) > 0.03
    assert mutual_information(noise, answer) < 0.02
    number = RNG.normal(size=1000)
    assert correlation_ratio(noise, number, bias_correction=False) > 0.25
    assert correlation_ratio(noise, number) < 0.15


def test_identical_categories_have_v_one_and_independent_ones_zero():
    side = np.array(["a", "b"] * 50)
    other = np.repeat(["c", "d"], 50)
    assert cramers_v(side, side) == pytest.approx(1)
    assert cramers_v(side, other) == 0


def test_ratio_of_two_categories_is_pearson():
    flag, x = RNG.random(300) < 0.3, RNG.normal(size=300)
    expected = abs(np.corrcoef(flag, x)[0, 1])
    assert correlation_ratio(flag, x, bias_correction=False) == pytest.approx(expected)


def test_as_many_levels_as_rows_tell_nothing():
    assert correlation_ratio(list("abcdef"), [1.0, 2, 3, 4, 5, 6]) == 0
    assert cramers_v(list("abcdef"), list("uvwxyz")) == 0


def test_pairwise_functions_refuse_unequal_lengths_and_one_bin():
    with pytest.raises(ValueError, match="same length, got 2 and 3"):
        cramers_v(["a", "b"], ["a", "b", "c"])
    with pytest.raises(ValueError, match="bins must be at least 2, got 1"):
        mutual_information([1.0, 2], [1.0, 2], bins=1)
