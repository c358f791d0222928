"""Promises of cleaners and transformers on missing dates, zones, words for today and doubled names."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlhelpers.data.explore import outlier_table
from mlhelpers.features.cleaning import OutlierHandler
from mlhelpers.features.transformers import RatioTransformer

DAYS = pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-05"]))


@pytest.mark.parametrize(
    "days",
    [
        DAYS,
        DAYS.dt.tz_localize("Europe/Berlin"),
        DAYS.astype("datetime64[s]"),
        DAYS - DAYS[0],
        DAYS.astype("timestamp[us][pyarrow]"),
    ],
    ids=lambda days: str(days.dtype),
)
def test_missing_dates_are_missing_to_outliers_and_ratios(days):
    frame = pd.DataFrame({"day": days, "one": 1.0})
    handler = OutlierHandler(method="limits").fit(frame)
    assert np.isnan(handler.transform(frame)[:, 0]).tolist() == [False, True, False, False]
    assert OutlierHandler().fit(frame).lower_[0] > -1e18
    assert OutlierHandler(action="flag").fit(frame).review(frame).loc["day", "share"] == 0
    ratio = RatioTransformer([("day", "one")]).fit_transform(frame)
    assert np.isnan(ratio[:, 0]).tolist() == [False, True, False, False]


def test_a_flag_does_not_take_the_name_of_a_column():
    frame = pd.DataFrame({"x": [1.0, 2.0], "x_outlier": [0.0, 0.0]})
    with pytest.raises(ValueError, match="column 'x_outlier' has the name of a flag"):
        OutlierHandler(action="flag").fit(frame)


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
