import numpy as np
import pandas as pd
import pytest

from mlhelpers.features import PointInTimeAggregator, point_in_time_aggregates
from mlhelpers.features.point_in_time import FUNCTIONS

DAY = pd.Timedelta(1, "D")
START = pd.Timestamp("2024-01-01")
COLUMNS = {"key": "customer", "time": "when", "cutoff": "now"}
ALL = {"amount": FUNCTIONS, "when": ["count", "since_last"]}


def aggregates(events, cutoffs, **options):
    options = {"values": ALL, "windows": ["12h", "1D", None]} | options
    return point_in_time_aggregates(events, cutoffs, **COLUMNS, **options)


@pytest.fixture
def rows():
    return pd.DataFrame({"customer": ["a", "c"], "now": [START + 30 * DAY] * 2}, index=["first", "second"])


def test_step_gives_what_the_function_gives(payments, rows):
    step = PointInTimeAggregator("customer", "now", time="when", values=ALL, windows=["30D", None])
    found = step.set_output(transform="pandas").fit(rows, events=payments).transform(rows)
    expected = aggregates(payments, rows, windows=["30D", None])
    pd.testing.assert_frame_equal(found, expected.astype(float))


def test_step_without_events_takes_the_earlier_rows_of_the_same_key(payments):
    step = PointInTimeAggregator("customer", "when", values={"amount": ["count", "sum"]})
    assert step.fit_transform(payments)[:, 1].tolist() == [0, 1, 0, 3, 3]
    assert list(step.get_feature_names_out()) == ["amount_count_all", "amount_sum_all"]
    later = pd.DataFrame({"customer": ["b"], "when": [START + 99 * DAY], "amount": [7.0]})
    assert step.transform(later).tolist() == [[1, 5]]


def test_step_takes_places_for_names():
    X = np.array([[1.0, 5.0, 10.0], [1.0, 7.0, 20.0], [2.0, 9.0, 30.0]])
    step = PointInTimeAggregator(0, 2, values={1: "sum"}).fit(X)
    assert step.transform(X).ravel().tolist() == [0, 5, 0]
    assert list(step.get_feature_names_out()) == ["x1_sum_all"]


def test_step_in_a_pipeline_gets_its_events(payments, rows):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    step = PointInTimeAggregator("customer", "now", time="when", values=ALL)
    model = make_pipeline(step, SimpleImputer(keep_empty_features=True), LinearRegression())
    model.fit(rows, [1.0, 2.0], pointintimeaggregator__events=payments)
    np.testing.assert_allclose(model.predict(rows), [1.0, 2.0])
