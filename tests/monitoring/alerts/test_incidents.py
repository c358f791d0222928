import pandas as pd
import pytest

from mlhelpers.monitoring.alerts import (
    Alarm,
    AlarmRule,
    Delivery,
    alarm_states,
    group_alarms,
    load_incident,
    quiet_since,
    replay,
)
from mlhelpers.monitoring.alerts.incidents import Event

PRICE = Alarm(20, 21, "data", "shape:contract", 0.2, 0.1, {"shape:contract": 0.2})
RIVAL = Alarm(36, 42, "performance", "gap:internet=fiber", 5.1, 3.5, {"gap:internet=fiber": 5.1})
UNIT = Alarm(44, 45, "data", "range:data_gb", 0.88, 0.01, {"range:data_gb": 0.88, "shape:data_gb": 0.8})
UNIT_SEEN = Alarm(44, 50, "performance", "gap", -9.0, 3.5, {"gap": -9.0})
ALL = [PRICE, RIVAL, UNIT, UNIT_SEEN]


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
