import numpy as np
import pytest

from mlhelpers.monitoring import Alarm, decide, gain_of_retraining


def alarm(week, detected, kind, column, value=5.0, **evidence):
    names = {name.replace("_", ":", 1): figure for name, figure in evidence.items()} or {column: value}
    return Alarm(week, detected, kind, column, value, 3.5, names)


PRICE = alarm(20, 21, "data", "shape:contract", 0.2)
RIVAL = alarm(36, 42, "performance", "gap:internet=fiber", 5.1)
UNIT = alarm(44, 45, "data", "range:data_gb", 0.88)
UNIT_SEEN = alarm(44, 50, "performance", "gap", -9.0)


def test_no_alarm_is_nothing_to_do():
    assert decide([]).action == "none"
    assert decide([PRICE], week=20).reason == "no alarm"


def test_moved_inputs_without_a_loss_are_no_reason_to_retrain():
    decision = decide([PRICE])
    assert decision.action == "none"
    assert decision.reason == "inputs have moved since week 20 (contract), no loss seen in the labels"


def test_loss_in_the_labels_is_a_reason_from_that_week_on():
    decision = decide([PRICE, RIVAL])
    assert (decision.action, decision.since_week) == ("retrain", 36)
    assert "gap:internet=fiber is +5.1 standard errors off" in decision.reason


def test_broken_data_is_repaired_before_anything_else():
    decision = decide([PRICE, RIVAL, UNIT, UNIT_SEEN])
    assert (decision.action, decision.columns, decision.since_week) == ("repair", ("data_gb",), None)
    assert "since week 44" in decision.reason
    assert decision.as_dict()["columns"] == ("data_gb",)


def test_decision_uses_only_what_was_known_then():
    alarms = [PRICE, RIVAL, UNIT, UNIT_SEEN]
    assert [decide(alarms, week=week).action for week in (20, 22, 42, 45)] == [
        "none",
        "none",
        "retrain",
        "repair",
    ]


def test_few_values_out_of_range_are_no_breakage():
    assert decide([alarm(5, 6, "data", "range:data_gb", 0.05)]).action == "none"
    assert decide([alarm(5, 6, "data", "range:data_gb", 0.05)], broken_share=0.05).action == "repair"


def test_alarms_a_few_weeks_apart_are_one_incident():
    later = alarm(46, 52, "performance", "gap", -9.0)
    assert decide([UNIT, later]).action == "repair"
    assert decide([UNIT, later], window=1).action == "retrain"


def test_better_model_gains_in_losses_and_in_ranks():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 3, 1500)
    y = (rng.random(1500) < p).astype(int)
    old = np.clip(0.5 * p + 0.5 * rng.random(1500), 0.01, 0.99)
    for metric in ("log_loss", "brier", "roc_auc"):
        gain = gain_of_retraining(y, old, np.clip(p, 0.01, 0.99), metric=metric, n_resamples=200)
        assert 0 < gain["low"] < gain["value"] < gain["high"], metric


def test_same_model_gains_nothing():
    assert gain_of_retraining([0, 1, 1], [0.2, 0.3, 0.4], [0.2, 0.3, 0.4])["value"] == pytest.approx(0)
