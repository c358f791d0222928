import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import classifier_two_sample

COLUMNS = {"numeric": ["a", "b"], "categorical": ["c"]}


def rows(n, seed, *, correlation=0.0, share=0.5):
    rng = np.random.default_rng(seed)
    a, b = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], n).T
    c = rng.choice(["x", "y"], n, p=[share, 1 - share])
    return pd.DataFrame({"a": a, "b": np.where(rng.random(n) < 0.1, np.nan, b), "c": c})


def test_broken_correlation_is_seen_though_no_column_moved():
    found = classifier_two_sample(rows(2000, 0, correlation=0.9), rows(2000, 1), **COLUMNS)
    assert found.statistic > 0.7
    assert found.p < 1e-9
    assert found.effect == pytest.approx(2 * found.statistic - 1)


def test_change_of_a_category_is_seen():
    assert classifier_two_sample(rows(1000, 0), rows(600, 1, share=0.8), **COLUMNS).p < 1e-6


def test_samples_of_one_source_are_not_told_apart_more_often_than_stated():
    p = [classifier_two_sample(rows(200, s), rows(200, 99 + s), max_iter=5, **COLUMNS).p for s in range(40)]
    assert np.mean(np.array(p) < 0.1) <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 40)
    assert np.median(p) > 0.2


def test_same_seed_same_answer_and_rows_are_drawn():
    first, second = rows(500, 0), rows(500, 1, share=0.9)
    found = [classifier_two_sample(first, second, max_rows=100, random_state=3, **COLUMNS) for _ in range(2)]
    assert found[0] == found[1] != classifier_two_sample(first, second, random_state=3, **COLUMNS)


def test_many_and_new_and_missing_categories_are_taken():
    first, second = rows(1200, 0), rows(1200, 1)
    first["c"] = [f"id{number % 400}" for number in range(1200)]
    second["c"] = [f"id{number % 400}" if number % 5 else None for number in range(1200)]
    found = classifier_two_sample(first, second, **COLUMNS)
    assert found.p < 0.01


def test_few_rows_and_absent_columns_are_refused():
    with pytest.raises(ValueError, match="at least 20 rows each, got 30 and 19"):
        classifier_two_sample(rows(30, 0), rows(19, 1), **COLUMNS)
    with pytest.raises(ValueError, match="columns missing from reference or current: d, d"):
        classifier_two_sample(rows(30, 0), rows(30, 1), numeric=["d"], categorical=[])
    with pytest.raises(ValueError, match="none given"):
        classifier_two_sample(rows(30, 0), rows(30, 1), numeric=[], categorical=[])
