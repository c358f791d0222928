"""Dollar signs and HTML in names reach plots and reports as the text they are."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp
from scipy.stats import wasserstein_distance as scipy_wasserstein

from mlhelpers.monitoring.drift import (
    adjusted_p_values,
    drift_report,
    learn_baseline,
)
from mlhelpers.monitoring.drift.report import (
    category_distances,
    chi_square_of_counts,
    numeric_distances,
)
from mlhelpers.monitoring.profiles import profile, suggest_origins
from mlhelpers.monitoring.profiles.numbers import cell_limits

VALUES = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=60)
COLUMNS = {"numeric": ["charge", "gb", "tickets"], "categorical": ["contract"]}


def rows(n, seed, *, shift=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "charge": rng.normal(60 + shift, 15, n),
            "gb": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "tickets": rng.poisson(3, n),
            "contract": rng.choice(["monthly", "one_year", "two_year"], n, p=[0.5, 0.3, 0.2]),
        }
    ).astype({"contract": object})
    frame.loc[rng.random(n) < 0.02, "contract"] = None
    return frame


REFERENCE, CURRENT = rows(4000, 0), rows(1500, 1, shift=5)


def one(values):
    return profile(pd.DataFrame({"x": values}))["x"]


@given(VALUES, VALUES)
@settings(deadline=None)
def test_distances_of_rows_lie_within_the_stated_bounds(a, b):
    found = numeric_distances(one(a), one(b), bins=10)
    ks = ks_2samp(a, b, method="asymp").statistic
    assert found["ks"] - 1e-12 <= ks <= found["ks"] + found["ks_bound"] + 1e-12
    assert abs(found["wasserstein"] - scipy_wasserstein(a, b)) <= found["wasserstein_bound"] + 1e-9


WHOLE_NUMBERS = st.lists(st.integers(-4096, 4096), min_size=2)


@given(WHOLE_NUMBERS, WHOLE_NUMBERS)
@settings(deadline=None)
def test_whole_numbers_have_exact_distances(a, b):
    found = numeric_distances(one(a), one(b), bins=10)
    assert found["ks_bound"] == found["wasserstein_bound"] == 0
    expected = ks_2samp(a, b, method="asymp")
    assert found["ks"] == pytest.approx(expected.statistic, abs=1e-12)
    assert found["p"] == pytest.approx(expected.pvalue, abs=1e-9)
    assert found["wasserstein"] == pytest.approx(scipy_wasserstein(a, b), abs=1e-9)


@given(VALUES)
@settings(deadline=None)
def test_distances_of_a_sample_from_itself_are_zero(values):
    found = numeric_distances(one(values), one(values), bins=10)
    assert found["psi"] == found["js"] == found["ks"] == found["wasserstein"] == 0
    assert found["p"] == 1


def test_distances_agree_with_scipy_on_the_same_bins():
    table = drift_report(REFERENCE, CURRENT, **COLUMNS).table.set_index("column")
    a, b = profile(REFERENCE), profile(CURRENT)
    for name in COLUMNS["numeric"]:
        kept, cuts = (a[name], b[name]), a[name].cut_values(10)
        counts = []
        for frame in (REFERENCE, CURRENT):
            known = frame[name].dropna()
            inside = np.bincount(np.searchsorted(cuts, known), minlength=len(cuts) + 1)
            counts.append(np.append(inside, len(frame) - len(known)))
        p, q = (part[counts[0] + counts[1] > 0] / part.sum() for part in counts)
        assert table.loc[name, "psi"] == pytest.approx(np.sum((q - p) * np.log(q / p)), abs=1e-9)
        assert table.loc[name, "js"] == pytest.approx(jensenshannon(p, q, base=2), abs=1e-9)
        low, high = min(part.low for part in kept), max(part.high for part in kept)
        cells = [cell_limits(part.keys, 0.0, low, high, part.whole) for part in kept]
        middles = [near + (far - near) / 2 for near, far in cells]
        expected = scipy_wasserstein(*middles, kept[0].counts, kept[1].counts)
        assert table.loc[name, "wasserstein"] == pytest.approx(expected, abs=1e-9)
    counts = [frame["contract"].fillna("-").value_counts() for frame in (REFERENCE, CURRENT)]
    expected = chi2_contingency(pd.concat(counts, axis=1).to_numpy().T, correction=False)
    assert table.loc["contract", "chi_square"] == pytest.approx(expected.statistic, abs=1e-9)
    assert table.loc["contract", "p"] == pytest.approx(expected.pvalue, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05])
def test_p_value_of_many_rows_agrees_with_scipy(shift):
    rng = np.random.default_rng(8)
    a, b = np.round(rng.normal(0, 500, 12_000)), np.round(rng.normal(shift * 500, 500, 12_000))
    expected = ks_2samp(a, b, method="asymp")
    assert numeric_distances(one(a), one(b), bins=10)["p"] == pytest.approx(expected.pvalue, abs=1e-5)


def test_saved_profiles_and_frames_give_the_same_report():
    first, second = profile(REFERENCE), profile(CURRENT)
    expected = drift_report(REFERENCE, CURRENT, **COLUMNS).table
    pd.testing.assert_frame_equal(drift_report(first, second, **COLUMNS).table, expected)
    pd.testing.assert_frame_equal(drift_report(first, CURRENT).table, expected)


def test_small_spread_beside_a_large_level_is_seen_with_an_origin():
    rng = np.random.default_rng(0)
    a, b = (pd.DataFrame({"kelvin": 300 + rng.normal(shift, 0.01, 3000)}) for shift in (0, 0.005))
    row = drift_report(a, b).table.iloc[0]
    assert row["ks"] == pytest.approx(ks_2samp(a["kelvin"], b["kelvin"]).statistic, abs=0.002)
    coarse = drift_report(profile(a), b).table.iloc[0]
    assert coarse["ks_bound"] > 0.1
    kept = profile(a, origin=suggest_origins(a))
    assert drift_report(kept, b).table.iloc[0]["ks"] == row["ks"]
    with pytest.raises(ValueError, match="different origins"):
        drift_report(kept, profile(b))


def test_report_names_the_columns_that_moved():
    broken = CURRENT.assign(gb=CURRENT["gb"].where(np.arange(len(CURRENT)) % 3 > 0))
    report = drift_report(REFERENCE, broken)
    assert set(report.drifted) == {"charge", "gb"}
    gb = report.table.set_index("column").loc["gb"]
    assert gb["missing_change"] == pytest.approx(0.3, abs=0.03)
    assert gb["missing_p_adjusted"] < 1e-9 < gb["p_adjusted"]
    assert not drift_report(REFERENCE, CURRENT, min_effect=0.3).drifted
    assert "effect at least 0.3" in drift_report(REFERENCE, CURRENT, min_effect=0.3).rule


def test_new_categories_are_counted_by_name_and_in_buckets():
    fresh = CURRENT.assign(contract=np.where(np.arange(1500) < 30, "weekly", CURRENT["contract"]))
    row = drift_report(REFERENCE, fresh).table.set_index("column").loc["contract"]
    assert (row["new_categories"], row["new_share"]) == (1, 0.02)
    ids = [profile(pd.DataFrame({"id": [f"{kind}{n}" for n in range(1200)]}))["id"] for kind in "ab"]
    found = category_distances(*ids)
    assert found["new_categories"] > 500
    assert 0.4 < found["new_share"] <= 1
    same = category_distances(ids[0], ids[0])
    assert (same["psi"], same["new_categories"], same["new_share"]) == (0, 0, 0)


def test_rare_categories_are_pooled_for_the_test():
    a, b = np.array([500, 3, 2, 1, 0]), np.array([500, 0, 1, 2, 3])
    expected = chi2_contingency([[500, 6], [500, 6]], correction=False)
    assert chi_square_of_counts(a, b).statistic == pytest.approx(expected.statistic)
    assert chi_square_of_counts(np.array([9]), np.array([4])) == (0, 1, 0)


def test_column_without_a_value_on_one_side_is_told_by_its_missing_share():
    table = drift_report(REFERENCE, CURRENT.assign(gb=np.nan), **COLUMNS)
    row = table.table.set_index("column").loc["gb"]
    assert np.isnan(row["psi"]) and np.isnan(row["p_adjusted"])
    assert row["drifted"]


def test_infinite_values_count_in_the_tails():
    a, b = np.arange(100.0), np.append(np.arange(80.0), [np.inf] * 20)
    found = numeric_distances(one(a), one(b), bins=10)
    assert found["ks"] == pytest.approx(ks_2samp(a, b, method="asymp").statistic)


def test_adjusted_p_values_agree_with_scipy_and_leave_gaps():
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.9])
    found = adjusted_p_values(p)
    np.testing.assert_allclose(found[[0, 1, 3, 4]], false_discovery_control([0.01, 0.04, 0.03, 0.9]))
    assert np.isnan(found[2])
    assert np.isnan(adjusted_p_values([np.nan])).all()
    with pytest.raises(ValueError, match="from 0 to 1"):
        adjusted_p_values([1.2])


def test_false_alarms_without_drift_stay_at_the_level():
    rng, alarms, plain, n_draws, level = np.random.default_rng(6), 0, 0, 100, 0.05
    for _ in range(n_draws):
        a, b = (
            pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(10)}).assign(
                c=rng.choice(["p", "q", "r"], n), d=rng.choice(["p", "q"], n)
            )
            for n in (1000, 300)
        )
        report = drift_report(a, b, level=level)
        alarms += bool(report.drifted)
        plain += bool((report.table["p"] <= level).any())
    assert alarms / n_draws <= level + 3 * np.sqrt(level * (1 - level) / n_draws)
    assert plain / n_draws > 0.3  # what 12 tests do without the adjustment


def test_baseline_decides_by_what_is_usual():
    baseline = learn_baseline(REFERENCE, **COLUMNS, batch_size=500, n_draws=1000)
    calm = drift_report(REFERENCE, rows(500, 3), baseline=baseline, **COLUMNS)
    assert not calm.drifted
    assert "learned from the reference, false alarms 0.005" in calm.rule
    moved = drift_report(REFERENCE, CURRENT[:500], baseline=baseline, **COLUMNS)
    assert moved.drifted == ["charge"]
    assert moved.table["usual"].between(0.01, 0.2).all()
    shape = baseline.measure(CURRENT[:500])["shape:contract"]
    assert moved.table.set_index("column").loc["contract", "distance"] == shape
    with pytest.raises(ValueError, match="give the batch as a frame"):
        drift_report(REFERENCE, profile(CURRENT), baseline=baseline)
    with pytest.raises(ValueError, match="does not watch columns: more"):
        drift_report(REFERENCE.assign(more=1), CURRENT.assign(more=1), baseline=baseline)


def test_plot_marks_drifted_columns_and_what_is_usual():
    from matplotlib.figure import Figure

    baseline = learn_baseline(REFERENCE, **COLUMNS, batch_size=500, n_draws=1000)
    report = drift_report(REFERENCE, CURRENT[:500], baseline=baseline, **COLUMNS)
    ax = Figure().subplots()
    assert report.plot(ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "charge"
    assert ax.get_title() == "1 of 4 columns drifted"
    assert ax.get_legend() is not None
    import matplotlib.pyplot as plt

    own = report.plot(top=2)
    assert len(own.patches) == 2
    plt.close(own.figure)


def test_page_stands_alone_and_escapes_names(tmp_path):
    frames = (
        REFERENCE.rename(columns={"charge": "<charge>"}),
        CURRENT.rename(columns={"charge": "<charge>"}),
    )
    report = drift_report(*frames)
    page = report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert "&lt;charge&gt;" in page and "<charge>" not in page
    assert "data:image/png;base64," in page and "http" not in page
    assert "4,000" in report._repr_html_()
    assert "drifted: <strong>none</strong>" in drift_report(REFERENCE, REFERENCE).to_html()


@pytest.mark.parametrize(
    ("current", "options", "message"),
    [
        (CURRENT, {"bins": 1}, "bins must be at least 2"),
        (CURRENT, {"level": 0}, "level in"),
        (CURRENT[:0], {}, "no rows"),
        (profile(CURRENT[["gb"]]), {}, "lacks columns: charge"),
        (CURRENT.drop(columns="gb"), {}, "columns missing from the data: gb"),
        (CURRENT, {"numeric": ["absent"]}, "columns missing from the data: absent"),
        (profile(CURRENT, numeric=[], categorical=list(CURRENT)), {}, "numeric on one side"),
    ],
)
def test_frames_that_cannot_be_compared_are_refused(current, options, message):
    with pytest.raises(ValueError, match=message):
        drift_report(REFERENCE, current, **options)


def test_empty_profile_of_a_category_is_refused():
    empty = profile(pd.DataFrame({"c": pd.Series([], dtype=object)}))["c"]
    with pytest.raises(ValueError, match="without rows"):
        category_distances(empty, empty)


matplotlib.use("agg")


NAMES = [r"fee $\frac{$ 1", "$x^2$", "<script>alert(1)</script>"]


def formulas(ax):
    """Texts of a drawn plot that matplotlib would typeset; drawing itself stops at a broken formula."""
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.figure.findobj(Text) if is_math_text(text.get_text())]


def test_names_are_text_in_a_drift_report():
    frame = pd.DataFrame({name: np.arange(100.0) for name in NAMES})
    report = drift_report(frame, frame + 1000)
    assert formulas(report.plot(Figure().subplots())) == []
    for page in (report.to_html(), report._repr_html_(), profile(frame)._repr_html_()):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert "$x^2$" in page


DAYS = pd.Series(pd.date_range("2024-01-01", periods=200))
GAPS = np.arange(200) % 4 == 0


def test_a_date_column_does_not_stop_the_report():
    frame = pd.DataFrame({"day": DAYS, "n": np.arange(200.0), "plan": "a"})
    table = drift_report(frame, frame).table
    assert sorted(table["column"]) == ["day", "n", "plan"]
    assert not table["drifted"].any()
    assert drift_report(frame, frame.assign(day=DAYS + pd.Timedelta("100D"))).drifted == ["day"]


def test_a_column_that_nobody_named_does_not_stop_the_report():
    frame = pd.DataFrame({"month": DAYS.dt.to_period("M"), "plan": "a"})
    assert drift_report(frame, frame, categorical=["plan"]).drifted == []
    with pytest.raises(ValueError, match=r"the reference: column 'month' is period\[M\]"):
        drift_report(frame, frame)


BAD = pd.DataFrame({"n": [1, 2, "x", *[3] * 50]}, index=range(100, 153))
GOOD = pd.DataFrame({"n": np.arange(53.0)})


def test_the_side_of_a_wrong_value_is_named():
    with pytest.raises(ValueError, match=r"^the batch: column 'n', row 102"):
        drift_report(GOOD, BAD)


def test_a_printed_report_shows_every_figure():
    whole = pd.DataFrame({"day": DAYS})
    text = str(drift_report(whole, whole.assign(day=DAYS.where(~GAPS))))
    assert "drifted: day" in text
    assert "missing_change" in text
    assert "0.25" in text
