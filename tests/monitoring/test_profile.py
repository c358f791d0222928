import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhelpers.monitoring.profiles import (
    CategoryProfile,
    NumericProfile,
    Profile,
    ProfileBuilder,
    profile,
    suggest_origins,
)
from mlhelpers.monitoring.profiles.categories import CategoryCounter
from mlhelpers.monitoring.profiles.numbers import UNIT, NumericCounter, cell_limits, exact_sum

ANY = st.floats(allow_nan=True, allow_infinity=True)
USUAL = st.floats(-1e9, 1e9)


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "charge": rng.normal(60, 15, n),
            "change": rng.normal(0, 1, n),
            "tickets": rng.poisson(3, n),
            "gb": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "contract": rng.choice(["monthly", "one_year", "two_year"], n),
            "paperless": rng.random(n) < 0.4,
        }
    )
    frame.loc[rng.random(n) < 0.05, "contract"] = None
    return frame


FRAME = rows(3000)
WHOLE = profile(FRAME)


def counted(values, **options):
    counter = NumericCounter(**options)
    counter.add(np.asarray(values, dtype=float))
    return counter.result()


@settings(deadline=None)
@given(arrays(float, st.integers(0, 40), elements=ANY), st.integers(0, 40))
def test_two_halves_add_up_to_the_whole_exactly_whatever_the_values(values, cut):
    assert counted(values[:cut]) + counted(values[cut:]) == counted(values)
    assert counted(values[cut:]) + counted(values[:cut]) == counted(values)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", None, 1, 1.0, True]), max_size=30), st.integers(0, 30)
)
def test_two_halves_of_a_category_add_up_below_and_above_the_cap(values, cut):
    def kept(part):
        return profile(pd.DataFrame({"c": pd.Series(part, dtype=object)}), max_categories=3)

    assert kept(values[:cut]) + kept(values[cut:]) == kept(values)


def test_parts_in_any_order_and_number_give_the_same_profile():
    shuffled = FRAME.sample(frac=1, random_state=1)
    assert profile(shuffled) == WHOLE
    assert profile(shuffled.iloc[start : start + 700] for start in range(0, 3000, 700)) == WHOLE
    assert profile(FRAME[:1000]) + profile(FRAME[1000:1001]) + profile(FRAME[1001:]) == WHOLE


def test_a_part_that_differs_in_one_value_is_not_equal():
    other = FRAME.copy()
    other.loc[7, "charge"] = np.nextafter(other.loc[7, "charge"], 1e9)
    assert profile(other) != WHOLE
    assert WHOLE != "a profile"


def test_arrow_tables_and_batches_give_the_profile_of_the_frame():
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    assert profile(table) == WHOLE
    assert profile(table.to_batches(max_chunksize=999)) == WHOLE


def test_categories_text_and_plain_objects_are_counted_alike():
    for kind in ("category", "string"):
        assert profile(FRAME.astype({"contract": kind})) == WHOLE


def test_whole_numbers_with_a_gap_name_the_same_categories():
    whole, gap = pd.DataFrame({"plan": [1, 2, 2]}), pd.DataFrame({"plan": [1, 2, 2, None]})
    first, second = (profile(frame, categorical=["plan"])["plan"] for frame in (whole, gap))
    assert first.counts == second.counts == {"1": 1, "2": 2}
    assert second.missing == 1


def test_moments_agree_with_numpy_and_the_mean_with_exact_addition():
    for name in ("charge", "change", "tickets", "gb"):
        values = FRAME[name].dropna().to_numpy(dtype=float)
        assert WHOLE[name].mean == math.fsum(values) / len(values)
        assert WHOLE[name].sd == pytest.approx(values.std(ddof=1), rel=1e-12)
        assert (WHOLE[name].low, WHOLE[name].high) == (values.min(), values.max())


@settings(deadline=None)
@given(arrays(float, st.integers(1, 50), elements=st.floats(-(2.0**499), 2.0**499)))
def test_sum_has_no_rounding_error(values):
    total = exact_sum(values.copy())
    assert total / (1 << UNIT) == math.fsum(values)


def test_sum_of_the_smallest_and_largest_values_is_exact():
    assert exact_sum(np.array([5e-324, 2.0**500, -(2.0**500), 5e-324])) == 2
    assert exact_sum(np.zeros(3)) == 0


@settings(deadline=None)
@given(st.lists(USUAL, min_size=1, max_size=60), st.floats(0, 1))
def test_quantile_is_right_to_the_width_of_a_cell(values, q):
    expected = np.quantile(values, q, method="inverted_cdf")
    found = counted(values).quantile(q)
    # rank differs where q * n is rounded; the neighbors then count too
    near = np.sort(values)[
        np.clip(int(np.ceil(q * len(values))) - 1 + np.array([-1, 0, 1]), 0, len(values) - 1)
    ]
    limit = 2.0**-11 * np.abs(near) + 2.0**-100
    assert (np.abs(found - near) <= limit).any() or found == expected


@settings(deadline=None)
@given(st.lists(USUAL, min_size=1, max_size=60))
def test_every_value_lies_within_the_limits_of_its_cell(values):
    kept = counted(values)
    low, high = cell_limits(kept.keys, 0.0, kept.low, kept.high, kept.whole)
    repeated = np.repeat(low, kept.counts), np.repeat(high, kept.counts)
    assert (repeated[0] <= np.sort(values)).all() and (np.sort(values) <= repeated[1]).all()
    assert kept.counts.sum() == len(values)


def test_whole_numbers_up_to_4096_are_kept_as_they_are():
    kept = counted(np.arange(-4096, 4097))
    assert kept.whole
    np.testing.assert_array_equal(kept.values, np.arange(-4096, 4097))


def test_infinite_and_missing_values_are_counted_and_left_out_of_the_moments():
    kept = counted([1.0, 3.0, np.nan, np.inf, -np.inf, -np.inf, 1e200])
    assert (kept.n, kept.missing, kept.infinite_low, kept.infinite_high, kept.known) == (7, 1, 2, 2, 2)
    assert (kept.mean, kept.sd) == (2.0, pytest.approx(np.sqrt(2)))


def test_column_without_a_value_or_with_one_value():
    empty = counted([np.nan, np.nan])
    assert np.isnan([empty.mean, empty.sd, empty.low]).all()
    assert not len(empty.values)
    assert empty == empty + counted([])
    assert counted([np.inf]).known == 0
    assert np.isnan(counted([3.0]).sd)
    assert counted([0.1] * 10).sd == 0
    with pytest.raises(ValueError, match="must have a value"):
        empty.quantile(0.5)


def test_origin_keeps_a_small_spread_beside_a_large_level():
    kelvin = np.random.default_rng(0).normal(300, 0.01, 2000)
    assert len(counted(kelvin).keys) <= 3
    shifted = counted(kelvin, origin=300.0)
    assert len(shifted.keys) > 1000
    assert shifted.mean == pytest.approx(kelvin.mean(), abs=1e-12)
    assert shifted.sd == pytest.approx(kelvin.std(ddof=1), rel=1e-9)
    frame = pd.DataFrame({"kelvin": kelvin, "charge": kelvin * 0 + np.arange(2000)})
    assert list(suggest_origins(frame)) == ["kelvin"]
    assert suggest_origins(frame * np.nan, numeric=["kelvin", "absent"]) == {}


def test_bins_hold_each_row_once_with_missing_last():
    kept = counted([*range(100), np.inf, -np.inf, np.nan])
    counts = kept.bin_counts(kept.cuts(4))
    assert counts.tolist() == [26, 25, 25, 26, 1]
    assert kept.cut_values(4).tolist() == [24, 49, 74]
    kept = counted(FRAME["change"])
    cuts = kept.cut_values(4)
    assert np.diff(np.searchsorted(np.sort(FRAME["change"]), cuts, side="right")).tolist() == pytest.approx(
        [750, 750], abs=3
    )


def test_more_categories_than_the_cap_are_counted_in_buckets():
    frame = pd.DataFrame({"id": [f"customer-{number}" for number in range(5000)] + ["often"] * 100})
    kept = profile(frame)["id"]
    assert kept.counts is None
    assert kept.buckets.sum() == 5100
    assert 100 <= kept.at_most("often") < 110
    named = profile(frame, max_categories=6000)["id"]
    assert (named.at_most("often"), named.at_most("absent")) == (100, 0)
    np.testing.assert_array_equal(named.in_buckets(), kept.buckets)


def test_builder_adds_parts_and_a_profile_like_another_can_be_added():
    builder = ProfileBuilder(FRAME, numeric=["charge"], categorical=["contract"], origin={"charge": 60.0})
    builder.add(FRAME[:10])
    builder.add(FRAME[10:])
    reference = builder.result()
    more = profile(rows(50, seed=2), like=reference)
    assert (reference + more).n_rows == 3050
    assert (reference + more)["charge"].n == 3050


def test_summary_and_text_and_html():
    summary = WHOLE.summary()
    assert summary.loc["charge", "median"] == pytest.approx(FRAME["charge"].median(), rel=0.01)
    assert summary.loc["paperless", "categories"] == 2
    assert summary.loc["contract", "missing"] == FRAME["contract"].isna().mean()
    assert repr(WHOLE) == "Profile(3000 rows, 4 numeric, 2 categorical)"
    assert "profile of 3,000 rows" in WHOLE._repr_html_()
    many = profile(pd.DataFrame({"id": ["a", "b"], "x": np.nan}), max_categories=1).summary()
    assert many.loc["id", "top"] == "more than 1 categories"
    assert np.isnan(profile(FRAME[:0]).summary().loc["charge", "missing"])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (3, {}, "cannot profile a int"),
        ([], {}, "data has no part"),
        (FRAME, {"numeric": ["absent"]}, "columns missing from the data: absent"),
        (FRAME, {"numeric": ["gb"], "categorical": ["gb"]}, "both numeric and categorical"),
        (FRAME, {"origin": {"contract": 1.0}}, "not numeric ones: contract"),
        (FRAME, {"origin": {"gb": np.nan}}, "origin must be a finite number"),
        (FRAME, {"max_categories": 0}, "cap must be at least 1"),
        (FRAME, {"like": WHOLE, "numeric": ["gb"]}, "not both"),
        (FRAME.assign(day=pd.Timestamp("2026-01-01")), {}, "column 'day' is datetime64"),
    ],
)
def test_what_cannot_be_profiled_is_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        profile(data, **options)


def test_profiles_that_do_not_fit_are_not_added():
    with pytest.raises(ValueError, match="different columns cannot be added: gb"):
        WHOLE + profile(FRAME.drop(columns="gb"))
    with pytest.raises(ValueError, match=r"column 'charge': origins 0.0 and 60.0 differ"):
        WHOLE + profile(FRAME, origin={"charge": 60.0})
    with pytest.raises(ValueError, match="column 'contract': caps 1000 and 5 differ"):
        WHOLE + profile(FRAME, max_categories=5)
    number, category = (
        Profile(0, {"x": counter.result()}) for counter in (NumericCounter(), CategoryCounter())
    )
    for first, second in ((number, category), (category, number)):
        with pytest.raises(ValueError, match=r"column 'x': .* cannot be added to a"):
            first + second


def test_kept_columns_are_equal_only_to_their_own_kind():
    assert NumericCounter().result() != CategoryCounter().result()
    assert CategoryCounter().result() != NumericCounter().result()
    assert isinstance(WHOLE["gb"], NumericProfile) and isinstance(WHOLE["contract"], CategoryProfile)


def test_values_of_the_extremes_of_the_grid_stay_finite():
    values = [1e-200, -1e-200, 1e100, -1e100, 0.0]
    kept = counted(values)
    assert kept.keys.tolist() == sorted(kept.keys.tolist())
    assert kept.counts.tolist() == [1, 3, 1]
    assert np.isfinite(kept.values).all()
    assert kept.high == 1e100


@settings(max_examples=20, deadline=None)
@given(arrays(float, 200, elements=USUAL))
def test_batches_with_lower_and_higher_values_widen_the_counts(values):
    counter = NumericCounter()
    for part in np.split(values, 10):
        counter.add(part)
    assert counter.result() == counted(values)


def test_nullable_numbers_and_numbers_as_objects_are_read():
    frame = pd.DataFrame(
        {"a": pd.array([1, None, 3], dtype="Int64"), "b": pd.Series([1, None, 2.5], dtype=object)}
    )
    kept = profile(frame, numeric=["a", "b"])
    assert kept["a"].missing == kept["b"].missing == 1
    assert kept["a"].mean == 2.0
    assert profile(frame[["a"]])["a"].known == 2
