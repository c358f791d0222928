import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.features import point_in_time_aggregates
from mlhelpers.features.point_in_time import FUNCTIONS

DAY = pd.Timedelta(1, "D")
START = pd.Timestamp("2024-01-01")
COLUMNS = {"key": "customer", "time": "when", "cutoff": "now"}
ALL = {"amount": FUNCTIONS, "when": ["count", "since_last"]}


def by_loop(events, cutoffs, windows, include_cutoff):
    """What the helper promises, row by row in plain pandas."""
    rows = []
    for customer, now in zip(cutoffs["customer"], cutoffs["now"], strict=True):
        mine = events[events["customer"] == customer].sort_values("when", kind="stable")
        row = {}
        for window in windows:
            name = "all" if window is None else window
            start = pd.Timestamp.min if window is None else now - pd.Timedelta(window)
            when = mine["when"]
            seen = mine[(when > start) & (when <= now) if include_cutoff else (when >= start) & (when < now)]
            known = seen.dropna(subset="amount")
            since = {
                "amount": (now - known["when"].max()) / DAY,
                "when": (now - seen["when"].max()) / DAY,
            }
            for function in FUNCTIONS[:6]:
                row[f"amount_{function}_{name}"] = getattr(seen["amount"], function)()
            row[f"amount_last_{name}"] = known["amount"].iloc[-1] if len(known) else np.nan
            row[f"amount_since_last_{name}"] = since["amount"]
            row[f"when_count_{name}"] = len(seen)
            row[f"when_since_last_{name}"] = since["when"]
        rows.append(row)
    return pd.DataFrame(rows, index=cutoffs.index)


@st.composite
def logs(draw, max_events=40):
    amount = st.one_of(st.just(np.nan), st.integers(-5, 5), st.floats(-1e6, 1e6))
    event = st.tuples(st.integers(0, 3), st.integers(0, 60), amount)
    events = pd.DataFrame(draw(st.lists(event, max_size=max_events)), columns=["customer", "hours", "amount"])
    rows = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), min_size=1, max_size=12))
    cutoffs = pd.DataFrame(rows, columns=["customer", "hours"])
    events["when"] = START + pd.to_timedelta(events.pop("hours").astype(int), unit="h")
    cutoffs["now"] = START + pd.to_timedelta(cutoffs.pop("hours"), unit="h")
    return events.astype({"amount": float, "customer": int}), cutoffs


def aggregates(events, cutoffs, **options):
    options = {"values": ALL, "windows": ["12h", "1D", None]} | options
    return point_in_time_aggregates(events, cutoffs, **COLUMNS, **options)


@settings(max_examples=80, deadline=None)
@given(logs(), st.booleans())
def test_agrees_with_a_loop_over_the_rows(log, include_cutoff):
    events, cutoffs = log
    windows = ["12h", "1D", None]
    found = aggregates(events, cutoffs, windows=windows, include_cutoff=include_cutoff)
    expected = by_loop(events, cutoffs, windows, include_cutoff)
    scale = 1 + np.nan_to_num(events["amount"].abs().max())
    pd.testing.assert_frame_equal(
        found[expected.columns], expected, check_dtype=False, rtol=1e-9, atol=1e-12 * scale
    )


@settings(max_examples=80, deadline=None)
@given(logs(), logs(), st.booleans())
def test_events_from_the_cutoff_on_change_nothing(log, other, include_cutoff):
    events, cutoffs = log
    now = cutoffs["now"].iloc[0]
    row = cutoffs.iloc[[0]]
    past = events[events["when"] <= now] if include_cutoff else events[events["when"] < now]
    future = other[0].assign(when=other[0]["when"] + (now - START) + pd.Timedelta(int(include_cutoff), "h"))
    with_future = pd.concat([future.iloc[::2], past, future.iloc[1::2]])
    found = aggregates(with_future, row, include_cutoff=include_cutoff)
    scale = 1 + np.nan_to_num(past["amount"].abs().max())
    expected = aggregates(past, row, include_cutoff=include_cutoff)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12, atol=1e-12 * scale)
    exact = [c for c in found if not c.startswith(("amount_sum", "amount_mean", "amount_std"))]
    pd.testing.assert_frame_equal(found[exact], expected[exact], check_exact=True)


@settings(max_examples=50, deadline=None)
@given(logs(), st.floats(-1e9, 1e9))
def test_other_values_from_the_cutoff_on_change_not_one_bit(log, value):
    events, cutoffs = log
    now = cutoffs["now"].min()
    changed = events.assign(amount=events["amount"].where(events["when"] < now, value))
    first = cutoffs[cutoffs["now"] == now]
    pd.testing.assert_frame_equal(aggregates(changed, first), aggregates(events, first), check_exact=True)


@settings(max_examples=50, deadline=None)
@given(logs(), st.randoms(use_true_random=False))
def test_order_of_events_and_of_rows_does_not_matter(log, random):
    events, cutoffs = log
    events = events.drop_duplicates(["customer", "when"])  # of two events at one time, the later row is last
    mixed, rows = list(range(len(events))), list(range(len(cutoffs)))
    random.shuffle(mixed)
    random.shuffle(rows)
    found = aggregates(events.iloc[mixed], cutoffs.iloc[rows])
    scale = 1 + np.nan_to_num(events["amount"].abs().max())
    expected = aggregates(events, cutoffs).iloc[rows]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12, atol=1e-12 * scale)


@pytest.fixture
def rows():
    return pd.DataFrame({"customer": ["a", "c"], "now": [START + 30 * DAY] * 2}, index=["first", "second"])


def test_row_at_the_cutoff_counts_only_if_asked_for(payments, rows):
    assert aggregates(payments, rows)["amount_sum_all"].tolist() == [3.0, 0.0]
    assert aggregates(payments, rows, include_cutoff=True)["amount_sum_all"].tolist() == [7.0, 0.0]


def test_window_is_half_open_on_the_side_that_the_cutoff_is_not(payments, rows):
    options = {"windows": ["20D"], "values": {"when": "count"}}
    assert aggregates(payments, rows, **options)["when_count_20D"].tolist() == [2, 0]  # days 10 and 20
    found = aggregates(payments, rows, **options, include_cutoff=True)
    assert found["when_count_20D"].tolist() == [2, 0]  # days 20 and 30


def test_index_names_and_types_are_as_promised(payments, rows):
    found = aggregates(payments, rows, windows=["30D", pd.Timedelta("1h"), pd.Timedelta("2D"), None])
    assert list(found.index) == ["first", "second"]
    assert list(found)[:3] == ["amount_count_30D", "amount_sum_30D", "amount_mean_30D"]
    assert {"when_count_2D", "when_count_0 days 01:00:00", "amount_std_all"} <= {*found}
    assert found["amount_count_all"].dtype == np.int64
    assert found.drop(columns=[c for c in found if "_count_" in c]).dtypes.eq(float).all()


def test_key_without_events_has_count_and_sum_zero_and_no_more(payments, rows):
    second = aggregates(payments, rows).loc["second"]
    zero = second.index.str.contains("_count_|_sum_")
    assert (second[zero] == 0).all()
    assert second[~zero].isna().all()


def test_no_events_at_all_are_no_error(payments, rows):
    found = aggregates(payments.iloc[:0], rows)
    assert found["when_count_all"].tolist() == [0, 0]
    assert found["amount_mean_all"].isna().all()


def test_deviation_keeps_its_digits_beside_a_huge_amount():
    noise = np.random.default_rng(0).normal(10, 1, 1000)
    when = START + pd.to_timedelta(np.arange(1001), unit="h")
    events = pd.DataFrame({"customer": 1, "when": when, "amount": [1e12, *noise]})
    row = pd.DataFrame({"customer": [1], "now": [when[-1] + pd.Timedelta(1, "h")]})
    found = aggregates(events, row, windows=["1000h"]).iloc[0]
    assert found["amount_std_1000h"] == pytest.approx(noise.std(ddof=1), rel=1e-12)
    assert found["amount_sum_1000h"] == pytest.approx(noise.sum(), rel=1e-14)


def test_one_key_with_all_events_agrees_with_expanding_pandas():
    rng = np.random.default_rng(3)
    when = START + pd.to_timedelta(np.arange(3000), unit="min")
    events = pd.DataFrame({"customer": "only", "when": when, "amount": rng.normal(100, 20, 3000)})
    found = aggregates(events, events.rename(columns={"when": "now"}), windows=[None])
    past = events["amount"].shift().expanding()
    for function in ("mean", "std", "min", "max"):
        np.testing.assert_allclose(found[f"amount_{function}_all"], getattr(past, function)(), rtol=1e-9)


def test_numeric_times_have_numeric_windows():
    events = pd.DataFrame({"customer": [1, 1, 1], "when": [1, 4, 9], "amount": [1, 2, 3]})
    found = aggregates(events, pd.DataFrame({"customer": [1], "now": [10]}), windows=[6, 0.5, None]).iloc[0]
    assert (found["amount_sum_6"], found["amount_sum_0.5"], found["amount_sum_all"]) == (5, 0, 6)
    assert found["when_since_last_all"] == 1


def test_times_with_a_zone_are_compared_as_moments(payments, rows):
    plain = aggregates(payments, rows)
    events = payments.assign(when=payments["when"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    there = rows.assign(now=rows["now"].dt.tz_localize("UTC"))
    pd.testing.assert_frame_equal(aggregates(events, there), plain)
    with pytest.raises(
        TypeError, match="cutoff 'now' holds dates, the events' times are dates with a time zone"
    ):
        aggregates(events, rows)


@pytest.mark.parametrize("kind", ["category", "string", object])
def test_keys_of_any_type_of_text_are_found(payments, rows, kind):
    expected = aggregates(payments, rows)
    events, cutoffs = payments.astype({"customer": kind}), rows.astype({"customer": kind})
    pd.testing.assert_frame_equal(aggregates(events, cutoffs), expected)


def test_nullable_numbers_are_keys_and_values():
    events = pd.DataFrame({"customer": [1, 1], "when": [1, 2], "amount": [1, None]})
    rows = pd.DataFrame({"customer": [1], "now": [3]})
    nullable = events.astype({"customer": "Int64", "amount": "Int64"})
    pd.testing.assert_frame_equal(
        aggregates(nullable, rows, windows=[None]), aggregates(events, rows, windows=[None])
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"values": {"amount": "median"}},
            ValueError,
            r"values\['amount'\]: no function 'median'.*use count",
        ),
        (
            {"values": {"when": "sum"}},
            ValueError,
            r"no function 'sum' for this column; use count, since_last",
        ),
        ({"values": {"amnt": "sum"}}, ValueError, "values: no column 'amnt'"),
        ({"windows": "30D"}, TypeError, r"windows: give a list, \['30D'\]"),
        ({"windows": [30]}, TypeError, "windows: 30 does not fit times that are dates"),
        ({"windows": ["-3D"]}, ValueError, "'-3D' must be longer than 0"),
        ({"windows": ["30D", pd.Timedelta("30D")]}, ValueError, "'30D' is given twice"),
    ],
)
def test_wrong_parameter_is_named(payments, rows, change, error, message):
    with pytest.raises(error, match=message):
        aggregates(payments, rows, **change)


def test_missing_or_wrong_data_are_named(payments, rows):
    wrong = payments.assign(when=payments["when"].where(payments.index != 3))
    with pytest.raises(ValueError, match=r"'when' has no time \(NaN\) in row 3, 1 row"):
        aggregates(wrong, rows)
    with pytest.raises(ValueError, match=r"'customer' has no key \(NaN\) in row 2"):
        aggregates(payments.assign(customer=payments["customer"].where(payments.index != 2)), rows)
    with pytest.raises(TypeError, match=r"'now' holds text; turn it into times with pd.to_datetime"):
        aggregates(payments, rows.assign(now="2024-01-05"))
    with pytest.raises(TypeError, match="'customer' holds int64 here and object in the events"):
        aggregates(payments, rows.assign(customer=1))
    with pytest.raises(ValueError, match="'amount' holds an infinite value in row 4"):
        aggregates(payments.replace({"amount": {4.0: np.inf}}), rows)
    with pytest.raises(ValueError, match="column 'amount' is to be numeric"):
        aggregates(payments.assign(amount="much"), rows)
    with pytest.raises(TypeError, match=r"'customer': a key .* must be a string or a number"):
        aggregates(payments.assign(customer=[["a"]] * 5), rows)
