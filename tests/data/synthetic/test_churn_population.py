import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlhelpers.data import load, truth


@pytest.fixture(scope="module")
def flat():
    return load("churn")


@pytest.fixture(scope="module")
def hidden():
    return load("churn", table="truth")


def test_about_22_percent_leave(flat):
    assert flat["churned"].mean() == pytest.approx(0.2205, abs=0.0001)
    assert truth("churn")["churn_rate"] == round(flat["churned"].mean(), 4)


def test_complete_values_agree_wherever_something_was_recorded(flat, hidden):
    for column in ("age", "call_minutes", "satisfaction"):
        known = flat[column].notna()
        assert (flat.loc[known, column] == hidden.loc[known, column]).all(), column
        assert hidden[column].notna().all()


def test_the_gap_of_last_ticket_days_is_a_signal(flat):
    never = flat["last_ticket_days"].isna()
    assert never.mean() == pytest.approx(0.42, abs=0.01)
    assert flat.loc[never, "churned"].mean() > flat.loc[~never, "churned"].mean() + 0.04


def test_call_minutes_are_missing_completely_at_random(flat, hidden):
    gone = flat["call_minutes"].isna()
    assert gone.mean() == pytest.approx(truth("churn")["missing"]["call_minutes"]["probability"], abs=0.006)
    difference = hidden.loc[gone, "call_minutes"].mean() - hidden["call_minutes"].mean()
    assert abs(difference) < 3 * hidden["call_minutes"].std() / np.sqrt(gone.sum())


def test_age_is_missing_by_contract_and_payment_so_dropping_rows_shifts_the_churn_rate(flat):
    gone = flat["age"].isna()
    by_contract = gone.groupby(flat["contract"]).mean()
    assert by_contract["monthly"] > 3 * by_contract["two_year"]
    assert flat["churned"].mean() - flat.loc[~gone, "churned"].mean() > 0.01


def test_the_unhappy_answer_the_survey_less_often(flat, hidden):
    gone = flat["satisfaction"].isna().groupby(hidden["satisfaction"]).mean()
    assert gone.is_monotonic_decreasing
    assert flat["satisfaction"].mean() - hidden["satisfaction"].mean() > 0.4


def test_sim_batch_says_nothing(flat):
    assert abs(roc_auc_score(flat["churned"], flat["sim_batch"]) - 0.5) < 0.015


def test_groups_have_mildly_different_base_rates(flat, hidden):
    by_gender = flat.groupby("gender")["churned"].mean()
    assert 0.01 < by_gender["male"] - by_gender["female"] < 0.04
    by_age = flat["churned"].groupby(pd.cut(hidden["age"], [0, 29, 59, 99], labels=False)).mean()
    assert by_age.is_monotonic_decreasing
