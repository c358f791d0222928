import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mlhelpers.validation.splits import (
    leakage_scan,
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


def test_ids_beyond_the_precision_of_a_float_are_not_taken_for_each_other():
    train = pd.DataFrame({"id": [2**53 + 1, 1, 2, 3], "y": [0, 1, 0, 1]})
    test = pd.DataFrame({"id": [2**53, 11, 12, 13], "y": [0, 1, 0, 1]})
    for kind in ("int64", "Int64"):
        sides = (side.astype({"id": kind}) for side in (train, test))
        report = leakage_scan(*sides, target="y", groups="id")
        assert report.count("group on both sides") == report.count("row on both sides") == 0
    shared = leakage_scan(train, test.assign(id=train["id"]), target="y", groups="id", key="id")
    assert shared.count("group on both sides") == shared.count("key on both sides") == 4


def test_the_scan_of_texts_takes_memory_in_proportion_to_the_text():
    import tracemalloc

    rng = np.random.default_rng(0)
    words = [f"{i} short" for i in range(5999)] + ["one long note " * 5000]
    frame = pd.DataFrame(
        {"note": rng.permutation(np.array(words, dtype=object)), "y": rng.integers(0, 2, 6000)}
    )
    tracemalloc.start()
    leakage_scan(frame[:3000], frame[3000:], target="y", groups="note")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
