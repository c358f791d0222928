"""Outliers, duplicates and smoothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlhelpers.features.cleaning import drop_duplicates, median_smooth

FLOATS = st.floats(-1e6, 1e6) | st.just(np.nan)


# Duplicates


def table():
    return pd.DataFrame(
        {"id": ["a", "b", "a", "b", None, None], "v": [1, 2, 1, 3, 4, 4], "at": [3, 1, 2, 5, 1, 1]},
        index=list("uvwxyz"),
    )


def test_report_tells_exact_from_near():
    kept, report = drop_duplicates(table()[["id", "v"]], key="id")
    assert kept.index.tolist() == ["u", "v", "y", "z"]
    assert report[["row", "kept", "kind", "differs"]].to_numpy().tolist() == [
        [2, 0, "exact", ""],
        [3, 1, "near", "v"],
    ]
    assert report["reason"].tolist() == ["equal to row 0", "same key as row 1, other values"]


def test_without_a_key_only_equal_rows_go():
    kept, report = drop_duplicates(table()[["id", "v"]])
    assert kept.index.tolist() == ["u", "v", "x", "y"] and set(report["kind"]) == {"exact"}


def test_last_and_order():
    assert drop_duplicates(table(), key="id", keep="last")[0].index.tolist() == ["w", "x", "y", "z"]
    assert drop_duplicates(table(), key=["id"], order="at")[0].index.tolist() == ["v", "w", "y", "z"]
    gap = table().assign(at=[3, 1, np.nan, 5, 1, 1])
    assert drop_duplicates(gap, key="id", order="at")[0].index.tolist() == ["v", "w", "y", "z"]


def test_near_duplicates_may_be_an_error():
    with pytest.raises(ValueError, match="rows 1 and 3 have one key and differ in v"):
        drop_duplicates(table()[["id", "v"]], key="id", keep="error")
    exact = table()[["id", "v"]].iloc[[0, 2]]
    assert len(drop_duplicates(exact, key="id", keep="error")[0]) == 1


def test_wrong_columns_are_named():
    with pytest.raises(ValueError, match="no column 'key' in the frame"):
        drop_duplicates(table(), key="key")
    with pytest.raises(ValueError, match="no column 'when'"):
        drop_duplicates(table(), key="id", order="when")
    with pytest.raises(ValueError, match="key is empty"):
        drop_duplicates(table(), key=[])
    with pytest.raises(ValueError, match="keep must be"):
        drop_duplicates(table(), keep="best")


def test_no_rows_give_no_rows():
    kept, report = drop_duplicates(table().head(0), key="id")
    assert len(kept) == len(report) == 0 and list(report) == ["row", "kept", "kind", "differs", "reason"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=15), st.sampled_from(["first", "last"])
)
def test_agrees_with_pandas(rows, keep):
    frame = pd.DataFrame(rows, columns=["k", "v"])
    for key in (None, "k"):
        kept, report = drop_duplicates(frame, key=key, keep=keep)
        pd.testing.assert_frame_equal(kept, frame.drop_duplicates(subset=key, keep=keep))
        assert len(kept) + len(report) == len(frame)


# Smoothing


def test_spike_goes_and_step_stays():
    assert median_smooth([1, 1, 9, 1, 1], 3).tolist() == [1, 1, 1, 1, 1]
    assert median_smooth([0, 0, 0, 5, 5, 5], 3).tolist() == [0, 0, 0, 5, 5, 5]


def test_spike_near_an_end_does_not_leak_to_the_end():
    assert median_smooth([1, 9, 1, 1], 3).tolist() == [1, 1, 1, 1]
    assert median_smooth([9, 1, 1, 1], 3).tolist() == [9, 1, 1, 1]  # a spike at the end itself is beyond it
    assert median_smooth([1, 9, 1, 1], 3, causal=True).tolist() == [1, 9, 1, 1]


def test_groups_do_not_touch():
    values = pd.Series([1.0, 1, 1, 9, 9, 9], index=list("abcdef"), name="v")
    smooth = median_smooth(values, 3, groups=["x", "x", "x", "y", "y", "y"])
    pd.testing.assert_series_equal(smooth, values)
    mixed = median_smooth([1, 9, 50, 9, 1, 9], 3, groups=list("xyxyxy"))
    assert mixed.tolist() == [1, 9, 1, 9, 1, 9]


def test_gap_stays_a_gap():
    assert np.isnan(median_smooth([1, np.nan, 3], 3)).tolist() == [False, True, False]


def test_wrong_input_is_named():
    for window in (2, 0, 2.5, True):
        with pytest.raises(ValueError, match="odd number"):
            median_smooth([1, 2, 3], window)
    with pytest.raises(ValueError, match="groups has 2 rows and values 3"):
        median_smooth([1, 2, 3], 3, groups=["a", "b"])
    with pytest.raises(ValueError, match="row 1 has no group"):
        median_smooth([1, 2, 3], 3, groups=["a", None, "a"])


@settings(deadline=None)
@given(hnp.arrays(float, st.integers(1, 20), elements=FLOATS), st.sampled_from([1, 3, 5]), st.integers(0, 19))
def test_causal_window_does_not_see_the_future(values, window, cut):
    changed = values.copy()
    changed[cut + 1 :] = 7.0
    a, b = median_smooth(values, window, causal=True), median_smooth(changed, window, causal=True)
    assert np.array_equal(a[: cut + 1], b[: cut + 1], equal_nan=True)


@settings(deadline=None)
@given(hnp.arrays(float, st.integers(1, 20), elements=st.floats(-1e6, 1e6)), st.sampled_from([1, 3, 5]))
def test_agrees_with_the_median_of_each_window(values, window):
    for place, value in enumerate(median_smooth(values, window)):
        half = min(window // 2, place, len(values) - 1 - place)
        assert np.isclose(value, np.median(values[place - half : place + half + 1]))


def test_doubled_names_are_refused_before_duplicates_are_dropped():
    with pytest.raises(ValueError, match="column 'twin' stands there twice"):
        drop_duplicates(pd.DataFrame([[1, 2]], columns=["twin", "twin"]))


def test_the_key_of_duplicates_may_be_named_zero():
    kept, _ = drop_duplicates(pd.DataFrame({0: [1, 1], 1: [5, 6]}), key=0)
    assert len(kept) == 1
