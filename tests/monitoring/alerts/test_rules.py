from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.monitoring import Alarm, AlarmRule, replay
from mlhelpers.monitoring.alerts import alarm_states


def weeks(*values, name="a"):
    return pd.DataFrame({name: values}, index=range(1, len(values) + 1), dtype=float)


def found(figures, **options):
    return [(alarm.week, alarm.detected_in_week) for alarm in replay(figures, 1.0, **options)]


def test_one_week_above_is_no_alarm_and_two_of_three_are():
    assert found(weeks(0, 2, 0, 0, 0)) == []
    assert found(weeks(0, 2, 2, 0, 0)) == [(2, 3)]
    assert found(weeks(0, 2, 0, 2, 0)) == [(2, 4)]
    assert found(weeks(0, 2, 0, 0, 2)) == []


def test_naive_rule_alarms_at_once():
    assert found(weeks(0, 2, 0, 2), rule=AlarmRule(1, 1, 0)) == [(2, 2), (4, 4)]


def test_lasting_change_is_one_alarm():
    assert found(weeks(0, *[2] * 30)) == [(2, 3)]


def test_change_that_comes_back_after_quiet_weeks_is_another_alarm():
    assert found(weeks(2, 2, 0, 0, 0, 0, 0, 2, 2)) == [(1, 2), (8, 9)]


def test_cooldown_silences_other_monitors_too():
    figures = weeks(2, 2, 0, 0, 0, 0).assign(b=[0, 0, 2, 2, 0, 0])
    assert found(figures) == [(1, 2)]
    assert found(figures, rule=AlarmRule(cooldown=0)) == [(1, 2), (3, 4)]


def test_delay_of_labels_shifts_when_it_is_known_not_when_it_was():
    assert found(weeks(0, 2, 2), delay=5) == [(2, 8)]


def test_negative_figures_count_and_nan_does_not():
    assert found(weeks(-2, -2)) == [(1, 2)]
    assert found(weeks(np.nan, np.nan, np.nan)) == []


def test_alarm_names_the_worst_monitor_and_keeps_all():
    figures = weeks(2, 2).assign(b=[5.0, 5.0], c=[0.0, 0.0])
    alarm = replay(figures, {"a": 1.0, "b": 4.0, "c": 1.0}, kind="performance")[0]
    assert (alarm.column, alarm.value, alarm.threshold) == ("a", 2, 1)
    assert alarm.evidence == {"a": 2, "b": 5}
    assert alarm.as_dict()["kind"] == "performance"
    assert hash(alarm) == hash(Alarm(1, 2, "performance", "a", 2.0, 1.0))


def states(*values, **rule):
    return alarm_states(weeks(*values), 1.0, rule=AlarmRule(**rule))["a"].tolist()


def test_active_monitor_clears_below_the_lower_limit_only():
    figures = (2, 2, 0.9, 0.9, 0.9, 0.9, 0.4, 0.4, 0.4, 0.9)
    assert states(*figures) == [False, True, True, True, *[False] * 6]
    assert states(*figures, clear=0.5) == [False, *[True] * 7, False, False]


def test_second_limit_spares_the_alarms_of_a_figure_that_swings_around_the_first():
    swinging = weeks(*[2, 2, 0.9, 0.9, 0.9] * 4)
    assert len(replay(swinging, 1.0, rule=AlarmRule(cooldown=0))) == 4
    assert len(replay(swinging, 1.0, rule=AlarmRule(cooldown=0, clear=0.8))) == 1


def test_unknown_week_neither_raises_nor_clears():
    assert states(2, 2, 0, np.nan, 0, 0, 0) == [False, True, True, True, True, True, False]
    assert states(2, 2, *[np.nan] * 6)[-1]


def test_monitor_that_the_cooldown_silences_is_not_active():
    figures = weeks(2, 2, 0, 0).assign(b=[0, 2, 2, 0])
    assert alarm_states(figures, 1.0)["b"].tolist() == [False] * 4
    assert alarm_states(figures, 1.0, rule=AlarmRule(cooldown=0))["b"].tolist() == [False, False, True, True]


RULES = st.builds(
    lambda k, more, cooldown, clear: AlarmRule(k, k + more, cooldown, clear),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 5),
    st.sampled_from([0.25, 0.5, 1.0]),
)
VALUES = st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.9, 1.0, 1.1, 3.0, np.nan]), min_size=1, max_size=30)


@given(VALUES, st.lists(st.floats(0.51, 1.0), max_size=20), RULES)
def test_hysteresis_never_flaps_between_the_limits(before, between, rule):
    rule = AlarmRule(rule.k, rule.n, rule.cooldown, clear=0.5)
    found = alarm_states(weeks(*before, *between), 1.0, rule=rule)["a"].tolist()
    assert set(found[len(before) - 1 :]) == {found[len(before) - 1]}


@given(VALUES, RULES)
def test_state_changes_for_stated_reasons_only(values, rule):
    found = alarm_states(weeks(*values), 1.0, rule=rule)["a"].tolist()
    for number, (was, now) in enumerate(pairwise(found), start=1):
        last = np.array(values[max(0, number - rule.n + 1) : number + 1])
        if now and not was:
            assert values[number] > 1
            assert (last > 1).sum() >= rule.k
        if was and not now:
            assert len(last) == rule.n
            assert (last <= rule.clear).all()


@given(st.lists(VALUES, min_size=2, max_size=4), RULES, st.randoms())
def test_order_of_monitors_does_not_matter(columns, rule, random):
    length = min(map(len, columns))
    figures = pd.DataFrame({f"m{i}": values[:length] for i, values in enumerate(columns)})
    names = list(figures)
    random.shuffle(names)
    first, second = (replay(figures[order], 1.0, rule=rule) for order in (list(figures), names))
    assert first == second
    assert [alarm.evidence for alarm in first] == [alarm.evidence for alarm in second]


@given(st.lists(VALUES, min_size=1, max_size=3), RULES)
def test_cooldown_holds(columns, rule):
    length = min(map(len, columns))
    figures = pd.DataFrame({f"m{i}": values[:length] for i, values in enumerate(columns)})
    times = [alarm.detected_in_week for alarm in replay(figures, 1.0, rule=rule)]
    assert all(later - earlier > rule.cooldown for earlier, later in pairwise(times))


@given(VALUES, VALUES, RULES)
def test_past_does_not_depend_on_the_future(before, after, rule):
    alone = replay(weeks(*before), 1.0, rule=rule)
    together = replay(weeks(*before, *after), 1.0, rule=rule)
    assert together[: len(alone)] == alone


@given(st.lists(st.floats(0, 2), max_size=40), st.integers(0, 5))
def test_alarms_are_in_order_and_apart(values, cooldown):
    alarms = replay(weeks(*values), 1.0, rule=AlarmRule(cooldown=cooldown))
    times = [alarm.detected_in_week for alarm in alarms]
    assert all(later - earlier > cooldown for earlier, later in pairwise(times))
    assert all(0 <= alarm.detected_in_week - alarm.week < 3 for alarm in alarms)


def test_unusable_rules_and_figures_are_refused():
    with pytest.raises(ValueError, match="k must be from 1 to n"):
        AlarmRule(4, 3)
    with pytest.raises(ValueError, match="cooldown"):
        AlarmRule(cooldown=-1)
    with pytest.raises(ValueError, match="clear must be above 0"):
        AlarmRule(clear=1.2)
    with pytest.raises(ValueError, match="no threshold for a"):
        replay(weeks(1), {"b": 1.0})
    with pytest.raises(ValueError, match="in order"):
        replay(weeks(1, 2).iloc[::-1], 1.0)
