"""What the association helpers promise: they fit the types, agree with the libraries and see no ghosts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from mlhelpers.data import load
from mlhelpers.data.explore import association, correlation_ratio

RNG = np.random.default_rng(3)


def mixed(n=400, random_state=0):
    rng = np.random.default_rng(random_state)
    base = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": base + rng.normal(size=n),
            "skewed": np.exp(base),
            "count": rng.poisson(np.exp(base / 2)),
            "plan": np.where(base + rng.normal(size=n) > 0, "big", "small"),
            "place": rng.choice(["n", "s", "e", "w"], n).astype(object),
            "flag": rng.random(n) < 0.4,
            "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(np.round(10 * base), unit="D"),
        }
    )
    frame.loc[rng.random(n) < 0.2, "x"] = np.nan
    frame.loc[rng.random(n) < 0.1, "skewed"] = np.nan
    frame.loc[rng.random(n) < 0.15, "place"] = None
    return frame


def values(with_gaps=True, levels=None):
    number = st.floats(-1e6, 1e6, width=32) if levels is None else st.integers(0, levels - 1).map(float)
    return st.one_of(number, number, st.just(np.nan)) if with_gaps else number


numeric_frames = st.integers(2, 40).flatmap(
    lambda n: st.tuples(arrays(np.float64, (n, 3), elements=values()), st.permutations(range(n)))
)


# The measure fits the types


def test_each_pair_gets_the_measure_of_its_types():
    measures = association(mixed(), numeric="spearman").measures
    assert measures.loc["x", "count"] == "spearman"
    assert measures.loc["plan", "place"] == "cramers_v"
    assert measures.loc["plan", "x"] == measures.loc["x", "plan"] == "correlation_ratio"
    assert measures.loc["flag", "plan"] == "cramers_v"
    assert measures.loc["day", "x"] == "spearman"


def test_codes_that_are_numbers_can_be_named_categories():
    result = association(mixed(), kinds={"count": "category", "flag": "number"})
    assert result.measures.loc["count", "place"] == "cramers_v"
    assert result.measures.loc["flag", "x"] == "pearson"


def test_every_category_type_gives_the_same_values():
    frame = mixed()
    typed = frame.assign(plan=frame["plan"].astype("category"), place=frame["place"].astype("string"))
    typed["plan"] = typed["plan"].cat.add_categories("never used")
    np.testing.assert_allclose(association(typed).matrix, association(frame).matrix)


def test_nullable_numbers_count_like_plain_ones():
    frame = mixed()
    nullable = frame.assign(count=frame["count"].astype("Int64"), x=frame["x"].astype("Float64"))
    pd.testing.assert_frame_equal(association(nullable).matrix, association(frame).matrix)


def test_columns_keep_the_order_of_the_frame_or_of_the_call():
    assert list(association(mixed()).matrix) == list(mixed().columns)
    assert list(association(mixed(), columns=["plan", "x"]).matrix) == ["plan", "x"]


def test_identifier_is_left_out_and_named():
    frame = mixed().assign(code=[f"c{i}" for i in range(400)])
    result = association(frame)
    assert "code" not in result.matrix
    assert result.left_out == {"code": "400 categories, more than 200"}
    assert "left out: code" in str(result)
    assert "left out: code" in result._repr_html_()


def test_n_counts_the_rows_that_have_both():
    frame = mixed()
    n = association(frame).n
    for a in frame:
        for b in frame:
            assert n.loc[a, b] == (frame[a].notna() & frame[b].notna()).sum()


# Agreement with the reference libraries, pair by pair where values are missing


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_numbers_agree_with_pandas(method):
    frame = mixed()[["x", "skewed", "count"]]
    ours = association(frame, numeric=method).matrix
    np.testing.assert_allclose(ours, frame.corr(method=method), atol=1e-12)


def test_spearman_ranks_only_the_rows_of_the_pair():
    frame = mixed()[["x", "skewed"]]
    both = frame.dropna()
    expected = spearmanr(both["x"], both["skewed"]).statistic
    assert association(frame, numeric="spearman").matrix.loc["x", "skewed"] == pytest.approx(expected)


@settings(max_examples=150, deadline=None)
@given(numeric_frames)
def test_numbers_agree_with_pandas_whatever_the_gaps(drawn):
    data, _ = drawn
    frame = pd.DataFrame(data, columns=list("abc"))
    for method in ("pearson", "spearman"):
        ours, theirs = association(frame, numeric=method).matrix, frame.corr(method=method)
        for a in frame:
            for b in frame:
                both = frame[[a, b]].dropna()
                if (both.nunique() < 2).any():  # pandas divides rounding errors here
                    assert np.isnan(ours.loc[a, b])
                elif method == "spearman" or (both.std() > 1e-3 * both.abs().max()).all():
                    assert ours.loc[a, b] == pytest.approx(theirs.loc[a, b], abs=1e-7)


# What the values mean


@settings(max_examples=80, deadline=None)
@given(numeric_frames)
def test_values_stay_the_same_when_rows_change_places(drawn):
    data, order = drawn
    frame = pd.DataFrame(data, columns=list("abc"))
    frame["g"] = np.where(np.arange(len(frame)) % 2, "odd", "even")
    for options in ({}, {"numeric": "spearman"}, {"measure": "mutual_information"}):
        first = association(frame, **options).matrix
        second = association(frame.iloc[list(order)], **options).matrix
        np.testing.assert_allclose(first, second, atol=1e-6)


@settings(max_examples=80, deadline=None)
@given(numeric_frames)
def test_values_are_symmetric_and_in_range(drawn):
    frame = pd.DataFrame(drawn[0], columns=list("abc"))
    frame["g"] = np.where(np.arange(len(frame)) % 2, "odd", "even")
    for options in ({}, {"numeric": "spearman"}):
        matrix = association(frame, **options).matrix.to_numpy()
        np.testing.assert_array_equal(matrix, matrix.T)
        assert np.nanmax(np.abs(matrix), initial=0) <= 1


def test_spearman_is_blind_to_monotone_changes():
    frame = mixed()
    changed = frame.assign(skewed=np.log(frame["skewed"]), x=frame["x"] ** 3)
    a, b = (association(f, numeric="spearman").matrix for f in (frame, changed))
    np.testing.assert_allclose(a.loc["x", ["skewed", "count"]], b.loc["x", ["skewed", "count"]], atol=1e-12)


def test_information_sees_a_u_shape_that_pearson_misses():
    x = np.linspace(-1, 1, 2001)
    frame = pd.DataFrame({"x": x, "y": x**2})
    assert abs(association(frame).matrix.loc["x", "y"]) < 1e-9
    assert association(frame, measure="mutual_information").matrix.loc["x", "y"] > 1


def test_a_column_tells_itself():
    frame = mixed()
    np.testing.assert_allclose(np.diag(association(frame).matrix), 1.0)
    information = association(frame, measure="mutual_information").matrix
    shares = frame["plan"].value_counts(normalize=True)
    assert information.loc["plan", "plan"] == pytest.approx(-(shares * np.log(shares)).sum())


# Corners


def test_constant_column_gives_nan_and_no_warning():
    frame = mixed().assign(constant=0.1, always="yes")
    matrix = association(frame).matrix
    assert matrix["constant"].isna().all()
    assert matrix["always"].isna().all()
    assert association(frame, numeric="spearman").matrix["constant"].isna().all()


def test_number_that_is_constant_where_the_other_is_known_gives_nan():
    frame = pd.DataFrame(
        {"a": [1.0, 1, 1, 5, 6], "b": [1.0, 2, 3, np.nan, np.nan], "g": list("xyx") + [None] * 2}
    )
    matrix = association(frame).matrix
    assert np.isnan(matrix.loc["a", "b"])
    assert np.isnan(matrix.loc["a", "g"])


def test_value_far_away_does_not_spoil_the_other_rows():
    x = np.r_[RNG.normal(size=200), 1e12]
    y = np.r_[x[:200] + RNG.normal(size=200), np.nan]
    frame = pd.DataFrame({"x": x, "y": y, "g": pd.Series(np.where(x > 0, "up", "down")).where(~np.isnan(y))})
    expected = np.corrcoef(x[:200], y[:200])[0, 1]
    matrix = association(frame).matrix
    assert matrix.loc["x", "y"] == pytest.approx(expected, abs=1e-12)
    assert matrix.loc["g", "x"] == pytest.approx(correlation_ratio(frame["g"][:200], x[:200]), abs=1e-12)


def test_columns_that_never_meet_give_nan_with_n_zero():
    frame = pd.DataFrame({"a": [1.0, 2, None, None], "b": [None, None, 3.0, 4], "g": ["u", "v", None, None]})
    for options in ({}, {"numeric": "spearman"}, {"measure": "mutual_information"}):
        result = association(frame, **options)
        assert np.isnan(result.matrix.loc["a", "b"])
        assert np.isnan(result.matrix.loc["g", "b"])
        assert result.n.loc["a", "b"] == 0


def test_empty_columns_and_frames_are_no_error():
    assert association(pd.DataFrame({"a": [np.nan, np.nan], "b": [1.0, 2]})).matrix.loc["a"].isna().all()
    assert association(pd.DataFrame({"a": []}, dtype=float)).matrix.isna().all(axis=None)
    assert str(association(pd.DataFrame())) == "no columns\nno pair; no rows"


def test_pairs_with_too_few_rows_are_nan():
    frame = mixed()
    assert association(frame, min_rows=330).matrix.loc["x", "place"] != association(frame).n.loc["x", "place"]
    assert np.isnan(association(frame, min_rows=330).matrix.loc["x", "place"])


def test_huge_values_do_not_overflow():
    frame = pd.DataFrame({"a": [1e200, 2e200, 4e200], "b": [1.0, 2, 4], "g": list("uuv")})
    matrix = association(frame).matrix
    assert matrix.loc["a", "b"] == pytest.approx(1)
    assert matrix.loc["a", "g"] == pytest.approx(matrix.loc["b", "g"])


# Reading the result


def test_pairs_come_once_and_the_strongest_first():
    result = association(mixed())
    pairs = result.pairs()
    assert len(pairs) == 7 * 6 / 2
    assert pairs["value"].abs().is_monotonic_decreasing
    assert list(pairs) == ["left", "right", "measure", "value", "n"]


def test_pairs_of_a_target_are_indexed_by_the_other_column():
    pairs = association(mixed()).pairs("plan")
    assert set(pairs.index) == set(mixed().columns) - {"plan"}
    assert pairs.loc["x", "measure"] == "correlation_ratio"


def test_pairs_of_a_column_that_is_not_there_say_why():
    frame = mixed().assign(code=[f"c{i}" for i in range(400)])
    with pytest.raises(ValueError, match="no column 'code' in the matrix: 400 categories"):
        association(frame).pairs("code")
    with pytest.raises(ValueError, match="no column 'plam' in the matrix: there are: x"):
        association(frame).pairs("plam")


def test_result_shows_itself_as_text_and_html():
    result = association(mixed())
    assert "correlation_ratio, cramers_v, pearson" in repr(result)
    assert "rows per pair" in str(result)
    assert "<table" in result._repr_html_()


def test_churn_shows_the_u_shape_and_the_leak():
    churn = load("churn")
    by_line = association(churn).pairs("churned")
    by_information = association(churn, measure="mutual_information").pairs("churned")
    assert by_line.index[0] == by_information.index[0] == "retention_calls"
    assert by_line.index.get_loc("data_gb") == len(by_line) - 2
    assert by_information.index[1] == "data_gb"


# Wrong input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numeric": "kendall"}, "numeric must be 'pearson' or 'spearman', got 'kendall'"),
        ({"measure": "chi2"}, "measure must be 'auto' or 'mutual_information', got 'chi2'"),
        ({"bins": 1}, "bins and min_rows must be at least 2"),
        ({"min_rows": 1}, "bins and min_rows must be at least 2"),
        ({"columns": ["x", "age"]}, "no column 'age'; there are: x, skewed"),
        ({"kinds": {"age": "number"}}, "no column 'age'"),
        ({"kinds": {"x": "text"}}, r"kinds\['x'\] must be 'number' or 'category'"),
        ({"kinds": {"plan": "number"}}, "column 'plan' is object, not numeric; convert it"),
    ],
)
def test_wrong_option_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        association(mixed(), **change)


def test_infinite_value_is_named_with_its_row():
    with pytest.raises(ValueError, match="column 'x' is infinite in row 2; replace such values by NaN"):
        association(pd.DataFrame({"x": [1.0, 2, np.inf]}))


def test_column_that_is_there_twice_is_named():
    with pytest.raises(ValueError, match="column 'a' stands there twice"):
        association(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_types_that_cannot_be_compared_are_named():
    with pytest.raises(TypeError, match="column 'tags' holds values of type list"):
        association(pd.DataFrame({"tags": [["a"], ["b"]]}))
    with pytest.raises(TypeError, match="column 'z' holds complex numbers"):
        association(pd.DataFrame({"z": [1j, 2j]}))
    with pytest.raises(TypeError, match="frame must be a pandas DataFrame, got list"):
        association([[1, 2]])
