import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlhelpers.monitoring.drift import arrived_performance
from mlhelpers.validation.metrics import delong_interval

NOW = "2026-06-30"


def scored(n=3000, seed=0):
    """Leavers are known within days, those who stay only after 30 days."""
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 5, n)
    y = (rng.random(n) < p).astype(float)
    at = pd.Timestamp("2026-04-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
    wait = np.where(y == 1, rng.integers(1, 30, n), 30)
    return pd.DataFrame({"at": at, "p": p, "y": y, "labeled": at + pd.to_timedelta(wait, unit="D")})


ROWS = scored()


def figures(frame=ROWS, **options):
    options = {"now": NOW, "delay": "30D", "n_resamples": 200} | options
    return arrived_performance(frame["at"], frame["p"], frame["y"], frame["labeled"], **options)


def test_only_predictions_old_enough_count():
    found = figures()
    due = ROWS["at"] <= pd.Timestamp(NOW) - pd.Timedelta("30D")
    assert found.counts["due"] == found.counts["arrived"] == due.sum()
    assert found.counts["overdue"] == 0
    auc = found.table.set_index("metric").loc["roc_auc"]
    assert auc["value"] == pytest.approx(roc_auc_score(ROWS["y"][due], ROWS["p"][due]))
    interval = delong_interval(ROWS["y"][due], ROWS["p"][due])
    assert (auc["low"], auc["high"]) == (interval["low"], interval["high"])


def test_early_labels_would_show_a_rate_that_is_too_high():
    found = figures()
    early = ROWS[(ROWS["at"] > "2026-05-31") & (ROWS["labeled"] <= NOW)]
    assert found.counts["early"] == len(early)
    assert early["y"].mean() == 1 > 2 * ROWS["y"].mean()


def test_what_is_known_later_is_not_used():
    found = figures(now="2026-05-15")
    assert found.counts["scored"] == (ROWS["at"] <= "2026-05-15").sum()
    later = ROWS.assign(y=np.where(ROWS["labeled"] > "2026-05-15", np.nan, ROWS["y"]))
    pd.testing.assert_frame_equal(figures(later, now="2026-05-15").table, found.table)


def test_labels_that_stay_away_are_counted_and_their_scores_compared():
    lost = ROWS["p"] > 0.5
    found = figures(ROWS.assign(labeled=ROWS["labeled"].where(~lost), y=ROWS["y"].where(~lost)))
    assert found.counts["overdue"] > 50
    assert found.score_gap < -0.2
    share = found.table.set_index("metric").loc["arrived"]
    assert share["low"] < share["value"] < share["high"] < 1
    assert "overdue" in found._repr_html_()


def test_window_starts_where_it_is_told():
    assert figures(since="2026-05-01").counts["scored"] == (ROWS["at"] >= "2026-05-01").sum()


def test_figures_are_unknown_until_both_classes_arrived():
    found = figures(now="2026-04-10")
    assert found.counts["due"] == 0
    assert found.table["value"].isna().all()
    assert np.isnan(found.score_gap)
    few = ROWS[ROWS["y"] == 1].head(1)
    few = pd.concat([few, ROWS[(ROWS["y"] == 0) & (ROWS["at"] < "2026-05-01")].head(30)])
    few["at"] = pd.Timestamp("2026-04-01")
    auc = figures(few).table.set_index("metric").loc["roc_auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]


def test_wrong_labels_times_and_delays_are_refused():
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        figures(ROWS.assign(y=2.0))
    with pytest.raises(ValueError, match="delay must not be negative"):
        figures(delay="-1D")
    with pytest.raises(ValueError, match="got 2 times for 3 predictions"):
        arrived_performance(["2026-01-01"] * 2, [0.1] * 3, [0] * 3, ["2026-01-02"] * 3, now=NOW, delay="1D")
