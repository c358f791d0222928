from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhelpers.features.selection import (
    corrected_interval,
    selection_stability,
)


def test_interval_is_wider_than_the_plain_one_by_the_known_factor():
    values = np.array([0.7, 0.8, 0.75, 0.9, 0.85])
    mean, low, high = corrected_interval(values, 0.25, 0.95)
    plain = 2.776445 * values.std(ddof=1) / np.sqrt(5)
    assert mean == pytest.approx(0.8)
    assert high - mean == mean - low == pytest.approx(plain * np.sqrt(1 + 5 * 0.25), rel=1e-5)


def test_stability_is_one_for_equal_sets_and_zero_by_chance():
    assert selection_stability([[1, 1, 0, 0]] * 5) == pytest.approx(1)
    rng = np.random.default_rng(0)
    assert abs(selection_stability([rng.permutation([1] * 5 + [0] * 45) for _ in range(400)])) < 0.02
    assert np.isnan(selection_stability(np.ones((3, 4)))) and np.isnan(selection_stability(np.zeros((3, 4))))


def test_stability_needs_two_sets():
    with pytest.raises(ValueError, match="masks must hold at least two sets of columns"):
        selection_stability([[True, False]])


def test_stability_of_two_sets_of_one_size_is_kunchevas_index():
    # Kuncheva 2007: (r d - k^2) / (k (d - k)); sets of 3 of 10 columns that share 2.
    masks = np.zeros((2, 10))
    masks[0, [0, 1, 2]] = masks[1, [1, 2, 3]] = 1
    assert selection_stability(masks) == pytest.approx((2 * 10 - 9) / (3 * 7))


@settings(max_examples=50, deadline=None)
@given(masks=arrays(bool, st.tuples(st.integers(2, 6), st.integers(1, 8))))
def test_stability_never_exceeds_one_and_ignores_the_order_of_columns(masks):
    value = selection_stability(masks)
    if not np.isnan(value):
        assert value <= 1 + 1e-12
        assert selection_stability(masks[:, ::-1]) == pytest.approx(value)
