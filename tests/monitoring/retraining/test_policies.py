import pytest

from mlhelpers.monitoring.alerts import Alarm
from mlhelpers.monitoring.retraining import (
    Hybrid,
    Incremental,
    Known,
    Never,
    OnDrift,
    OnPerformance,
    Scheduled,
    default_policies,
)

DRIFT = Alarm(20, 21, "data", "shape:contract", 0.2, 0.1, {"shape:contract": 0.2})
BROKEN = Alarm(44, 45, "data", "range:data_gb", 0.9, 0.01, {"range:data_gb": 0.9})
LOSS = Alarm(36, 42, "performance", "gap", 5.0, 3.5, {"gap": 5.0})


def known(week, since=1, labels=400, drift=(), performance=()):
    both = tuple(drift) + tuple(performance)
    return Known(week, since, labels, tuple(drift), tuple(performance), both)


def test_never_and_incremental_fit_nothing_anew():
    everything = known(50, since=50, drift=[DRIFT], performance=[LOSS])
    assert Never().reason(everything) is None
    assert Incremental().reason(everything) is None


def test_schedule_is_due_after_so_many_weeks_if_there_is_something_to_learn():
    assert Scheduled(every=8).reason(known(8, since=7)) is None
    assert Scheduled(every=8).reason(known(8, since=8)) == "8 weeks old"
    assert Scheduled(every=8).reason(known(8, since=8, labels=0)) is None


def test_drift_policy_acts_on_moved_inputs_and_performance_policy_on_a_loss():
    assert OnDrift().reason(known(21, drift=[DRIFT])) == "data alarm of week 21: shape:contract"
    assert OnDrift(wait=2).reason(known(22, drift=[DRIFT])) is None
    assert OnPerformance().reason(known(44, performance=[LOSS])) is None
    assert OnPerformance().reason(known(45, performance=[LOSS])) == "performance alarm of week 42: gap"
    assert OnPerformance().reason(known(45)) is None


def test_hybrid_takes_the_first_reason_and_waits_while_data_are_broken():
    assert Hybrid().reason(known(13, since=13)) == "13 weeks old"
    assert Hybrid().reason(known(45, since=6, performance=[LOSS])) == "performance alarm of week 42: gap"
    assert Hybrid().reason(known(46, since=20, drift=[BROKEN], performance=[LOSS])) is None
    assert Hybrid(patience=3).reason(known(48, since=20, drift=[BROKEN])) == "20 weeks old"
    assert Hybrid().reason(known(46, since=1, drift=[DRIFT])) is None


def test_default_policies_are_one_of_each():
    names = [policy.name for policy in default_policies()]
    assert names == ["never", "scheduled", "drift alarm", "performance alarm", "incremental", "hybrid"]


def test_schedule_without_a_week_is_refused():
    for policy in (Scheduled, Hybrid):
        with pytest.raises(ValueError, match="every must be at least 1 week, got 0"):
            policy(every=0)
