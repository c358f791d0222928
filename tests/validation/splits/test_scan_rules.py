"""Where each finding of the scan begins: one row, one label, one day more or less."""

import inspect
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.splits import leakage_scan
from mlhelpers.validation.splits.scan import _compare_rows, _judge, _key_codes, _look_at, _Scan

RNG = np.random.default_rng(2)


def sides(n_train=30, n_test=30, **columns):
    """Two frames without an overlap, labels in turn; `columns` gives values for all rows."""
    n = n_train + n_test
    whole = pd.DataFrame({"x": RNG.permutation(n) + 0.5, "y": np.arange(n) % 2, **columns})
    return whole.iloc[:n_train], whole.iloc[n_train:].reset_index(drop=True)


def findings(report):
    return [tuple(row) for row in report.findings[["severity", "check", "column", "count", "of"]].to_numpy()]


def test_defaults_are_those_of_the_documentation():
    given = inspect.signature(leakage_scan).parameters
    stated = {"gap_days": 0, "look": 0.85, "alarm": 0.95, "id_share": 0.95, "max_rows": 5}
    assert {name: given[name].default for name in stated} == stated


@pytest.mark.parametrize(("positives", "judged"), [(10, True), (9, False)])
def test_ten_labels_of_each_kind_on_each_side_are_needed(positives, judged):
    for few_on, few_label in ((0, 1), (0, 0), (1, 1), (1, 0)):
        frames = list(sides())
        y = np.full(30, 1 - few_label)
        y[:positives] = few_label
        frames[few_on] = frames[few_on].assign(y=y)
        report = leakage_scan(*frames, target="y")
        assert ("feature predicts the target" in report.checks) is judged
        assert len(report.features) == judged


@pytest.mark.parametrize(("n_test", "severity"), [(1000, "high"), (1001, "medium")])
def test_one_copy_in_a_thousand_rows_is_severe(n_test, severity):
    train, test = sides(50, n_test)
    test.loc[3] = train.iloc[0]
    found = findings(leakage_scan(train, test, target="y"))
    assert found == [(severity, "row on both sides", "", 1, n_test)]


def test_first_five_rows_are_shown_unless_told_otherwise():
    train, test = sides()
    copied = pd.concat([test.iloc[:4], train.iloc[:7]], ignore_index=True)
    assert leakage_scan(train, copied, target="y").findings["rows"][0] == [4, 5, 6, 7, 8]
    assert leakage_scan(train, copied, target="y", max_rows=2).findings["rows"][0] == [4, 5]
    assert leakage_scan(train, copied, target="y").findings["note"][0] == "63.64% of the test rows"


def test_a_copy_with_another_label_is_no_copy():
    train, test = sides()
    test.loc[0] = train.iloc[0]
    test.loc[1] = train.iloc[1] * [1, 0] + [0, 1 - train["y"].iloc[1]]
    assert findings(leakage_scan(train, test, target="y")) == [
        ("high", "row on both sides", "", 1, 30),
        ("medium", "features on both sides, other label", "", 1, 30),
    ]


@pytest.mark.parametrize(("distinct", "found"), [(38, True), (37, False)])
def test_text_with_95_percent_different_values_is_like_an_id(distinct, found):
    names = [f"n{min(place, distinct - 1)}" for place in range(40)]
    report = leakage_scan(*sides(20, 20, name=names), target="y")
    rows = [row for row in findings(report) if row[1] == "ID-like column"]
    assert rows == ([("low", "ID-like column", "name", 38, 40)] if found else [])
    assert report.findings["note"].tolist() == (["38 different values"] if found else [])


class Column(SimpleNamespace):
    """What `_look_at` asks of a column."""


@pytest.mark.parametrize(
    ("column", "check"),
    [
        ({"n_values": 20, "n_gaps": 0, "whole": True}, "ID-like column"),
        ({"n_values": 19, "n_gaps": 0, "whole": True}, None),
        ({"n_values": 20, "n_gaps": 0, "whole": False}, None),
        ({"n_values": 1, "n_gaps": 0, "whole": True}, "constant column"),
        ({"n_values": 0, "n_gaps": 20, "whole": False}, "constant column"),
        ({"n_values": 1, "n_gaps": 1, "whole": True}, None),
        ({"n_values": 2, "n_gaps": 0, "whole": True}, None),
    ],
)
def test_constant_and_id_like_columns_begin_where_stated(column, check):
    scan = _Scan(12, 8, 5)
    _look_at(scan, Column(**column), "c", 0.95)
    assert scan.checks == ["constant column", "ID-like column"]
    assert [row[:5] for row in scan.rows] == ([("low", check, "c", 20, 20)] if check else [])


def test_test_rows_begin_after_the_last_training_row():
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60), unit="D")
    train, test = sides(when=days)
    options = {"target": "y", "time": "when"}
    assert findings(leakage_scan(train, test, **options)) == []
    test.loc[0, "when"] = train["when"].max()
    report = leakage_scan(train, test, **options)
    assert findings(report) == [("high", "test not after training", "when", 1, 30)]
    assert report.findings["note"][0] == "training ends 2024-01-30 00:00:00"


@pytest.mark.parametrize(("gap", "short"), [(1, 0), (1.001, 1), (2, 1), (2.5, 2)])
def test_gap_is_counted_from_the_last_training_row(gap, short):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60), unit="D")
    report = leakage_scan(*sides(when=days), target="y", time="when", gap_days=gap)
    expected = [("medium", "gap too short", "when", short, 30)] if short else []
    assert findings(report) == expected
    assert report.findings["note"].tolist() == [f"less than {gap:g} days after training"] * len(expected)


def test_a_microsecond_less_than_a_day_is_too_short():
    days = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60), unit="D"))
    days[30] -= pd.Timedelta(1, "us")
    report = leakage_scan(*sides(when=days), target="y", time="when", gap_days=1)
    assert findings(report) == [("medium", "gap too short", "when", 1, 30)]


@pytest.mark.parametrize(
    ("low", "severity"), [(0.95, "high"), (0.9499, "medium"), (0.85, "medium"), (0.8499, None)]
)
def test_severity_of_a_feature_follows_the_lower_end(low, severity):
    scan = _Scan(3, 4, 5)
    _judge(scan, SimpleNamespace(low=low, auc=0.97, column="c", by_gaps=False), 0.85, 0.95)
    expected = (severity, "feature predicts the target", "c", 7, 7, "AUC 0.970 alone", [])
    assert scan.rows == ([expected] if severity else [])
    _judge(scan, SimpleNamespace(low=1.0, auc=1.0, column="d", by_gaps=True), 0.85, 0.95)
    assert scan.rows[-1][5] == "AUC 1.000 alone, by its gaps"


def test_overlap_counts_test_rows_and_ignores_unknown_values():
    scan = _Scan(3, 4, 5)
    scan.overlap("group", "g", np.array([0, 1, -1, 1, 1, -1, 2]))
    scan.overlap("key", "k", np.array([-1, -1, -1, -1, 0, -1, -1]))
    scan.overlap("empty", "e", np.full(7, -1))
    assert scan.rows == [("high", "group", "g", 2, 4, "1 values on both sides", [0, 1])]
    assert scan.checks == ["group", "key", "empty"]


def test_findings_are_ordered_by_severity_check_count_and_column():
    scan = _Scan(5, 5, 5)
    scan.checks += ["first", "second"]
    for severity, check, column, count in (
        ("low", "first", "a", 9), ("high", "second", "a", 1), ("high", "first", "c", 2),
        ("high", "first", "b", 2), ("high", "first", "d", 3), ("medium", "first", "a", 5),
    ):  # fmt: skip
        scan.add(severity, check, column, None, "", count)
    table = scan.table()
    order = [" ".join(row) for row in table[["severity", "check", "column"]].to_numpy()]
    assert order == [
        "high first d", "high first b", "high first c", "high second a", "medium first a", "low first a",
    ]  # fmt: skip
    assert table.index.tolist() == list(range(6))
    assert table.columns.tolist() == ["severity", "check", "column", "count", "of", "note", "rows"]
    assert table["of"].tolist() == [10] * 6


def test_keys_of_two_columns_are_compared_together_and_in_their_order():
    train = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"]})
    test = pd.DataFrame({"a": ["x", "x", "1"], "b": ["1", "2", "x"]})
    codes = _key_codes(train, test, ["a", "b"]).tolist()
    assert codes[2] == codes[0]
    assert len(set(codes)) == 4


def test_a_copy_has_the_hash_and_the_label():
    scan = _Scan(2, 2, 5)
    whole = np.array([1, 2, 9, 2], dtype=np.uint64)
    _compare_rows(scan, whole, np.array([False, True, False, True]))
    assert [row[:4] for row in scan.rows] == [("high", "row on both sides", "", 1)]
    assert scan.checks == ["row on both sides", "features on both sides, other label"]


def test_named_columns_are_compared_and_not_judged():
    n = 60
    train, test = sides(
        id=np.arange(n),
        owner=np.arange(n) // 2,
        when=pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), "D"),
    )
    report = leakage_scan(train, test, target="y", key="id", groups="owner", time="when")
    assert report.features["column"].tolist() == ["x"]
    assert report.findings.empty
    assert (report.n_train, report.n_test) == (30, 30)
    shared = leakage_scan(train, test.assign(id=[0, *range(100, 129)]), target="y", key="id")
    assert findings(shared)[0] == ("high", "key on both sides", "id", 1, 30)


def test_best_feature_stands_first_and_equal_ones_by_name():
    y = np.arange(60) % 2
    noise = RNG.random(60)
    report = leakage_scan(*sides(b=y + noise / 10, a=y + noise / 10, weak=noise), target="y")
    assert report.features["column"].tolist()[:2] == ["a", "b"]
    assert report.features["auc"].is_monotonic_decreasing
    assert report.features["auc"][0] == 1
    assert [row[:3] for row in findings(report)][:2] == [
        ("high", "feature predicts the target", "a"),
        ("high", "feature predicts the target", "b"),
    ]


@pytest.mark.parametrize("empty", [0, 1])
def test_a_side_without_rows_is_refused(empty):
    frames = list(sides())
    frames[empty] = frames[empty].iloc[:0]
    with pytest.raises(ValueError, match="at least one row each"):
        leakage_scan(*frames, target="y")
