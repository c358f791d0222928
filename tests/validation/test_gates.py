import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.validation import Gate, check_gates

FIGURES = {"roc_auc_low": 0.83, "log_loss": 0.4, "gain_over_champion_low": float("nan")}


def test_all_limits_kept_passes():
    report = check_gates(FIGURES, {"roc_auc_low": {"min": 0.8, "max": 0.99}, "log_loss": {"max": 0.5}})
    assert report
    assert report.passed
    assert report.failures == []
    assert str(report) == "passed"
    assert report.table["rule"].tolist() == ["min", "max", "max"]


def test_one_limit_broken_fails_and_says_which():
    report = check_gates(FIGURES, {"roc_auc_low": {"min": 0.9}, "log_loss": {"max": 0.3}})
    assert not report
    assert report.failures == [
        "roc_auc_low is 0.83, below the minimum of 0.9",
        "log_loss is 0.4, above the maximum of 0.3",
    ]
    assert "failed" in report._repr_html_()


def test_limit_itself_is_allowed():
    assert check_gates({"a": 0.8}, {"a": {"min": 0.8, "max": 0.8}})


def test_nan_never_passes():
    report = check_gates(FIGURES, {"gain_over_champion_low": {"min": -0.01}})
    assert str(report) == "failed: gain_over_champion_low is nan, not a number that min -0.01 could judge"


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_minimum_and_maximum_are_opposites(value, limit):
    low, high = (bool(check_gates({"a": value}, [Gate("a", rule, limit)])) for rule in ("min", "max"))
    assert low or high
    assert (low and high) == (value == limit)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"roc_auc_lwo": {"min": 0.8}}, "no figure 'roc_auc_lwo'; did you mean 'roc_auc_low'"),
        ({"zzz": {"min": 0.8}}, "no figure 'zzz'; there are roc_auc_low, log_loss"),
        ({"log_loss": {"mx": 0.8}}, "no rule 'mx'; did you mean 'max'"),
        ({"log_loss": 0.8}, "give min, max or both"),
        ({"log_loss": {}}, "give min, max or both"),
        ({"log_loss": {"min": "0.8"}}, "min must be a number, got '0.8'"),
        ({"log_loss": {"min": True}}, "min must be a number"),
        ({"log_loss": {"min": float("nan")}}, "min must be a number"),
        ({}, "no gates"),
    ],
)
def test_mistake_in_the_rules_is_an_error(rules, message):
    with pytest.raises(ValueError, match=message):
        check_gates(FIGURES, rules)


@pytest.mark.parametrize("rule", ["min", "max"])
def test_a_figure_that_equals_its_limit_keeps_it(rule):
    for limit in (0.7, 0.8):
        assert Gate("auc", rule, limit).passes(np.float32(limit))
        assert check_gates({"auc": np.float32(limit)}, {"auc": {rule: limit}}).passed
    assert not Gate("auc", rule, 0.7).passes(float("nan"))
