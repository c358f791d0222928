import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from mlhelpers.data import load, truth


def typed(X):
    return X.astype(dict.fromkeys(X.select_dtypes("object").columns, "category"))


def boosting(**options):
    return HistGradientBoostingClassifier(
        categorical_features="from_dtype", learning_rate=0.05, random_state=0, **options
    )


@pytest.fixture(scope="module")
def loans():
    return load("loans").merge(load("loans", table="truth"), on="application_id")


def test_loans_label_wrongs_group_b_by_the_documented_share(loans):
    good = loans[loans["would_repay"] == 1]
    wrong = 1 - good.groupby("group")["repaid_label"].mean()
    bias = truth("loans")["bias"]
    assert wrong["B"] == pytest.approx(bias["repaid_recorded_as_default_in_B"], abs=0.015)
    assert wrong["A"] == pytest.approx(bias["repaid_recorded_as_default_in_A"], abs=0.006)
    assert loans.loc[loans["would_repay"] == 0, "repaid_label"].eq(0).all()
    assert (loans["label_is_wrong"] == (loans["would_repay"] - loans["repaid_label"])).all()


def test_loans_outcome_differs_little_between_groups_but_label_and_decision_do(loans):
    rate = loans.groupby("group")[["would_repay", "repaid_label", "approved"]].mean()
    gap = rate.loc["A"] - rate.loc["B"]
    assert 0.0 < gap["would_repay"] < 0.03 < 0.10 < gap["repaid_label"] < gap["approved"]


def test_loans_district_is_a_proxy_that_keeps_the_bias_when_group_is_dropped(loans):
    X, y = load("loans", return_X_y=True)
    share_b = (loans["group"] == "B").groupby(loans["district"]).transform("mean")
    assert roc_auc_score(loans["group"] == "B", share_b) > 0.8
    blind = typed(X.drop(columns="group"))
    score = cross_val_predict(boosting(max_iter=80), blind, y, cv=3, method="predict_proba")[:, 1]
    gap = score[loans["group"] == "A"].mean() - score[loans["group"] == "B"].mean()
    assert gap > 0.04
    assert 0.74 < roc_auc_score(y, score) < roc_auc_score(loans["would_repay"], loans["repay_probability"])


def test_loans_keep_people_without_income(loans):
    assert 0.005 < (loans["income"] == 0).mean() < 0.012
    assert (loans["employment_years"] <= loans["age"] - 17).all()
