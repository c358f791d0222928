from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.impute import KNNImputer

from mlhelpers.data.missing.fills import fill_gaps
from mlhelpers.data.quality import STRATEGIES


def test_fill_of_a_row_learns_from_the_training_rows_only(world):
    frame, _, _ = world
    settings_ = {"neighbors": 5, "donors": 500, "random_state": 0}
    values = frame["x"].to_numpy()
    others = frame[["z"]].to_numpy()
    when = frame["day"].to_numpy(float)
    train, rows = np.arange(700), np.arange(1500)
    changed = values.copy()
    changed[700:] = np.where(np.isnan(changed[700:]), np.nan, 1e6)
    for name in STRATEGIES:
        if name in ("drop rows", "boosting, NaN"):
            continue
        gap = np.isnan(values)
        first = fill_gaps(name, values, others, when, train, rows, settings_)[gap]
        second = fill_gaps(name, changed, others, when, train, rows, settings_)[gap]
        assert np.allclose(first, second), name


def test_knn_is_that_of_scikit_learn_when_every_row_may_be_a_donor(world):
    frame, _, _ = world
    values, others = frame["x"].to_numpy(), frame[["z", "day"]].to_numpy(float)
    rows = np.arange(len(values))
    ours = fill_gaps(
        "knn", values, others, None, rows, rows, {"neighbors": 7, "donors": 10**6, "random_state": 0}
    )
    both = np.column_stack([others, values])
    assert np.allclose(ours, KNNImputer(n_neighbors=7).fit_transform(both)[:, 2])


def test_ordered_fills_are_those_of_pandas_on_a_series():
    series = pd.Series([np.nan, 1.0, np.nan, np.nan, 4.0, np.nan])
    rows = np.arange(6)
    others = np.zeros((6, 1))
    fill = {
        name: fill_gaps(name, series.to_numpy(), others, rows.astype(float), rows, rows, {})
        for name in ("forward fill", "interpolation")
    }
    assert fill["forward fill"].tolist() == series.ffill().bfill().tolist()
    assert fill["interpolation"].tolist() == series.interpolate().bfill().tolist()
