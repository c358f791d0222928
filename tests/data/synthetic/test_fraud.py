"""Fraud, loans, demand, reviews and messages are what their cards say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from mlhelpers.data import load, truth


def typed(X):
    return X.astype(dict.fromkeys(X.select_dtypes("object").columns, "category"))


def boosting(**options):
    return HistGradientBoostingClassifier(
        categorical_features="from_dtype", learning_rate=0.05, random_state=0, **options
    )


FRAUD_MODEL = {"max_iter": 150, "max_leaf_nodes": 15, "min_samples_leaf": 10, "l2_regularization": 5}


@pytest.fixture(scope="module")
def fraud():
    return load("fraud")


def test_fraud_is_06_percent_of_60000_payments_over_90_days(fraud):
    assert len(fraud) == 60_000 and fraud["is_fraud"].sum() == 360
    assert fraud["ts"].is_monotonic_increasing
    assert fraud["ts"].dt.normalize().nunique() == 90


def test_fraud_history_columns_follow_from_the_card_own_past(fraud):
    before = fraud.groupby("card_id")["ts"].diff().dt.total_seconds()
    np.testing.assert_array_equal(fraud["seconds_since_last"], before)
    card = fraud[fraud["card_id"] == fraud["card_id"].value_counts().idxmax()]
    second = card["ts"].to_numpy()
    expected = [(second[:i] >= t - np.timedelta64(24, "h")).sum() for i, t in enumerate(second)]
    assert card["tx_24h"].tolist() == expected


def test_fraud_precision_and_recall_are_a_real_trade_off():
    X, y = load("fraud", return_X_y=True)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    score = cross_val_predict(boosting(**FRAUD_MODEL), typed(X), y, cv=folds, method="predict_proba")[:, 1]
    assert average_precision_score(y, score) == pytest.approx(0.76, abs=0.03)
    precision, recall, _ = precision_recall_curve(y, score)
    assert 0.60 < recall[precision >= 0.90].max() < 0.80


def test_fraud_changes_on_day_60_and_an_old_model_loses_it(fraud):
    X, y = load("fraud", return_X_y=True)
    X, day = typed(X), (fraud["ts"] - pd.Timestamp(truth("fraud")["start"])).dt.days
    old = day < truth("fraud")["change_day"]
    score = boosting(**FRAUD_MODEL).fit(X[old], y[old]).predict_proba(X[~old])[:, 1]
    assert average_precision_score(y[~old], score) < 0.3
    pattern = load("fraud", table="truth")["pattern"]
    assert not (pattern[old] == "card_testing").any() and (pattern[~old] == "card_testing").sum() > 50


def test_fraud_rings_share_a_device_and_two_shops_within_hours(fraud):
    hidden = load("fraud", table="truth")
    rings = fraud[hidden["ring"] > 0].groupby(hidden["ring"])
    assert len(rings) == truth("fraud")["rings"]
    assert (rings["merchant_id"].nunique() <= 2).all()
    assert ((rings["ts"].max() - rings["ts"].min()) <= pd.Timedelta(hours=3)).all()
    assert (rings["device_id"].agg(lambda d: d.value_counts(normalize=True).max()) > 0.4).all()
    assert (hidden.loc[hidden["ring"] > 0, "pattern"] != "").all()
