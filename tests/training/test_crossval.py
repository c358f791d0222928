import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import TimeSeriesSplit
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_info, threadpool_limits

from mlhelpers.training import cross_validate, fit, make_boosting, make_logistic

NUMERIC, CATEGORICAL = ["charge", "late"], ["contract", "region"]


@pytest.fixture(scope="module")
def result(customers):
    return cross_validate(make_logistic(NUMERIC, CATEGORICAL), customers, customers["churned"], cv=4)


def test_every_row_is_predicted_once_by_a_model_that_did_not_see_it(result, customers):
    assert np.isfinite(result.out_of_fold).all()
    assert np.bincount(result.fold).tolist() == [100] * 4


def test_scores_are_those_of_the_out_of_fold_probabilities(result, customers):
    y = customers["churned"].to_numpy()
    for fold, score in result.scores["roc_auc"].items():
        rows = result.fold == fold
        assert score == pytest.approx(roc_auc_score(y[rows], result.out_of_fold[rows]), abs=1e-12)


def test_mean_and_sd_are_those_of_the_folds(result):
    values = result.scores["brier"].to_numpy()
    assert result.mean["brier"] == pytest.approx(values.mean())
    assert result.sd["brier"] == pytest.approx(values.std(ddof=1))


def test_same_seed_gives_the_same_figures_and_another_seed_others(customers):
    def run(seed):
        model = make_boosting(NUMERIC, CATEGORICAL, max_iter=10)
        return cross_validate(model, customers, customers["churned"], cv=3, random_state=seed)

    assert run(1).scores.equals(run(1).scores)
    assert not run(1).scores.equals(run(2).scores)


def test_model_itself_stays_unfitted(customers):
    model = make_logistic(NUMERIC, CATEGORICAL)
    cross_validate(model, customers, customers["churned"], cv=2)
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(model.named_steps["model"])


def test_own_splitter_leaves_untested_rows_empty(customers):
    found = cross_validate(
        make_logistic(NUMERIC, CATEGORICAL), customers, customers["churned"], cv=TimeSeriesSplit(3)
    )
    assert np.isnan(found.out_of_fold[:100]).all()
    assert (found.fold[:100] == -1).all()


def test_result_shows_itself_as_text_and_table(result):
    assert str(result).startswith("4 folds\nroc_auc: 0.")
    assert "<table" in result._repr_html_()
    assert list(result.summary()) == ["mean", "sd", "min", "max"]


@pytest.mark.parametrize("y", [[0, 0, 0, 0], [0, 1, 2, 1], ["no", "yes", "no", "yes"]])
def test_labels_other_than_zero_and_one_are_refused(customers, y):
    with pytest.raises(ValueError, match="labels 0 and 1"):
        cross_validate(make_logistic(NUMERIC, CATEGORICAL), customers.iloc[:4], y)


def test_more_folds_than_rows_of_a_class_are_refused(customers):
    with pytest.raises(ValueError, match="between 2 folds and 2"):
        cross_validate(make_logistic(NUMERIC, CATEGORICAL), customers.iloc[:4], [0, 1, 0, 1], cv=3)


def test_fitting_uses_one_thread_and_gives_the_threads_back():
    seen = []

    class Spy:
        def fit(self, X, y):
            seen.extend(pool["num_threads"] for pool in threadpool_info())
            return self

    with threadpool_limits(2):
        fit(Spy(), None, None)
        after = {pool["num_threads"] for pool in threadpool_info()}
    assert set(seen) == {1}
    assert after == {2}


def test_fitted_linear_steps_are_kept_to_seven_digits():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": rng.normal(size=300) / 3, "b": rng.normal(size=300) * 1e6, "c": ["x", "y", None] * 100}
    )
    y = rng.integers(0, 2, 300)
    model = fit(make_logistic(["a", "b"], ["c"]), X, y, digits=7)
    scaler = model["encode"].named_transformers_["number"]["scale"]
    for values in (scaler.mean_, scaler.var_, scaler.scale_, model["model"].coef_, model["model"].intercept_):
        assert [float(f"{v:.6e}") for v in np.ravel(values)] == np.ravel(values).tolist()
    plain = make_logistic(["a", "b"], ["c"]).fit(X, y)
    assert np.allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-6)


def test_last_bits_of_the_data_do_not_reach_the_fitted_model():
    rng = np.random.default_rng(1)
    X, y = pd.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)}), rng.integers(0, 2, 500)
    nudged = X.map(lambda value: np.nextafter(value, np.inf))
    one, other = (fit(make_logistic(["a", "b"], []), frame, y, digits=7) for frame in (X, nudged))
    assert np.array_equal(one["model"].coef_, other["model"].coef_)
    assert one["model"].coef_.dtype == np.float64
