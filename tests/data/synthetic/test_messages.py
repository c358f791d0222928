import functools

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from mlhelpers.data import load


@functools.cache
def text_predictions(name, target, ngrams):
    frame = load(name)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=ngrams, min_df=2), LogisticRegression(C=5, max_iter=500)
    )
    score = cross_val_predict(model, frame["text"], frame[target], cv=3, method="predict_proba")[:, 1]
    return frame[target], score


def test_messages_are_told_apart_well_but_not_fully():
    y, score = text_predictions("messages", "spam", (1, 1))
    assert 0.945 < ((score > 0.5) == y).mean() < 0.98
    assert 0.94 < roc_auc_score(y, score) < 0.985
    assert y.mean() == pytest.approx(0.14, abs=0.01)


def test_messages_that_are_disguised_are_the_hard_ones():
    y, score = text_predictions("messages", "spam", (1, 1))
    wrong = (score > 0.5) != y
    odd = load("messages", table="truth")["disguised"] == 1
    assert wrong[odd].mean() > 5 * wrong[~odd].mean()
