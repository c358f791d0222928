"""The churn set is what its card says: effects, gaps, the leak, and how well a model can do."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlhelpers.data import load
from mlhelpers.data.synthetic.churn_model import churn_logit

CATEGORIES = ["gender", "region", "contract", "payment_method", "internet"]


@pytest.fixture(scope="module")
def flat():
    return load("churn")


@pytest.fixture(scope="module")
def hidden():
    return load("churn", table="truth")


def logistic_auc(X, y):
    numbers = [c for c in X if c not in CATEGORIES]
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        ),
        LogisticRegression(max_iter=1000),
    )
    return cross_val_score(model, X, y, cv=5, scoring="roc_auc").mean()


@pytest.fixture(scope="module")
def aucs():
    X, y = load("churn", return_X_y=True)
    honest = X.drop(columns="retention_calls")
    boosting = HistGradientBoostingClassifier(
        categorical_features="from_dtype", learning_rate=0.05, max_iter=200, max_leaf_nodes=15, random_state=0
    )
    typed = honest.astype(dict.fromkeys(CATEGORIES, "category"))
    return {
        "logistic": logistic_auc(honest, y),
        "logistic_with_leak": logistic_auc(X, y),
        "boosting": cross_val_score(boosting, typed, y, cv=5, scoring="roc_auc").mean(),
        "ceiling": roc_auc_score(y, load("churn", table="truth")["churn_probability"]),
    }


def test_a_logistic_regression_reaches_an_auc_between_080_and_085(aucs):
    assert 0.80 < aucs["logistic"] < 0.85
    assert aucs["logistic"] == pytest.approx(0.819, abs=0.006)


def test_boosting_is_clearly_better_and_below_the_ceiling(aucs):
    assert aucs["boosting"] > aucs["logistic"] + 0.02
    assert aucs["boosting"] == pytest.approx(0.860, abs=0.006)
    assert aucs["boosting"] < aucs["ceiling"] == pytest.approx(0.882, abs=0.001)


def test_the_leaking_column_lifts_the_auc_above_093_without_separating(aucs):
    assert 0.93 < aucs["logistic_with_leak"] < 0.985
    assert aucs["logistic_with_leak"] == pytest.approx(0.953, abs=0.006)


def test_true_probability_is_calibrated(flat, hidden):
    tenths = pd.qcut(hidden["churn_probability"], 10, labels=False)
    gap = flat["churned"].groupby(tenths).mean() - hidden["churn_probability"].groupby(tenths).mean()
    assert gap.abs().max() < 0.03


def test_documented_coefficients_give_the_true_probability(flat, hidden):
    complete = flat.assign(**{c: hidden[c] for c in ("age", "call_minutes", "satisfaction")})
    probability = 1 / (1 + np.exp(-churn_logit(complete)))
    np.testing.assert_allclose(probability, hidden["churn_probability"], atol=1e-6)


def test_data_gb_has_a_u_shape_that_pearson_misses(flat):
    rate = flat["churned"].groupby(pd.qcut(flat["data_gb"], 8, labels=False)).mean()
    assert abs(flat["data_gb"].corr(flat["churned"])) < 0.05
    assert min(rate.iloc[0], rate.iloc[-1]) > 2 * rate.iloc[2:6].max()
    information = mutual_info_classif(flat[["data_gb", "sim_batch"]], flat["churned"], random_state=0)
    assert information[0] > 0.03 > 0.005 > information[1]


def test_tickets_matter_only_in_the_first_year(flat):
    asks = flat["tickets_90d"] >= 2
    new = flat["tenure_months"] < 12
    rate = flat["churned"].groupby([new, asks]).mean()
    assert rate[True, True] > rate[True, False] + 0.2
    assert rate[False, True] < rate[False, False] + 0.03


def test_discount_goes_with_churn_overall_and_against_it_inside_every_contract(flat):
    assert flat["discount_pct"].corr(flat["churned"]) > 0.05
    inside = {k: g["discount_pct"].corr(g["churned"]) for k, g in flat.groupby("contract")}
    assert all(r < -0.02 for r in inside.values()), inside


def test_retention_calls_leak_but_do_not_decide(flat):
    called = flat["retention_calls"] > 0
    assert flat.loc[called, "churned"].mean() < 0.95
    assert flat.loc[~called, "churned"].mean() > 0.03
