import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score

from mlhelpers.validation.splits import (
    GroupFolds,
    TimeFolds,
    auc_interval_width,
    auc_standard_error,
    connected_groups,
    leakage_scan,
    positives_needed,
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
OPTIONS = {"target": "y", "key": "id"}


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


def test_rows_are_connected_through_any_column():
    frame = pd.DataFrame({"card": ["a", "a", "b", "c", None, None], "device": [1, 2, 2, 3, 4, 5]})
    assert connected_groups(frame, ["card", "device"]).tolist() == [0, 0, 0, 1, 2, 3]
    assert connected_groups(frame, "card").tolist() == [0, 0, 1, 2, 3, 4]


def test_unknown_column_to_connect_by_is_named():
    with pytest.raises(ValueError, match="shop"):
        connected_groups(TRAIN, ["shop"])
    with pytest.raises(ValueError, match="none was named"):
        connected_groups(TRAIN, [])


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


# Positives


@pytest.mark.parametrize("auc, share", [(0.7, 0.5), (0.85, 0.2), (0.95, 0.05)])
def test_positives_needed_is_the_smallest_number(auc, share):
    n = positives_needed(auc, 0.05, positive_share=share)
    ratio = (1 - share) / share
    assert auc_interval_width(auc, n, n * ratio) <= 0.05
    assert auc_interval_width(auc, n - 1, (n - 1) * ratio) > 0.05


@pytest.mark.parametrize("auc", [0.6, 0.8, 0.9])
def test_simulated_aucs_spread_as_the_formula_says(auc):
    rng = np.random.default_rng(0)
    n = positives_needed(auc, 0.1, positive_share=0.25)
    # Exponential scores, for which the formula is exact: P(positive > negative) = rate / (1 + rate).
    scale = auc / (1 - auc)
    negative, positive = rng.exponential(1, (2000, 3 * n)), rng.exponential(scale, (2000, n))
    found = [(p[:, None] > q[None, :]).mean() for p, q in zip(positive[:400], negative[:400], strict=True)]
    assert np.std(found) * 2 * 1.96 == pytest.approx(0.1, rel=0.12)
    assert np.mean(found) == pytest.approx(auc, abs=0.005)


@pytest.mark.parametrize(
    "arguments",
    [(1.0, 0.1, 0.5), (0.4, 0.1, 0.5), (0.8, 0.0, 0.5), (0.8, 0.1, 1.0)],
)
def test_positives_needed_refuses_what_has_no_answer(arguments):
    auc, width, share = arguments
    with pytest.raises(ValueError):
        positives_needed(auc, width, positive_share=share)


def test_standard_error_checks_its_arguments():
    assert auc_standard_error(1.0, 5, 5) == 0
    for wrong in ((1.2, 5, 5), (0.8, 0, 5)):
        with pytest.raises(ValueError):
            auc_standard_error(*wrong)
    with pytest.raises(ValueError, match="level"):
        auc_interval_width(0.8, 5, 5, level=1.0)


# Scan


def test_independent_rows_give_no_alarm():
    reports = [leakage_scan(*split(make_rows(600, seed)), target="y", key="id") for seed in range(30)]
    assert sum(len(report.findings) for report in reports) == 0
    assert all(report.ok for report in reports)


@given(n=st.integers(1, 40), seed=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_every_planted_copy_is_counted(n, seed):
    copies = TRAIN.sample(n, random_state=seed).assign(id=[f"new{i}" for i in range(n)])
    report = leakage_scan(TRAIN, pd.concat([TEST, copies]), **OPTIONS)
    assert report.count("row on both sides") == n
    assert not report.ok
    assert report.findings["rows"].iloc[0] == list(range(200, 200 + min(n, 5)))


def test_a_copy_with_another_label_is_told_apart():
    copies = TRAIN.head(7).assign(y=1 - TRAIN["y"].head(7))
    report = leakage_scan(TRAIN, pd.concat([TEST, copies]), target="y", key=["id"])
    assert report.count("row on both sides") == 0
    assert report.count("features on both sides, other label") == 7
    assert report.findings["check"].iloc[0] == "key on both sides"


def test_gaps_of_every_spelling_and_dtype_are_alike():
    train = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "y": [0, 1, 0]})
    test = pd.DataFrame({"a": [2.0, 3.0], "b": [np.nan, "q"], "y": [1, 0]})
    assert leakage_scan(train, test, target="y").count("row on both sides") == 1


def test_columns_swapped_between_rows_are_no_copy():
    train = pd.DataFrame({"a": [1, 2], "b": [3, 4], "y": [0, 1]})
    test = pd.DataFrame({"a": [3, 1], "b": [1, 4], "y": [0, 0]})
    assert leakage_scan(train, test, target="y").count("row on both sides") == 0


def test_groups_and_keys_on_both_sides_are_counted_by_test_row():
    train = TRAIN.assign(owner=np.arange(600) // 2)
    test = TEST.assign(owner=[*([5] * 3), *([7] * 2), *range(1000, 1195)])
    report = leakage_scan(train, test, groups="owner", **OPTIONS)
    row = report.findings.query("check == 'group on both sides'").iloc[0]
    assert (row["count"], row["of"], row["note"]) == (5, 200, "2 values on both sides")
    assert row["rows"] == [0, 1, 2, 3, 4] and row["severity"] == "high"
    twice = leakage_scan(TRAIN, TEST.assign(id=[TRAIN["id"].iloc[0], *TEST["id"].iloc[1:]]), **OPTIONS)
    assert twice.count("key on both sides") == 1


def test_unknown_groups_are_not_shared():
    report = leakage_scan(TRAIN.assign(owner=None), TEST.assign(owner=None), groups=["owner"], **OPTIONS)
    assert report.count("group on both sides") == 0


def test_time_is_compared_with_the_last_training_row():
    train = TRAIN.assign(day=pd.Timestamp("2025-01-31"))
    test = TEST.assign(day=pd.to_datetime(["2025-01-31"] * 3 + ["2025-02-10"] * 7 + ["2025-03-02"] * 190))
    report = leakage_scan(train, test, time="day", gap_days=30, **OPTIONS)
    assert report.count("test not after training") == 3
    assert report.count("gap too short") == 7
    assert leakage_scan(train, test.tail(190), time="day", gap_days=30, **OPTIONS).ok


def with_leak(rule):
    both = pd.concat([TRAIN, TEST], ignore_index=True)
    both["leak"] = rule(both["y"].to_numpy(), np.random.default_rng(1))
    return split(both)


@pytest.mark.parametrize(
    "rule",
    [
        lambda y, rng: y + rng.normal(0, 0.2, len(y)),
        lambda y, rng: -y + rng.normal(0, 0.2, len(y)),
        lambda y, rng: np.where(y == 1, rng.normal(0, 1, len(y)), np.nan),
        lambda y, rng: np.where(y == 1, np.nan, rng.normal(0, 1, len(y))),
        lambda y, rng: np.where(y == 1, "left", rng.choice(["a", "b"], len(y))),
        lambda y, rng: np.where(y == 1, None, "stays"),
        lambda y, rng: pd.Timestamp("2025-01-01") + pd.to_timedelta(y * 9 + rng.integers(0, 3, len(y)), "D"),
    ],
)
def test_target_in_disguise_is_found(rule):
    report = leakage_scan(*with_leak(rule), **OPTIONS)
    found = report.findings.query("check == 'feature predicts the target'")
    assert found["column"].tolist() == ["leak"]
    assert found["severity"].tolist() == ["high"]
    assert report.features.iloc[0]["column"] == "leak"


def test_a_strong_feature_is_looked_at_without_alarm():
    report = leakage_scan(*with_leak(lambda y, rng: y + rng.normal(0, 0.45, len(y))), **OPTIONS)
    assert report.findings["severity"].tolist() == ["medium"]
    assert report.ok


@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, np.nan]), min_size=60, max_size=60),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_auc_of_a_number_agrees_with_scikit_learn(values, seed):
    y = np.random.default_rng(seed).permutation(np.tile([0, 1], 30))
    frame = pd.DataFrame({"a": values, "b": np.arange(60), "y": y})
    train, test = frame.iloc[:38], frame.iloc[38:]
    if min(test["y"].sum(), 22 - test["y"].sum()) < 10 or frame["a"].nunique() < 2:
        return
    features = leakage_scan(train, test, target="y").features.set_index("column")
    ranked, gaps = (roc_auc_score(y, column) for column in (frame["a"].fillna(-1), frame["a"].isna()))
    best = max(ranked, 1 - ranked, gaps, 1 - gaps)
    assert features.loc["a", "auc"] == pytest.approx(best)


def test_category_is_judged_by_training_rates_on_test_rows():
    features = leakage_scan(TRAIN, TEST, **OPTIONS).features.set_index("column")
    counts = TRAIN.assign(plan=TRAIN["plan"].fillna("?")).groupby("plan")["y"].agg(["sum", "count"])
    rates = (counts["sum"] + 10 * TRAIN["y"].mean()) / (counts["count"] + 10)
    expected = roc_auc_score(TEST["y"], TEST["plan"].fillna("?").map(rates))
    assert features.loc["plan", "auc"] == pytest.approx(max(expected, 0.5))


def test_constant_and_id_like_columns_are_of_low_severity():
    train, test = TRAIN.assign(source="web", empty=np.nan), TEST.assign(source="web", empty=np.nan)
    report = leakage_scan(train, test, target="y")
    assert report.findings["severity"].eq("low").all()
    assert report.findings["column"].tolist() == ["empty", "source", "id"]
    assert report.ok


@given(seed=st.integers(0, 20))
@settings(max_examples=10, deadline=None)
def test_order_of_rows_and_columns_changes_no_count(seed):
    test = pd.concat([TEST, TRAIN.head(4)])
    first = leakage_scan(TRAIN, test, groups="plan", time="day", **OPTIONS)
    mixed = [part.sample(frac=1, random_state=seed) for part in (TRAIN, test)]
    mixed[1] = mixed[1].sample(frac=1, axis=1, random_state=seed)
    again = leakage_scan(*mixed, groups="plan", time="day", **OPTIONS)
    pd.testing.assert_frame_equal(first.findings.drop(columns="rows"), again.findings.drop(columns="rows"))
    pd.testing.assert_frame_equal(first.features, again.features)


def test_values_that_cannot_be_hashed_are_compared_as_text():
    train, test = TRAIN.assign(tags=[["a"]] * 600), TEST.assign(tags=[["a"]] * 200)
    assert "tags" in leakage_scan(train, test, **OPTIONS).findings["column"].tolist()


def test_few_labels_are_not_judged():
    report = leakage_scan(TRAIN, TEST.head(12), **OPTIONS)
    assert report.features.empty
    assert "feature predicts the target" not in report.checks


@pytest.mark.parametrize(
    "train, test, options, message",
    [
        (TRAIN.head(0), TEST, {}, "at least one row"),
        (TRAIN, TEST.drop(columns="plan"), {}, "one side only: plan"),
        (TRAIN, TEST, {"groups": "household"}, "household"),
        (TRAIN, TEST.assign(y=2), {}, "must be 0 or 1"),
        (TRAIN.assign(y=np.nan), TEST, {}, "must be 0 or 1"),
    ],
)
def test_wrong_input_is_named(train, test, options, message):
    with pytest.raises(ValueError, match=message):
        leakage_scan(train, test, **OPTIONS, **options)


def test_report_reads_as_text_and_as_html():
    report = leakage_scan(TRAIN, pd.concat([TEST, TRAIN.head(2)]), **OPTIONS)
    assert "2 high" in str(report) and "2 of 202" in repr(report)
    page = report._repr_html_()
    assert "<table" in page and "row on both sides" in page and "tickets" in page
    clean = leakage_scan(TRAIN, TEST.head(12), **OPTIONS)
    assert "nothing found" in str(clean) and "<table" not in clean._repr_html_()
    with pytest.raises(ValueError, match="no check 'magic'"):
        report.count("magic")
