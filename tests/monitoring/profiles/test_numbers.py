import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhelpers.monitoring.profiles import (
    suggest_origins,
)
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
