"""What every transformer of this package promises."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlhelpers.features import transformers
from mlhelpers.features.point_in_time import PointInTimeAggregator
from mlhelpers.features.transformers import (
    DatePartsTransformer,
    RareCategoryGrouper,
    RatioTransformer,
)


@parametrize_with_checks(
    [
        DatePartsTransformer(),
        DatePartsTransformer(cyclic=True, holidays=["1970-01-01"]),
        PointInTimeAggregator(),
        RareCategoryGrouper(),
        RareCategoryGrouper(min_count=1, unseen="missing"),
        RatioTransformer(),
        RatioTransformer(negative="keep", unsafe="cap", indicator=True),
    ]
)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


FRAME = pd.DataFrame(
    {
        "customer": ["a", "b", "a", "a", "c", "b"],
        "plan": ["x", "x", None, "y", "x", "z"],
        "day": pd.date_range("2024-03-01 08:30", periods=6, freq="31h"),
        "debt": [1.0, 2.0, 3.0, np.nan, 5.0, 6.0],
        "income": [10.0, 0.0, -4.0, 8.0, 1e-9, 20.0],
    },
    index=list("uvwxyz"),
)
MADE = {
    "ratio": RatioTransformer({"dti": ("debt", "income")}, unsafe="cap", indicator=True),
    "dates": DatePartsTransformer(["day"], holidays={"2024-03-04": "founding day"}, cyclic=True),
    "rare": RareCategoryGrouper(2),
    "history": PointInTimeAggregator(
        "customer", "day", values={"debt": ["sum", "last"]}, windows=["3D", None]
    ),
}
COLUMNS = {name: list(FRAME) for name in MADE} | {"rare": ["customer", "plan"]}


@pytest.fixture(params=MADE)
def case(request):
    return clone(MADE[request.param]), FRAME[COLUMNS[request.param]]


def test_frame_out_has_the_index_and_the_names(case):
    step, X = case
    out = step.set_output(transform="pandas").fit_transform(X)
    assert list(out.index) == list(X.index)
    assert list(out) == list(step.get_feature_names_out()) == list(step.get_feature_names_out(list(X)))
    np.testing.assert_array_equal(pd.isna(out.to_numpy()), pd.isna(clone(step).fit(X).transform(X)))


def test_copy_and_pickle_give_the_same(case):
    step, X = case
    expected = step.fit_transform(X)
    for twin in (clone(step).fit(X), pickle.loads(pickle.dumps(step))):
        pd.testing.assert_frame_equal(pd.DataFrame(twin.transform(X)), pd.DataFrame(expected))


def test_skops_file_gives_the_same_and_trusts_one_type(case, tmp_path):
    from mlhelpers.packaging import TRUSTED_TYPES, load_model, save_model

    step, X = case
    file = save_model(step.fit(X), tmp_path / "step.skops")
    kind = f"{type(step).__module__}.{type(step).__name__}"
    twin = load_model(file, trusted=[*TRUSTED_TYPES, kind])
    pd.testing.assert_frame_equal(pd.DataFrame(twin.transform(X)), pd.DataFrame(step.transform(X)))
    assert save_model(twin, tmp_path / "again.skops").read_bytes() == file.read_bytes()


def test_not_fitted_is_said(case):
    step, X = case
    with pytest.raises(NotFittedError):
        step.transform(X)
    with pytest.raises(NotFittedError):
        step.get_feature_names_out()


def test_changed_columns_are_named(case):
    step, X = case
    step.fit(X)
    last = X.columns[-1]
    with pytest.raises(ValueError, match=rf"(?s)now missing.*{last}"):
        step.transform(X.drop(columns=last))
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time.*surplus"):
        step.transform(X.assign(surplus=1))
    with pytest.raises(ValueError, match="same order"):
        step.transform(X[X.columns[::-1]])
    with pytest.raises(ValueError, match=f"column names repeat: {last}"):
        step.fit(X.set_axis([last] * X.shape[1], axis=1))


def test_frame_without_rows_is_refused(case):
    step, X = case
    with pytest.raises(ValueError, match="0 sample"):
        step.fit(X.iloc[:0])


def test_row_alone_is_transformed_as_in_the_batch(case):
    step, X = case
    batch = pd.DataFrame(step.fit(X).transform(X))
    alone = pd.concat([pd.DataFrame(step.transform(X.iloc[[k]])) for k in range(len(X))], ignore_index=True)
    pd.testing.assert_frame_equal(alone, batch, check_dtype=False)


def test_all_of_them_stand_side_by_side_in_a_pipeline():
    steps = ColumnTransformer([(n, clone(s), COLUMNS[n]) for n, s in MADE.items()], sparse_threshold=0)
    out = make_pipeline(steps).set_output(transform="pandas").fit_transform(FRAME)
    assert {"ratio__dti", "dates__day_hour_sin", "rare__plan", "history__debt_sum_3D"} <= {*out}
    assert len(out) == len(FRAME)


def test_column_that_is_not_there_is_named():
    for step in (
        RatioTransformer([("debt", "incom")]),
        DatePartsTransformer(["incom"]),
        PointInTimeAggregator("incom"),
    ):
        with pytest.raises(ValueError, match=r"no column 'incom' in X; it has 5 feature.*customer, plan"):
            step.fit(FRAME)
    with pytest.raises(ValueError, match="no column 9"):
        RatioTransformer([(0, 9)]).fit(FRAME)
    with pytest.raises(TypeError, match=r"columns: give a list of columns, \['day'\]"):
        DatePartsTransformer("day").fit(FRAME)


def test_module_offers_all_of_them():
    assert {type(step).__name__ for step in MADE.values()} <= {*transformers.__all__}
