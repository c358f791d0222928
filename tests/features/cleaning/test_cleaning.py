"""Promises that all cleaners keep."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlhelpers.features.cleaning import CategoryRepairer, DateParser, NumberParser, OutlierHandler
from mlhelpers.packaging.formats import TRUSTED_TYPES, load_model, save_model

FRAME = {
    "numbers": pd.DataFrame(
        {"a": ["1", "$2,000.50", "N/A", "-999"], "b": [1.0, 2.0, np.nan, 4.0]}, index=list("wxyz")
    ),
    "dates": pd.DataFrame(
        {"a": ["2025-03-05", "05/03/2025", "", "Mar 5, 2025"], "b": pd.to_datetime(["2020-01-01"] * 4)}
    ),
    "categories": pd.DataFrame({"a": ["card", "Card ", "crad", None], "b": ["x", "x", "y", "y"]}),
    "outliers": pd.DataFrame({"a": [1.0, 2, 3, 100], "b": [5, 6, 7, 8]}),
}
CLEANERS = {
    "numbers": NumberParser(slips={"a": (80, 1024)}, digits=2),
    "dates": DateParser(day_first=True),
    "categories": CategoryRepairer(known={"a": ["card", "cash"]}, aliases={"a": {"plastic": "card"}}),
    "outliers": OutlierHandler(action="clip", add_indicator=True, limits={"a": (0, 10)}),
}


# Dates as days: numpy cannot compare datetime64 with a tolerance, as the checks do.
@parametrize_with_checks(
    [
        NumberParser(),
        NumberParser(errors="nan", slips={0: (2, 10)}),
        DateParser(output="days"),
        DateParser(output="days", errors="nat", day_first=False),
        CategoryRepairer(),
        CategoryRepairer(known=["a", "b"], unknown="nan"),
        OutlierHandler(),
        OutlierHandler(method="robust_z", action="flag"),
        OutlierHandler(action="nan", zero_spread="range", add_indicator=True),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(params=list(CLEANERS))
def case(request):
    return clone(CLEANERS[request.param]), FRAME[request.param]


def same(a, b):
    pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b))


def test_names_and_index_are_kept(case):
    cleaner, frame = case
    result = cleaner.set_output(transform="pandas").fit_transform(frame)
    assert list(result.columns) == list(cleaner.get_feature_names_out())
    assert list(result.columns)[:2] == ["a", "b"]
    assert result.index.equals(frame.index)


def test_input_is_not_changed(case):
    cleaner, frame = case
    before = frame.copy(deep=True)
    cleaner.fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_cleaning_twice_changes_nothing(case):
    cleaner, frame = case
    if isinstance(cleaner, OutlierHandler):
        cleaner.set_params(add_indicator=False)
    once = cleaner.set_output(transform="pandas").fit_transform(frame)
    same(cleaner.transform(once), once)


def test_rows_may_come_in_any_order(case):
    cleaner, frame = case
    cleaner.set_output(transform="pandas").fit(frame)
    back = frame.iloc[::-1]
    same(cleaner.transform(back), cleaner.transform(frame).iloc[::-1])
    same(clone(cleaner).set_output(transform="pandas").fit(back).transform(frame), cleaner.transform(frame))


def test_unfitted_is_refused(case):
    cleaner, frame = case
    for method in (cleaner.transform, cleaner.review):
        with pytest.raises(NotFittedError):
            method(frame)


def test_changed_columns_are_named(case):
    cleaner, frame = case
    cleaner.fit(frame)
    with pytest.raises(ValueError, match="other"):
        cleaner.transform(frame.rename(columns={"b": "other"}))


def test_pickle_and_skops_give_the_same_answer(case, tmp_path):
    cleaner, frame = case
    expected = cleaner.fit(frame).transform(frame)
    module = type(cleaner).__module__
    name = f"{module}.{type(cleaner).__name__}"
    path = save_model(cleaner, tmp_path / "cleaner.skops")
    again = load_model(path, trusted=[*TRUSTED_TYPES, name])
    for other in (pickle.loads(pickle.dumps(cleaner)), again):
        same(other.transform(frame), expected)
        pd.testing.assert_frame_equal(other.review(frame), cleaner.review(frame))


def test_works_as_a_step_of_a_pipeline():
    steps = make_pipeline(NumberParser(), OutlierHandler(limits={"a": (0, 10)})).set_output(
        transform="pandas"
    )
    result = steps.fit_transform(FRAME["numbers"])
    assert result["a"].tolist()[:2] == [1.0, 10.0] and result["a"].isna().sum() == 2


def test_a_parameter_for_an_unknown_column_is_refused():
    for cleaner, parameter in (
        (NumberParser(slips={"c": (80, 1024)}), "slips"),
        (OutlierHandler(limits={"c": (0, 1)}), "limits"),
        (CategoryRepairer(known={"c": ["x"]}), "known"),
        (CategoryRepairer(aliases={"c": {"x": "y"}}), "aliases"),
    ):
        with pytest.raises(ValueError, match=f"{parameter}: no column 'c'"):
            cleaner.fit(FRAME["outliers"])


@pytest.mark.parametrize(
    ("cleaner", "message"),
    [
        (NumberParser(errors="ignore"), "errors must be one of 'raise', 'nan'"),
        (NumberParser(decimal=",", thousands=","), "two different signs"),
        (NumberParser(slips={"a": (80, 1)}), "factor above 1"),
        (DateParser(errors="coerce"), "errors must be one of"),
        (DateParser(output="text"), "output must be one of"),
        (DateParser(day_first="yes"), "day_first must be"),
        (CategoryRepairer(threshold=101), "threshold must lie between 0 and 100"),
        (CategoryRepairer(min_share=2), "min_share must lie between 0 and 1"),
        (CategoryRepairer(scorer="levenshtein"), "scorer must be one of"),
        (CategoryRepairer(unknown="drop"), "unknown must be one of"),
        (OutlierHandler(method="z"), "method must be one of"),
        (OutlierHandler(action="drop"), "action must be one of"),
        (OutlierHandler(zero_spread="x"), "zero_spread must be one of"),
        (OutlierHandler(reach=0), "reach must be positive"),
        (OutlierHandler(limits={"a": (3, 1)}), "lower must not be above"),
    ],
)
def test_a_wrong_parameter_is_named(cleaner, message):
    with pytest.raises(ValueError, match=message):
        cleaner.fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}))


@pytest.mark.parametrize(
    ("cleaner", "message"),
    [
        (NumberParser(missing="N/A"), "missing: give a list"),
        (NumberParser(slips=[(80, 2)]), "slips: give a mapping"),
        (DateParser(formats="%Y"), "formats: give a list"),
        (CategoryRepairer(known="card"), "known: give a list"),
        (CategoryRepairer(known=[1, 2]), "must be text"),
        (CategoryRepairer(aliases=["x"]), "aliases: give a mapping"),
    ],
)
def test_a_parameter_of_the_wrong_kind_is_named(cleaner, message):
    with pytest.raises(TypeError, match=message):
        cleaner.fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}))
