import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.monitoring.profiles import (
    profile,
)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", None, 1, 1.0, True]), max_size=30), st.integers(0, 30)
)
def test_two_halves_of_a_category_add_up_below_and_above_the_cap(values, cut):
    def kept(part):
        return profile(pd.DataFrame({"c": pd.Series(part, dtype=object)}), max_categories=3)

    assert kept(values[:cut]) + kept(values[cut:]) == kept(values)


def test_more_categories_than_the_cap_are_counted_in_buckets():
    frame = pd.DataFrame({"id": [f"customer-{number}" for number in range(5000)] + ["often"] * 100})
    kept = profile(frame)["id"]
    assert kept.counts is None
    assert kept.buckets.sum() == 5100
    assert 100 <= kept.at_most("often") < 110
    named = profile(frame, max_categories=6000)["id"]
    assert (named.at_most("often"), named.at_most("absent")) == (100, 0)
    np.testing.assert_array_equal(named.in_buckets(), kept.buckets)
