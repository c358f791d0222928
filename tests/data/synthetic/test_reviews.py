import functools

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
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


def test_reviews_are_well_but_not_fully_told_by_words_and_negation_is_what_is_missed():
    y, score = text_predictions("reviews", "sentiment", (1, 1))
    right = (score > 0.5) == y
    assert 0.84 < right.mean() < 0.88
    negated = load("reviews", table="truth")["negated_clauses"]
    assert right[negated == 0].mean() > 0.95
    assert right[negated >= 2].mean() < 0.6


def test_reviews_gain_from_word_pairs():
    y, score = text_predictions("reviews", "sentiment", (1, 2))
    assert 0.88 < ((score > 0.5) == y).mean() < 0.92


def test_reviews_have_stars_that_agree_with_the_label_and_no_copies():
    frame, hidden = load("reviews"), load("reviews", table="truth")
    assert ((frame["stars"] >= 4) == (frame["sentiment"] == 1)).all()
    assert frame["text"].is_unique
    assert (frame["sentiment"] != hidden["true_sentiment"]).mean() == pytest.approx(0.02, abs=0.006)
    assert frame["text"].str.len().between(10, 600).all()
