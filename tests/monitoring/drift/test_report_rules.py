"""Figures of a report on counts that are written down, and where each verdict begins."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, false_discovery_control, kstwo, wasserstein_distance

from mlhelpers.monitoring.drift import DriftReport, adjusted_p_values, drift_report, learn_baseline
from mlhelpers.monitoring.drift.report import (
    _ks_p,
    _middles,
    category_distances,
    chi_square_of_counts,
    missing_test,
    numeric_distances,
)
from mlhelpers.monitoring.profiles import profile


def numbers(values, like=None):
    return profile(pd.DataFrame({"x": np.asarray(values, dtype=float)}), numeric=["x"], like=like)["x"]


def categories(*values, **options):
    return profile(pd.DataFrame({"x": list(values)}), categorical=["x"], **options)["x"]


def test_defaults_are_those_of_the_documentation():
    given = inspect.signature(drift_report).parameters
    stated = {"bins": 10, "level": 0.05, "min_effect": 0, "baseline": None}
    assert {name: given[name].default for name in stated} == stated


def test_chi_square_of_full_counts_is_that_of_scipy():
    a, b = np.array([50, 30, 0, 20]), np.array([40, 10, 0, 30])
    found = chi_square_of_counts(a, b)
    expected = chi2_contingency(np.vstack([a, b])[:, [0, 1, 3]], correction=False)
    assert found[:2] == pytest.approx((expected.statistic, expected.pvalue))
    assert found.effect == pytest.approx(np.sqrt(expected.statistic / 180))


def test_categories_below_five_expected_rows_are_pooled_and_one_alone_is_not():
    a, b = np.array([90, 5, 5, 100]), np.array([92, 5, 3, 100])
    rare_by_hand = np.array([[90, 10, 100], [92, 8, 100]])
    expected = chi2_contingency(rare_by_hand, correction=False)
    assert chi_square_of_counts(a - [0, 1, 0, 0], b).statistic == pytest.approx(
        chi2_contingency(rare_by_hand - [[0, 1, 0], [0, 0, 0]], correction=False).statistic
    )
    five = chi2_contingency(np.vstack([a, b]), correction=False)
    assert chi_square_of_counts(a, b).statistic == pytest.approx(five.statistic)  # 5 and 4: one alone
    assert five.statistic != pytest.approx(expected.statistic)


def test_one_category_is_no_difference():
    assert chi_square_of_counts(np.array([7, 0]), np.array([9, 0])) == (0.0, 1.0, 0.0)
    assert chi_square_of_counts(np.array([2, 1]), np.array([1, 2])) == (0.0, 1.0, 0.0)  # both are rare


def test_missing_shares_are_tested_and_nothing_missing_has_no_p():
    none = missing_test(numbers([1, 2]), numbers([1, 2, 3]))
    assert (none.statistic, none.effect) == (0, 0) and np.isnan(none.p)
    some = missing_test(numbers([1] * 40 + [np.nan] * 10), numbers([1] * 20 + [np.nan] * 30))
    expected = chi2_contingency([[10, 40], [30, 20]], correction=False)
    assert some[:2] == pytest.approx((expected.statistic, expected.pvalue))
    one_side = missing_test(numbers([1] * 50), numbers([1] * 40 + [np.nan] * 10))
    assert one_side.p == pytest.approx(chi2_contingency([[0, 50], [10, 40]], correction=False).pvalue)


def test_adjustment_is_that_of_scipy_for_any_shape():
    p = np.array([[0.01, np.nan], [0.04, 1.0], [0.0, 0.2]])
    found = adjusted_p_values(p)
    assert found.shape == p.shape and np.isnan(found[0, 1])
    known = ~np.isnan(p)
    assert found[known] == pytest.approx(false_discovery_control(p[known]))
    assert np.isnan(adjusted_p_values([np.nan])).all()


@pytest.mark.parametrize("wrong", [-0.001, 1.001])
def test_p_values_lie_between_zero_and_one(wrong):
    with pytest.raises(ValueError, match="p-values must be from 0 to 1"):
        adjusted_p_values([0.5, wrong, np.nan])


@pytest.mark.parametrize(("n", "m"), [(30, 50), (1, 1), (9_000, 9_000), (10_010, 10_010), (30_000, 20_000)])
@pytest.mark.parametrize("scaled", [0.5, 1.0, 1.6])
def test_p_value_is_that_of_the_distribution_for_the_size(n, m, scaled):
    size = max(1, round(n * m / (n + m)))
    statistic = min(1.0, scaled / np.sqrt(size))
    assert _ks_p(statistic, n, m) == pytest.approx(kstwo.sf(statistic, size), abs=1e-5)


def test_whole_numbers_have_exact_figures():
    a, b = [0.0] * 4 + [1.0] * 4 + [5.0] * 2, [0.0] * 2 + [1.0] * 3 + [5.0] * 5
    first = numbers(a)
    found = numeric_distances(first, numbers(b), bins=10)
    assert found["ks"] == pytest.approx(0.3)
    assert found["wasserstein"] == pytest.approx(wasserstein_distance(a, b))
    assert (found["ks_bound"], found["wasserstein_bound"]) == (0, 0)
    p, q = np.array([0.4, 0.4, 0.2]), np.array([0.2, 0.3, 0.5])
    assert found["psi"] == pytest.approx(np.sum((q - p) * np.log(q / p)))
    middle = (p + q) / 2
    js = np.sqrt((np.sum(p * np.log2(p / middle)) + np.sum(q * np.log2(q / middle))) / 2)
    assert found["js"] == pytest.approx(js)
    assert found["p"] == pytest.approx(kstwo.sf(0.3, 5))


def test_infinite_values_lie_outside_of_all_cells():
    reference = [1.0, 2.0, 3.0, 4.0]
    below = numeric_distances(numbers(reference), numbers([-np.inf, -np.inf, 3.0, 4.0]), bins=2)
    above = numeric_distances(numbers(reference), numbers([1.0, 2.0, np.inf, np.inf]), bins=2)
    assert (below["ks"], above["ks"]) == (0.5, 0.5)
    assert below["wasserstein"] == pytest.approx(1.0)


def test_bound_is_what_the_values_of_one_cell_may_add():
    """Half of the reference lies in a cell with a fifth of the batch: at most 0.5 apart, 0.3 at its end."""
    found = numeric_distances(
        numbers([1.00001, 1.00002, np.inf, np.inf]), numbers([1.000015, *[np.inf] * 4]), bins=2
    )
    assert (found["ks"], found["ks_bound"]) == (pytest.approx(0.3), pytest.approx(0.2))
    turned = numeric_distances(
        numbers([1.000015, *[np.inf] * 4]), numbers([1.00001, 1.00002, np.inf, np.inf]), bins=2
    )
    assert (turned["ks"], turned["ks_bound"]) == (pytest.approx(0.3), pytest.approx(0.2))


@pytest.mark.parametrize("pair", [([1.0], [np.nan]), ([np.nan], [1.0])])
def test_a_side_without_a_value_has_no_distance(pair):
    first = numbers(pair[0])
    found = numeric_distances(first, numbers(pair[1]), bins=10)
    assert list(found) == ["psi", "js", "ks", "ks_bound", "p", "wasserstein", "wasserstein_bound"]
    assert np.isnan(list(found.values())).all()


def test_middles_lie_halfway_and_within_the_range():
    values = np.random.default_rng(0).normal(size=200)
    kept = numbers(values)
    middle, half = _middles(kept.keys, kept.origin, kept.low, kept.high, kept.whole)
    assert (half >= 0).all() and half.max() > 0
    assert (middle - half >= kept.low - 1e-12).all() and (middle + half <= kept.high + 1e-12).all()
    cell = np.searchsorted(middle + half, np.sort(values) - 1e-15)
    assert (np.abs(np.sort(values) - middle[cell]) <= half[cell] + 1e-12).all()


def test_new_categories_are_counted_with_their_share():
    found = category_distances(categories(*"aaab"), categories(*"abcd", None))
    assert (found["new_categories"], found["new_share"]) == (2, 0.4)
    assert category_distances(categories(*"ab"), categories(*"aa"))["new_categories"] == 0
    for sides in ((categories(), categories("a")), (categories("a"), categories())):
        with pytest.raises(ValueError, match="a profile without rows cannot be compared"):
            category_distances(*sides)


REFERENCE = pd.DataFrame({"a": np.arange(200) % 10, "b": np.repeat(["u", "v"], 100)})
CURRENT = REFERENCE.assign(a=(np.arange(200) % 10) + (np.arange(200) % 5 == 0), b=["u"] * 130 + ["v"] * 70)


@pytest.mark.parametrize(
    "options", [{"bins": 1}, {"level": 0}, {"level": 1}, {"min_effect": -0.01}, {"level": 1.5}]
)
def test_options_at_their_ends_are_refused(options):
    drift_report(REFERENCE, CURRENT, bins=2, level=0.999, min_effect=0)
    with pytest.raises(ValueError, match="bins must be at least 2, level in"):
        drift_report(REFERENCE, CURRENT, **options)


@pytest.mark.parametrize("sides", [(REFERENCE.iloc[:0], CURRENT), (REFERENCE, CURRENT.iloc[:0])])
def test_a_side_without_rows_is_refused(sides):
    with pytest.raises(ValueError, match="no rows"):
        drift_report(*sides, numeric=["a"], categorical=["b"])


def test_a_column_drifts_at_the_level_and_at_the_smallest_effect():
    table = drift_report(REFERENCE, CURRENT).table.set_index("column")
    p, distance = table.loc["b", "p_adjusted"], table.loc["b", "distance"]
    assert 0 < p < 0.05
    assert "b" in drift_report(REFERENCE, CURRENT, level=p).drifted
    assert "b" not in drift_report(REFERENCE, CURRENT, level=p * 0.999).drifted
    assert "b" in drift_report(REFERENCE, CURRENT, min_effect=distance).drifted
    assert "b" not in drift_report(REFERENCE, CURRENT, min_effect=distance * 1.001).drifted


def test_missing_share_drifts_at_the_level_and_at_the_smallest_change():
    gaps = REFERENCE.assign(a=REFERENCE["a"].where(np.arange(200) % 5 != 0).astype(float))
    table = drift_report(REFERENCE, gaps, numeric=["a"]).table.iloc[0]
    assert table["missing_change"] == pytest.approx(0.2)
    p, change = table["missing_p_adjusted"], table["missing_change"]
    rare = {"level": p, "numeric": ["a"]}
    assert drift_report(REFERENCE, gaps, **rare).drifted == ["a"]
    assert drift_report(REFERENCE, gaps, **rare, min_effect=change).drifted == ["a"]
    assert drift_report(REFERENCE, gaps, **rare, min_effect=change * 1.001).drifted == []
    assert drift_report(gaps, REFERENCE, **rare, min_effect=change).drifted == ["a"]
    assert drift_report(gaps, REFERENCE, numeric=["a"]).table["missing_change"][0] == pytest.approx(-0.2)


def test_rule_names_level_and_effect():
    assert drift_report(REFERENCE, CURRENT).rule == "false discovery rate 0.05"
    assert drift_report(REFERENCE, CURRENT, min_effect=0.1).rule == (
        "false discovery rate 0.05, effect at least 0.1"
    )


def test_columns_of_one_kind_only_can_be_named():
    assert drift_report(REFERENCE, CURRENT, numeric=["a"]).table["column"].tolist() == ["a"]
    assert drift_report(REFERENCE, CURRENT, categorical=["b"]).table["type"].tolist() == ["categorical"]
    both = drift_report(REFERENCE, CURRENT, categorical=["a", "b"])
    assert both.table["type"].tolist() == ["categorical", "categorical"]
    with pytest.raises(ValueError, match="c"):
        drift_report(REFERENCE, CURRENT, numeric=["c"])
    with pytest.raises(ValueError, match="column 'a' is numeric on one side and categorical on the other"):
        drift_report(profile(REFERENCE[["a"]], numeric=["a"]), profile(CURRENT[["a"]], categorical=["a"]))


def test_distance_is_that_of_the_kind_and_rows_are_counted():
    report = drift_report(REFERENCE, CURRENT.iloc[:150])
    assert (report.n_reference, report.n_current) == (200, 150)
    table = report.table.set_index("column")
    assert table.loc["a", "distance"] == table.loc["a", "ks"]
    assert table.loc["b", "distance"] == table.loc["b", "cramers_v"]


def test_baseline_takes_its_own_measure_and_threshold_of_each_column():
    rng = np.random.default_rng(1)
    reference = pd.DataFrame({"n": rng.normal(size=2000), "k": rng.choice(["u", "v"], 2000)})
    baseline = learn_baseline(reference, numeric=["n"], categorical=["k"], batch_size=200, n_draws=1000)
    batch = reference.iloc[:200].assign(n=reference["n"].iloc[:200] + 3)
    report = drift_report(reference, batch, baseline=baseline)
    table, measured = report.table.set_index("column"), baseline.measure(batch)
    assert report.drifted == ["n"]
    for name in ("n", "k"):
        assert table.loc[name, "distance"] == measured[f"shape:{name}"]
        assert table.loc[name, "usual"] == baseline.thresholds[f"shape:{name}"]
    assert report.rule == (
        f"thresholds learned from the reference, false alarms {baseline.false_alarm_rate:g}"
    )
    with pytest.raises(ValueError, match="give the batch as a frame"):
        drift_report(reference, profile(batch, numeric=["n"], categorical=["k"]), baseline=baseline)
    with pytest.raises(ValueError, match="the baseline does not watch columns: z"):
        drift_report(reference.assign(z=1.0), batch.assign(z=1.0), baseline=baseline)


def made(n_columns):
    """A report of columns whose distances rise, every second one drifted."""
    table = pd.DataFrame(
        {
            "column": [f"c{n}" for n in range(n_columns)],
            "drifted": [n % 2 == 0 for n in range(n_columns)],
            "distance": np.linspace(0.9, 0.1, n_columns),
            "usual": np.nan,
        }
    )
    return DriftReport(table, 12_000, 3_400, "a rule")


@pytest.mark.parametrize(("n_columns", "options", "shown"), [(25, {}, 20), (3, {}, 3), (9, {"top": 4}, 4)])
def test_plot_shows_the_first_columns_from_the_top_down(n_columns, options, shown):
    ax = made(n_columns).plot(**options)
    assert len(ax.patches) == shown
    assert ax.figure.get_size_inches() == pytest.approx([7, 1 + 0.3 * shown])
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"c{n}" for n in range(shown)][::-1]
    assert ax.patches[-1].get_width() == pytest.approx(0.9)
    assert ax.patches[-1].get_facecolor() == pytest.approx((0xD5 / 255, 0x5E / 255, 0, 1))
    assert ax.patches[-2].get_facecolor() == pytest.approx((0, 0x72 / 255, 0xB2 / 255, 1))
    assert ax.get_title() == f"{(n_columns + 1) // 2} of {n_columns} columns drifted"
    assert ax.get_legend() is None
    plt.close(ax.figure)


def test_plot_takes_axes_and_marks_what_is_usual():
    report = made(3)
    _, ax = plt.subplots()
    usual = report.table.assign(usual=[0.5, np.nan, 0.7])
    assert DriftReport(usual, 1, 1, "r").plot(ax) is ax
    (line,) = ax.get_lines()
    assert line.get_xdata().tolist()[::2] == [0.7, 0.5] and line.get_ydata().tolist() == [0, 1, 2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["usual at most"]
    plt.close(ax.figure)


def test_texts_name_rows_columns_and_rule():
    report = made(2)
    assert str(report).startswith("3,400 rows against 12,000; drifted: c0 (a rule)\n")
    assert "usual" not in str(report)
    html = report._repr_html_()
    assert "<p>3,400 rows against 12,000; drifted: <strong>c0</strong> (a rule).</p><table" in html
    assert "usual" not in html and "<th>0</th>" not in html
    nothing = DriftReport(report.table.assign(drifted=False), 1, 1, "r")
    assert "drifted: none (r)" in str(nothing) and "<strong>none</strong>" in nothing._repr_html_()


def test_page_is_written_and_returned(tmp_path):
    page = made(2).to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert 'alt="Bars of the distance of each column; drifted: c0"' in page
    assert page == made(2).to_html()
