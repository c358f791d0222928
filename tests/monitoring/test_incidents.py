import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.monitoring.alerts import (
    Alarm,
    AlarmRule,
    Delivery,
    alarm_states,
    group_alarms,
    load_incident,
    quiet_since,
    replay,
    root_cause,
)
from mlhelpers.monitoring.alerts.incidents import Event

PRICE = Alarm(20, 21, "data", "shape:contract", 0.2, 0.1, {"shape:contract": 0.2})
RIVAL = Alarm(36, 42, "performance", "gap:internet=fiber", 5.1, 3.5, {"gap:internet=fiber": 5.1})
UNIT = Alarm(44, 45, "data", "range:data_gb", 0.88, 0.01, {"range:data_gb": 0.88, "shape:data_gb": 0.8})
UNIT_SEEN = Alarm(44, 50, "performance", "gap", -9.0, 3.5, {"gap": -9.0})
ALL = [PRICE, RIVAL, UNIT, UNIT_SEEN]

ALARMS = st.lists(
    st.builds(
        lambda week, later, kind, column: Alarm(week, week + later, kind, column, 2.0, 1.0, {column: 2.0}),
        st.integers(1, 12),
        st.integers(0, 6),
        st.sampled_from(["data", "performance"]),
        st.sampled_from(["shape:a", "range:a", "shape:b", "gap:a=x"]),
    ),
    max_size=12,
)
OPTIONS = st.fixed_dictionaries(
    {
        "window": st.integers(0, 4),
        "by": st.lists(st.sampled_from(["kind", "cause"]), unique=True),
    }
)


def test_what_labels_show_later_joins_the_incident_of_the_inputs():
    found = group_alarms(ALL)
    assert [(i.key, i.week, i.detected_in_week, len(i.alarms)) for i in found] == [
        ("w020-data-contract", 20, 21, 1),
        ("w036-performance-internet", 36, 42, 1),
        ("w044-data-data_gb", 44, 45, 2),
    ]
    assert found[2].title == "data_gb: data and performance alarm since week 44"


def test_alarm_between_two_incidents_joins_the_nearer_one():
    apart = [
        Alarm(10, 10, "data", "a", 2, 1),
        Alarm(13, 13, "data", "b", 2, 1),
        Alarm(11, 20, "data", "c", 2, 1),
    ]
    assert [[alarm.week for alarm in i.alarms] for i in group_alarms(apart)] == [[10, 11], [13]]


def test_kind_and_cause_can_tell_incidents_apart():
    assert len(group_alarms(ALL, by=["kind"])) == 4
    both = [
        UNIT,
        Alarm(45, 46, "data", "missing:data_gb", 0.5, 0.1),
        Alarm(45, 46, "data", "shape:age", 1, 0),
    ]
    assert [len(i.alarms) for i in group_alarms(both, by=["cause"])] == [2, 1]


def test_columns_of_one_system_are_one_cause():
    both = [UNIT, Alarm(44, 45, "data", "shape:call_minutes", 0.5, 0.1)]
    causes = {"data_gb": "usage feed", "call_minutes": "usage feed"}
    found = group_alarms(both, by=["cause"], causes=causes, severities={"data": "page"})
    assert [(i.cause, i.severity, len(i.alarms)) for i in found] == [("usage feed", "page", 2)]
    assert root_cause("gap:internet=fiber") == "internet"
    assert root_cause("gap", {"gap": "labels"}) == "labels"
    assert root_cause("range:a", {"a": "x", "range:a": "y"}) == "y"


def test_only_what_is_known_by_the_week_counts():
    assert [i.key for i in group_alarms(ALL, week=42)] == ["w020-data-contract", "w036-performance-internet"]
    assert len(group_alarms(ALL, week=45)[-1].alarms) == 1


@given(ALARMS, OPTIONS)
def test_every_alarm_is_in_exactly_one_incident(alarms, options):
    found = [alarm for incident in group_alarms(alarms, **options) for alarm in incident.alarms]
    assert sorted(map(id, found)) == sorted(map(id, alarms))


@given(ALARMS, OPTIONS, st.randoms())
def test_order_of_alarms_does_not_matter(alarms, options, random):
    mixed = list(alarms)
    random.shuffle(mixed)
    assert group_alarms(mixed, **options) == group_alarms(alarms, **options)


@given(ALARMS, OPTIONS, st.integers(1, 18))
def test_incident_keeps_its_key_and_its_alarms_when_more_become_known(alarms, options, week):
    later = {incident.key: incident for incident in group_alarms(alarms, **options)}
    assert len(later) == len(group_alarms(alarms, **options))
    for incident in group_alarms(alarms, week=week, **options):
        assert later[incident.key].alarms[: len(incident.alarms)] == incident.alarms


@given(ALARMS, OPTIONS)
def test_alarms_of_an_incident_lie_within_the_window_and_agree(alarms, options):
    for incident in group_alarms(alarms, **options):
        first = incident.alarms[0]
        assert all(abs(alarm.week - first.week) <= options["window"] for alarm in incident.alarms)
        if "kind" in options["by"]:
            assert len({alarm.kind for alarm in incident.alarms}) == 1
        if "cause" in options["by"]:
            assert {root_cause(alarm.column) for alarm in incident.alarms} == {incident.cause}


def test_names_that_look_alike_in_a_file_name_get_different_keys():
    alike = [Alarm(5, 5, "data", f"shape:{name}", 2, 1) for name in ("a b", "a-b", "a_b")]
    assert [i.key for i in group_alarms(alike, by=["cause"])] == [
        "w005-data-a_b", "w005-data-a_b-2", "w005-data-a_b-3",
    ]  # fmt: skip


def test_record_goes_from_detection_to_postmortem(tmp_path):
    opened = group_alarms(ALL)[2]
    assert opened.status == "open"
    assert "## Root cause\n\nTo be written." in opened.to_markdown()
    noted = opened.note(46, "data_gb\nis in MB").note(45, "seen by Ada")
    assert opened.events == ()
    done = noted.resolve(51, root_cause="The feed sends MB.", repair="Divided by 1024.")
    assert done.timeline["week"].tolist() == [44, 45, 45, 46, 50, 51]
    text = done.to_markdown()
    assert "- week 46: data_gb is in MB" in text
    assert "- resolved: week 51" in text
    assert "## Repair\n\nDivided by 1024." in text
    path = done.save(tmp_path / "incidents")
    assert sorted(file.name for file in path.parent.iterdir()) == [f"{done.key}.json", f"{done.key}.md"]
    assert load_incident(path) == done
    assert load_incident(opened.save(tmp_path)) == opened
    assert load_incident(opened.resolve(51).save(tmp_path)) == opened.resolve(51)


def test_record_says_who_was_told_and_which_route_failed():
    incident = group_alarms([UNIT])[0]
    sent, failed = Delivery("log", "k", True, 1), Delivery("chat", "k", False, 3, "status 500")
    assert incident.told(45, [sent, failed]).events == (Event(45, "told by log; chat failed (status 500)"),)
    assert incident.told(45, [failed]).events[0].what == "told nobody; chat failed (status 500)"


def test_failed_writing_leaves_the_earlier_record(tmp_path):
    incident = group_alarms([UNIT])[0]
    path = incident.save(tmp_path)
    before = [file.read_bytes() for file in sorted(tmp_path.iterdir())]
    broken = group_alarms([Alarm(44, 45, "data", "range:data_gb", float("nan"), 0.01)])[0]
    with pytest.raises(ValueError, match="nan"):
        broken.save(tmp_path)
    assert [file.read_bytes() for file in sorted(path.parent.iterdir())] == before


def test_timeline_cannot_contradict_itself():
    incident = group_alarms(ALL)[2]
    with pytest.raises(ValueError, match="detected in week 45, not by week 44"):
        incident.note(44, "too early")
    with pytest.raises(ValueError, match="week 50 is in its timeline"):
        incident.resolve(49)
    with pytest.raises(ValueError, match="a postmortem has impact"):
        incident.resolve(51, blame="Bob")
    with pytest.raises(ValueError, match="resolved in week 51; reopen it"):
        incident.resolve(51).note(52, "late")
    with pytest.raises(ValueError, match="window must not be negative"):
        group_alarms(ALL, window=-1)
    with pytest.raises(ValueError, match="of kind, cause"):
        group_alarms(ALL, by=["colour"])


def test_message_and_table_say_what_the_incident_says():
    incident = group_alarms([Alarm(1, 2, "data", "shape:<b>", 2.0, 1.0)])[0]
    message = incident.message()
    assert (message.key, message.severity, message.title) == (incident.key, "ticket", incident.title)
    assert message.content["alarms"][0]["column"] == "shape:<b>"
    assert "&lt;b&gt;" in incident._repr_html_()
    assert "<b>:" not in incident._repr_html_()


def test_incident_is_quiet_when_none_of_its_monitors_is_active():
    figures = pd.DataFrame({"a": [0, 2, 2, 2, 0, 0, 0], "b": [0, 2, 2, 2, 2, 0, 0]}, index=range(1, 8))
    rule = AlarmRule(2, 2, 0)
    incident = group_alarms(replay(figures, 1.0, rule=rule))[0]
    states = alarm_states(figures, 1.0, rule=rule)
    assert quiet_since(states, incident) == 7
    assert quiet_since(states.loc[:6], incident) is None
    assert quiet_since(states[[]], incident) is None
    assert quiet_since(states.loc[:2], incident) is None
    never = states.assign(a=False, b=False)
    assert quiet_since(never, incident) == incident.detected_in_week
    assert incident.note(7, "quiet").events == (Event(7, "quiet"),)
