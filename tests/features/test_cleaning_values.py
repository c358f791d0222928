"""Outliers, duplicates and smoothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlhelpers.data.explore import outlier_table
from mlhelpers.features.cleaning import OutlierHandler, drop_duplicates, median_smooth

FLOATS = st.floats(-1e6, 1e6) | st.just(np.nan)


# Outliers


def test_fences_are_those_of_the_table_of_outliers():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "b": rng.lognormal(size=200)})
    for method in ("iqr", "robust_z"):
        handler, table = OutlierHandler(method=method).fit(frame), outlier_table(frame, method=method)
        assert np.allclose(handler.lower_, table["lower"]) and np.allclose(handler.upper_, table["upper"])
        assert handler.review(frame)["n_high"].tolist() == table["n_high"].tolist()


def test_actions():
    train, new = pd.DataFrame({"a": [1.0, 2, 3, 4, 5]}), pd.DataFrame({"a": [100.0, 3, np.nan, -50]})
    result = {
        action: OutlierHandler(action=action).set_output(transform="pandas").fit(train).transform(new)
        for action in ("clip", "nan", "flag")
    }
    assert result["clip"]["a"].tolist()[::3] == [7.0, -1.0] and np.isnan(result["clip"]["a"][2])
    assert result["nan"]["a"].isna().tolist() == [True, False, True, True]
    assert result["flag"]["a"].equals(new["a"])
    assert result["flag"]["a_outlier"].tolist() == [1, 0, 0, 1]


def test_limits_learned_on_training_hold_for_new_data():
    handler = OutlierHandler().fit([[1.0], [2], [3], [4], [5]])
    assert handler.transform([[1000.0]]).tolist() == [[7.0]]


def test_known_limits_take_the_place_of_fences():
    frame = pd.DataFrame({"age": [0.0, 40, 230], "other": [1.0, 1, 50]})
    handler = OutlierHandler(method="limits", action="nan", limits={"age": (16, None)}).fit(frame)
    assert handler.upper_.tolist() == [np.inf, np.inf]
    assert np.isnan(handler.transform(frame)).tolist() == [[True, False], [False, False], [False, False]]


def test_no_spread_follows_the_policy():
    train, new = pd.DataFrame({"late": [0.0] * 9 + [3]}), pd.DataFrame({"late": [9.0]})
    assert OutlierHandler().fit(train).transform(new)[0, 0] == 9
    assert OutlierHandler(zero_spread="range").fit(train).transform(new)[0, 0] == 3
    with pytest.raises(ValueError, match="'late' has no fences: half of its values"):
        OutlierHandler(zero_spread="error").fit(train)
    empty = pd.DataFrame({"late": [np.nan, np.nan]})
    assert OutlierHandler(zero_spread="range").fit(empty).transform(new)[0, 0] == 9
    with pytest.raises(ValueError, match="no known value"):
        OutlierHandler(zero_spread="error").fit(empty)


def test_text_and_infinity_are_refused():
    with pytest.raises(ValueError, match="column 'a' is to be numeric"):
        OutlierHandler().fit(pd.DataFrame({"a": ["1", "x"]}))
    with pytest.raises(ValueError, match="infinite value in row 1"):
        OutlierHandler().fit(pd.DataFrame({"a": [1.0, np.inf]}))


@settings(deadline=None)
@given(
    hnp.arrays(float, st.tuples(st.integers(1, 20), st.just(2)), elements=FLOATS),
    hnp.arrays(float, st.tuples(st.integers(1, 20), st.just(2)), elements=FLOATS),
    st.sampled_from(["iqr", "robust_z"]),
    st.sampled_from(["pass", "range"]),
)
def test_clip_never_leaves_the_limits_and_nan_never_moves(train, new, method, zero_spread):
    handler = OutlierHandler(method=method, zero_spread=zero_spread).fit(train)
    clipped = handler.transform(new)
    assert (np.isnan(clipped) == np.isnan(new)).all()
    inside = np.isnan(clipped) | ((clipped >= handler.lower_) & (clipped <= handler.upper_))
    assert inside.all()
    assert np.array_equal(handler.transform(clipped), clipped, equal_nan=True)


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
