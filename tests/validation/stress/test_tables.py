import numpy as np
import pytest

from mlhelpers.validation.metrics import wilson_interval
from mlhelpers.validation.stress import (
    StressCase,
    failure_report,
    minimum_functionality_case,
    run_stress_cases,
)

TEXTS = ["good", "bad", "not good", "fine"]


def by_word(texts):
    return [0.9 if "good" in text or "fine" in text else 0.1 for text in texts]


def test_easy_texts_with_a_wrong_answer_are_counted():
    case = minimum_functionality_case("simple texts", TEXTS, [1, 0, 0, 1])
    found = run_stress_cases(by_word, [case]).iloc[0]
    assert (found["kind"], found["n"], found["failures"], found["passed"]) == ("correct", 4, 1, False)


def test_one_label_serves_all_rows():
    table = run_stress_cases(by_word, [minimum_functionality_case("praise", ["good", "fine"], 1)])
    assert table["passed"].all()


def test_impossible_probability_is_not_correct():
    case = minimum_functionality_case("x", TEXTS, 1)
    for predict in (lambda rows: [np.nan] * len(rows), lambda rows: [2.0] * len(rows)):
        assert run_stress_cases(predict, [case])["failures"].iloc[0] == 4


def test_model_that_raises_on_easy_rows_fails_them():
    def predict(rows):
        raise TypeError("no text")

    found = run_stress_cases(predict, [minimum_functionality_case("x", TEXTS, 1)]).iloc[0]
    assert (found["failures"], found["error"]) == (4, "TypeError: no text")


def test_cases_take_arrays_and_decisions():
    rows = np.array([0.2, 0.4, 0.6])
    case = StressCase("shift", "invariant", rows, rows + 0.15)
    table = run_stress_cases(lambda values: (values >= 0.5).astype(float), [case])
    assert table["failures"].iloc[0] == 1


def test_report_orders_cases_and_adds_wilson_intervals():
    report = failure_report({"rare": [False] * 20, "often": [True] * 5 + [False] * 5})
    assert report["case"].tolist() == ["often", "rare"]
    assert report["failures"].tolist() == [5, 0]
    low, high = wilson_interval([5, 0], [10, 20])
    np.testing.assert_allclose(report[["low", "high"]], np.transpose([low, high]))
    assert 0.1 < report["high"].iloc[1] < 0.2


def test_report_of_a_table_agrees_with_it_and_keeps_the_kind():
    table = run_stress_cases(
        by_word, [minimum_functionality_case("a", ["good"], 1), minimum_functionality_case("b", TEXTS, 0)]
    )
    report = failure_report(table, level=0.9)
    assert report["case"].tolist() == ["b", "a"]
    assert report["kind"].tolist() == ["correct", "correct"]
    assert report["failure_rate"].tolist() == [0.75, 0]
    assert (report["high"] < failure_report(table)["high"]).all()


def test_unusable_cases_are_refused():
    with pytest.raises(ValueError, match="one expected label per row"):
        StressCase("x", "correct", TEXTS, TEXTS)
    with pytest.raises(ValueError, match="must be 0 or 1"):
        minimum_functionality_case("x", TEXTS, 2)
    for empty in ({}, {"x": []}):
        with pytest.raises(ValueError, match="at least one"):
            failure_report(empty)
