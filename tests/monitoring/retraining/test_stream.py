from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.monitoring.retraining import (
    Hybrid,
    Incremental,
    Never,
    OnDrift,
    OnPerformance,
    Scheduled,
    compare_policies,
    plot_policies,
)

matplotlib.use("Agg")


NUMERIC, FIRST, ROWS, WEEKS, CHANGE, DELAY = ["x", "z"], 2000, 100, 24, 9, 2


def rows(n, rng, *, sign=1.0, shift=0.0):
    x, z = rng.normal(shift, 1, n), rng.normal(0, 1, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * sign * x))).astype(int)
    return pd.DataFrame({"x": x, "z": z, "y": y})


@pytest.fixture(scope="module")
def reference():
    return rows(FIRST, np.random.default_rng(0))


@pytest.fixture(scope="module")
def stream():
    """From week CHANGE on, x means the opposite; the inputs stay as they are."""
    rng = np.random.default_rng(1)
    weeks = [rows(ROWS, rng, sign=1 if w < CHANGE else -1).assign(week=w) for w in range(1, WEEKS + 1)]
    return pd.concat(weeks, ignore_index=True)


def plain():
    return LogisticRegression()


def learner():
    return make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", eta0=0.01, learning_rate="constant",
                                                         random_state=0))  # fmt: skip


def run(reference, stream, *policies, make_model=plain, **options):
    settings = {"label_delay": DELAY, "half_life": 3.0, "n_resamples": 100, "false_alarm_rate": 0.01}
    settings |= {"n_draws": 500, **options}
    return compare_policies(
        reference, stream, make_model, policies=policies, numeric=NUMERIC, categorical=[], label="y",
        make_incremental=learner, **settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(reference, stream):
    return run(
        reference, stream, Never(), Scheduled(every=4), OnDrift(), OnPerformance(wait=2), Incremental(),
        Hybrid(every=50, wait=2),
    )  # fmt: skip


def weeks_of(compared, policy):
    return compared.retrained.loc[compared.retrained["policy"] == policy, "week"].tolist()


def test_never_scores_with_the_first_model(compared, reference, stream):
    p = plain().fit(reference[NUMERIC], reference["y"]).predict_proba(stream[NUMERIC])[:, 1]
    np.testing.assert_allclose(compared.predictions["never"], p, atol=1e-6)
    assert compared.table.loc["never", "log_loss"] == pytest.approx(log_loss(stream["y"], p), abs=1e-6)
    assert compared.table.loc["never", ["fits", "rows"]].tolist() == [1, FIRST]
    assert compared.table.loc["never", "gain_value"] == 0


def test_cost_counts_every_fit_and_its_rows(compared):
    assert weeks_of(compared, "scheduled") == [4, 8, 12, 16, 20, 24]
    known = [0, *(week - DELAY for week in weeks_of(compared, "scheduled"))]
    assert compared.table.loc["scheduled", "fits"] == 7
    assert compared.table.loc["scheduled", "rows"] == sum(FIRST + ROWS * weeks for weeks in known)
    assert compared.table.loc["incremental", ["fits", "partial_fits", "rows"]].tolist() == [
        1, WEEKS - DELAY, FIRST + ROWS * (WEEKS - DELAY),
    ]  # fmt: skip
    assert (compared.table["seconds"] > 0).all()


def test_new_model_scores_from_the_week_after_it_was_fitted(compared):
    same = np.isclose(compared.predictions["never"], compared.predictions["scheduled"])
    by_week = pd.Series(same).groupby(compared.predictions["week"]).mean()
    assert (by_week.loc[:4] == 1).all()
    assert by_week.loc[5] < 0.5


def test_fit_weighs_rows_by_their_age(reference, stream, compared):
    labelled = stream[stream["week"] <= 4 - DELAY]
    both = pd.concat([reference, labelled])
    age = np.r_[np.full(len(reference), 4), 4 - labelled["week"]]
    weight = 0.5 ** (age / 3.0)
    model = plain().fit(both[NUMERIC], both["y"], weight / weight.mean())
    fifth = compared.predictions["week"] == 5
    expected = model.predict_proba(stream.loc[stream["week"] == 5, NUMERIC])[:, 1]
    np.testing.assert_allclose(compared.predictions.loc[fifth, "scheduled"], expected, atol=1e-5)


def test_change_that_only_labels_show_triggers_by_performance_and_not_by_drift(compared):
    assert weeks_of(compared, "drift alarm") == []
    first = weeks_of(compared, "performance alarm")[0]
    assert CHANGE + DELAY + 1 + 2 <= first <= CHANGE + DELAY + 1 + 2 + 2
    assert weeks_of(compared, "hybrid")[0] == first
    assert compared.table.loc["performance alarm", "gain_low"] > 0.1
    assert compared.table.loc["drift alarm", "gain_value"] == 0


def test_new_model_is_not_blamed_for_weeks_that_the_old_one_scored(compared):
    """A second alarm needs two weeks of the new model, their labels, and the wait of two weeks."""
    for policy in ("performance alarm", "hybrid"):
        fitted = weeks_of(compared, policy)
        assert all(later - earlier >= 2 + DELAY + 2 for earlier, later in pairwise(fitted))


def test_moved_inputs_trigger_by_drift(reference):
    rng = np.random.default_rng(2)
    moved = pd.concat([rows(ROWS, rng, shift=0 if w < 5 else 1).assign(week=w) for w in range(1, 10)])
    compared = run(reference, moved, Never(), OnDrift(), OnPerformance())
    assert weeks_of(compared, "drift alarm")[0] == 6
    assert weeks_of(compared, "performance alarm") == []


def test_hybrid_learns_nothing_while_a_unit_is_broken(reference):
    rng = np.random.default_rng(3)
    weeks = pd.concat([rows(ROWS, rng).assign(week=w) for w in range(1, 15)])
    weeks.loc[weeks["week"] >= 6, "z"] *= 1024
    compared = run(reference, weeks, Never(), Scheduled(every=4), Hybrid(every=4, patience=20))
    assert weeks_of(compared, "scheduled") == [4, 8, 12]
    assert weeks_of(compared, "hybrid") == [4]


def test_incremental_policy_is_partial_fit_on_labels_as_they_arrive(compared, reference, stream):
    model = learner().fit(reference[NUMERIC], reference["y"])
    for week in range(1, WEEKS + 1):
        batch = stream[stream["week"] == week]
        given = compared.predictions.loc[compared.predictions["week"] == week, "incremental"]
        np.testing.assert_allclose(given, model.predict_proba(batch[NUMERIC])[:, 1], atol=1e-6)
        arrived = stream[stream["week"] == week - DELAY]
        if len(arrived):
            model[-1].partial_fit(model[0].transform(arrived[NUMERIC]), arrived["y"])


@pytest.mark.parametrize("now", [6, 12, 15, 20])
def test_nothing_is_used_before_it_is_known(now, compared, reference, stream):
    """Labels that have not arrived and inputs that have not come change nothing up to the present week."""
    other, rng = stream.copy(), np.random.default_rng(now)
    late = other["week"] > now - DELAY
    other.loc[late, "y"] = 1 - other.loc[late, "y"]
    future = other["week"] > now
    other.loc[future, NUMERIC] = rng.normal(5, 3, (int(future.sum()), 2))
    again = run(
        reference, other, Never(), Scheduled(every=4), OnDrift(), OnPerformance(wait=2), Incremental(),
        Hybrid(every=50, wait=2),
    )  # fmt: skip
    past = compared.predictions["week"] <= now
    given = [c.predictions[past].drop(columns="label") for c in (again, compared)]
    pd.testing.assert_frame_equal(*given)
    frames = [c.retrained[c.retrained["week"] <= now].reset_index(drop=True) for c in (again, compared)]
    pd.testing.assert_frame_equal(*frames)


def test_same_seed_gives_the_same_table(reference, stream, compared):
    again = run(reference, stream, Never(), OnPerformance(wait=2))
    columns = [name for name in compared.table if name != "seconds"]
    for name in again.table.index:
        assert again.table.loc[name, columns].tolist() == compared.table.loc[name, columns].tolist()


def test_pipeline_gets_its_weights_at_the_last_step(reference, stream):
    compared = run(
        reference,
        stream,
        Never(),
        Scheduled(every=6),
        make_model=lambda: make_pipeline(StandardScaler(), plain()),
    )
    assert compared.table.loc["scheduled", "gain_low"] > 0


def test_weekly_loss_has_an_interval_and_periods_add_up(compared, stream):
    weekly = compared.weekly[compared.weekly["policy"] == "scheduled"]
    assert weekly["week"].tolist() == list(range(1, WEEKS + 1))
    assert (weekly["low"] < weekly["log_loss"]).all()
    assert (weekly["log_loss"] < weekly["high"]).all()
    periods = compared.by_period(6)
    part = periods[(periods["policy"] == "scheduled") & (periods["week"] == 7)].iloc[0]
    inside = stream["week"].between(7, 12)
    expected = log_loss(stream.loc[inside, "y"], compared.predictions.loc[inside.to_numpy(), "scheduled"])
    assert (part["log_loss"], part["n"]) == (pytest.approx(expected), 6 * ROWS)
    within = weekly[weekly["week"].between(7, 12)]
    assert part["high"] - part["low"] < 0.6 * (within["high"] - within["low"]).mean()
    change = (
        log_loss(stream.loc[inside, "y"], compared.predictions.loc[inside.to_numpy(), "never"]) - expected
    )
    assert part["gain"] == pytest.approx(change)
    assert part["gain_low"] < part["gain"] < part["gain_high"]
    assert (periods.loc[periods["policy"] == "never", ["gain", "gain_low", "gain_high"]] == 0).all(axis=None)
    with pytest.raises(ValueError, match="weeks must be at least 1"):
        compared.by_period(0)


def test_plot_has_a_line_for_each_policy_and_a_triangle_for_each_new_model(compared):
    ax = plot_policies(compared, weeks=4)
    assert ax.get_xlabel() == "week"
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == list(compared.table.index)
    triangles = sum(len(line.get_xdata()) for line in ax.lines if line.get_marker() == "^" and
                    line.get_linestyle() == "None")  # fmt: skip
    assert triangles == len(compared.retrained)
    _, mine = plt.subplots()
    assert plot_policies(compared, what="log_loss", ax=mine) is mine
    assert "log loss, 4-week mean" in mine.get_ylabel()
    with pytest.raises(ValueError, match="what must be 'gain' or 'log_loss', got 'auc'"):
        plot_policies(compared, what="auc")
    plt.close("all")
    assert "gain_low" in compared._repr_html_()


def test_unusable_input_is_refused(reference, stream):
    with pytest.raises(ValueError, match="different names, got never, never"):
        run(reference, stream, Never(), Never())
    with pytest.raises(ValueError, match="named week or label"):
        run(reference, stream, Never("week"))
    with pytest.raises(ValueError, match="label_delay must be at least 1"):
        run(reference, stream, Never(), label_delay=0)
    with pytest.raises(ValueError, match="columns missing from stream: z"):
        run(reference, stream.drop(columns="z"), Never())
    with pytest.raises(ValueError, match="stream is empty or has rows without y"):
        run(reference, stream.assign(y=np.nan), Never())
    with pytest.raises(ValueError, match="needs make_incremental"):
        compare_policies(
            reference, stream, plain, policies=[Incremental()], numeric=NUMERIC, categorical=[], label="y"
        )
