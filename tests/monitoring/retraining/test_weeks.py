import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring import AlarmRule, decide, replay_weeks

OPTIONS = {
    "numeric": ["charge", "gb"],
    "categorical": ["internet"],
    "prediction": "p",
    "label": "churned",
    "label_delay": 3,
    "segments": ["internet"],
    "n_draws": 1000,
}


def rows(n, rng, *, charge=1.0, rival=0.0, unit=1.0):
    frame = pd.DataFrame(
        {
            "charge": rng.normal(60, 15, n) * charge,
            "gb": rng.gamma(3, 10, n) * unit,
            "internet": rng.choice(["fiber", "dsl"], n),
            "p": rng.beta(2, 6, n),
        }
    )
    truth = np.clip(frame["p"] + rival * (frame["internet"] == "fiber"), 0, 1)
    return frame.assign(churned=(rng.random(n) < truth).astype(int))


def stream(n_weeks=30, size=250, seed=1, *, calm=False):
    rng = np.random.default_rng(seed)
    batches = []
    for week in range(1, n_weeks + 1):
        changes = {
            "charge": 1.25 if week >= 8 else 1.0,
            "rival": 0.25 if week >= 16 else 0.0,
            "unit": 1024 if week >= 24 else 1.0,
        }
        batches.append(rows(size, rng, **({} if calm else changes)).assign(week=week))
    return pd.concat(batches, ignore_index=True)


REFERENCE = rows(4000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def replayed():
    return replay_weeks(REFERENCE, stream(), **OPTIONS)


def test_each_event_is_found_once_and_in_its_week(replayed):
    found = [(alarm.kind, alarm.week, alarm.column) for alarm in replayed.alarms]
    assert found == [
        ("data", 8, "shape:charge"),
        ("performance", 16, "gap:internet=fiber"),
        ("data", 24, "range:gb"),
    ]


def test_what_rests_on_labels_is_known_when_they_arrive(replayed):
    data, performance, _ = replayed.alarms
    assert data.detected_in_week == 9
    assert performance.detected_in_week == 17 + 3
    assert replayed.performance.index.max() == 27


def test_quiet_stream_raises_nothing():
    for seed in range(2, 5):
        assert replay_weeks(REFERENCE, stream(seed=seed, calm=True), **OPTIONS).alarms == []


def test_later_weeks_do_not_change_earlier_alarms(replayed):
    whole = stream()
    half = replay_weeks(REFERENCE, whole[whole["week"] <= 20], **OPTIONS)
    assert half.alarms == replayed.alarms[:2]


def test_figures_say_when_no_one_watched(replayed):
    data = replayed.figures.query("kind == 'data' and monitor == 'shape:charge'").set_index("week")
    assert data.index[~data["watched"]].tolist() == [10, 11, 25 + 1, 27]
    assert data["exceeded"].loc[8:11].all()
    assert not data["exceeded"].loc[12:23].any()


def test_decisions_follow(replayed):
    actions = [decide(replayed.alarms, week=week).action for week in (7, 10, 20, 26)]
    assert actions == ["none", "none", "retrain", "repair"]


def test_same_input_gives_the_same_replay(replayed):
    again = replay_weeks(REFERENCE, stream(), **OPTIONS)
    pd.testing.assert_frame_equal(again.figures, replayed.figures)
    assert again.alarms == replayed.alarms


def test_without_labels_only_inputs_are_watched():
    found = replay_weeks(REFERENCE, stream(), numeric=["charge"], categorical=[], n_draws=1000)
    assert [alarm.week for alarm in found.alarms] == [8]
    assert found.performance.empty


def test_naive_rule_is_possible(replayed):
    naive = replay_weeks(REFERENCE, stream(), **OPTIONS, rule=AlarmRule(1, 1, 0))
    assert naive.alarms[0].detected_in_week == 8


def test_replay_shows_itself(replayed):
    assert replayed.alarm_table()["week"].tolist() == [8, 16, 24]
    assert "shape:charge" in replayed._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prediction": None}, "label needs prediction"),
        ({"rebase_weeks": 1}, "rebase_weeks must be at least 2"),
        ({"numeric": ["age"]}, "columns missing from reference: age"),
        ({"week": "batch"}, "columns missing from stream: batch"),
    ],
)
def test_unusable_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        replay_weeks(REFERENCE, stream(3), **OPTIONS | options)
