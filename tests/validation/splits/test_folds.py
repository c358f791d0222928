import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from mlhelpers.validation.splits import (
    GroupFolds,
    TimeFolds,
)


def make_rows(n, seed=0, first="C"):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"{first}{seed}-{i}" for i in range(n)],
            "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 100, n), unit="D"),
            "plan": rng.choice(["a", "b", "c", None], n),
            "usage": np.where(rng.random(n) < 0.1, np.nan, rng.gamma(2, 5, n)),
            "charge": rng.gamma(4, 10, n),
            "tickets": rng.poisson(2, n),
            "y": (rng.random(n) < 0.3).astype(int),
        }
    )


def split(frame):
    return frame.iloc[: len(frame) * 3 // 4], frame.iloc[len(frame) * 3 // 4 :]


TRAIN, TEST = split(make_rows(800))


# Groups


@given(
    groups=st.lists(st.integers(0, 12), min_size=20, max_size=80), seed=st.integers(0, 5), k=st.integers(2, 4)
)
@settings(max_examples=40, deadline=None)
def test_no_group_is_cut_and_every_row_is_tested_once(groups, seed, k):
    if len(set(groups)) < k:
        groups = [*groups, *range(20, 20 + k)]
    groups = np.array(groups)
    tested = np.zeros(len(groups), dtype=int)
    for train, test in GroupFolds(k, random_state=seed).split(groups, groups=groups):
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == len(groups)
        tested[test] += 1
    assert (tested == 1).all()


def test_positives_and_rows_are_spread_evenly():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 400, 3000)
    y = (rng.random(400) < 0.1)[groups] & (rng.random(3000) < 0.6)
    counts = [(len(test), y[test].sum()) for _, test in GroupFolds(5).split(y, y, groups)]
    rows, positives = np.array(counts).T
    largest = np.bincount(groups[y]).max()
    assert np.ptp(positives) <= largest
    assert np.ptp(rows) < 0.1 * rows.mean()


def test_labels_of_more_than_two_values_balance_rows_only():
    groups = np.repeat(np.arange(10), 3)
    sizes = [len(test) for _, test in GroupFolds(5).split(groups, np.arange(30.0), groups)]
    assert sizes == [6] * 5


def test_folds_depend_on_the_seed_alone():
    groups = np.arange(40)
    first, again, other = (
        [test.tolist() for _, test in GroupFolds(4, random_state=seed).split(groups, groups=groups)]
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_cross_val_score_takes_both_splitters():
    X = TRAIN[["tickets"]]
    model = LogisticRegression()
    assert len(cross_val_score(model, X, TRAIN["y"], groups=TRAIN["id"], cv=GroupFolds(3))) == 3
    folds = TimeFolds(2, time=TRAIN["day"], test_days=20, gap_days=5)
    assert len(cross_val_score(model, X, TRAIN["y"], cv=folds)) == 2
    assert (GroupFolds(3).get_n_splits(), folds.get_n_splits()) == (3, 2)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "give groups="),
        ({"groups": [1, 2]}, "2 groups for 4 rows"),
        ({"groups": [1, 2, 3, None]}, "1 rows have no group"),
        ({"groups": [1, 1, 1, 1]}, "do not fill"),
        ({"groups": [1, 2, 3, 4], "y": [0, 1]}, "2 labels for 4 rows"),
    ],
)
def test_groups_that_cannot_be_dealt_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        next(GroupFolds(2).split(np.zeros(4), **options))


def test_number_of_folds_is_checked():
    with pytest.raises(ValueError, match="n_splits"):
        GroupFolds(1)
    with pytest.raises(ValueError, match="n_splits"):
        TimeFolds(0, time="day", test_days=1)
    with pytest.raises(ValueError, match="test_days"):
        TimeFolds(time="day", test_days=0)


# Time


@given(
    days=st.lists(st.integers(0, 60), min_size=30, max_size=60),
    test_days=st.integers(5, 15),
    gap=st.integers(0, 10),
)
@settings(max_examples=40, deadline=None)
def test_training_ends_a_gap_before_the_test(days, test_days, gap):
    days = np.array([*days, *range(61)])
    when = pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D")
    ends = []
    for train, test in TimeFolds(3, time=when, test_days=test_days, gap_days=gap).split(days):
        assert days[test].min() - days[train].max() == gap + 1
        assert np.ptp(days[test]) == test_days - 1
        ends.append(days[test].max())
    assert ends == [60 - 2 * test_days, 60 - test_days, 60]


def test_row_order_does_not_matter_in_time_folds():
    mixed = TRAIN.sample(frac=1, random_state=0)
    for (a, b), (c, d) in zip(
        TimeFolds(2, time="day", test_days=10).split(TRAIN),
        TimeFolds(2, time="day", test_days=10).split(mixed),
        strict=True,
    ):
        assert set(TRAIN["id"].iloc[a]) == set(mixed["id"].iloc[c])
        assert set(TRAIN["id"].iloc[b]) == set(mixed["id"].iloc[d])


def test_training_period_can_be_of_fixed_length():
    days = np.arange(100)
    when = pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D")
    for train, test in TimeFolds(3, time=when, test_days=10, gap_days=5, train_days=20).split(days):
        assert (len(train), len(test)) == (20, 10)


def test_a_tested_group_is_not_trained_on():
    owner = TRAIN["tickets"].to_numpy() * 100 + np.arange(len(TRAIN)) % 40
    for train, test in TimeFolds(2, time="day", test_days=10).split(TRAIN, groups=owner):
        assert not set(owner[train]) & set(owner[test])
        assert len(train) > 0


@pytest.mark.parametrize(
    "time, message",
    [
        (np.arange(600), "holds numbers"),
        (TRAIN["day"].head(3), "3 dates for 600 rows"),
        (TRAIN["day"].mask(TRAIN["tickets"] == 0), "have no date"),
        (pd.to_datetime(["2025-01-01"] * 600), "no row to train on"),
    ],
)
def test_dates_that_cannot_be_split_are_refused(time, message):
    with pytest.raises(ValueError, match=message):
        next(TimeFolds(1, time=time, test_days=10).split(TRAIN))


def test_groups_of_another_length_and_empty_weeks_are_refused():
    with pytest.raises(ValueError, match="2 groups"):
        next(TimeFolds(1, time="day", test_days=10).split(TRAIN, groups=[1, 2]))
    when = pd.to_datetime(["2025-01-01", "2025-03-01"])
    with pytest.raises(ValueError, match="no row to test on"):
        next(TimeFolds(2, time=when, test_days=10).split(when))


def test_a_row_without_a_group_or_a_date_is_named():
    with pytest.raises(ValueError, match="1 rows have no group, the first is row 2"):
        next(GroupFolds(2).split(np.zeros(4), groups=["a", "b", None, "c"]))
    with pytest.raises(ValueError, match="1 rows have no date, the first is row 1"):
        next(TimeFolds(1, time=["2024-01-01", None], test_days=1).split(np.zeros(2)))


def test_owners_of_the_test_rows_are_left_out_of_training():
    days = pd.date_range("2024-01-01", periods=5)
    ((train, test),) = TimeFolds(1, time=days, test_days=1).split(
        np.zeros(5), groups=["a", "b", None, "c", "a"]
    )
    assert (train.tolist(), test.tolist()) == ([1, 2, 3], [4])


def test_a_gap_in_a_list_of_groups_is_no_group():
    groups = ["a", "a", "b", "b", float("nan"), "c", "d", "d"]
    with pytest.raises(ValueError, match="1 rows have no group"):
        list(GroupFolds(2).split(np.zeros(8), [0, 1] * 4, groups=groups))


def test_a_date_with_two_readings_is_refused_and_one_reading_is_read():
    days = pd.Series([f"{d:02d}/{m:02d}/2024" for m in range(1, 13) for d in range(1, 13)])
    X = pd.DataFrame({"x": np.arange(len(days))})
    with pytest.raises(ValueError, match="two readings"):
        list(TimeFolds(2, time=days, test_days=40).split(X))
    iso = pd.to_datetime(days, format="%d/%m/%Y").dt.strftime("%Y-%m-%d")
    assert len(list(TimeFolds(2, time=iso, test_days=40).split(X))) == 2
