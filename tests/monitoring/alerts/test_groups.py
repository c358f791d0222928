from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.monitoring.alerts import (
    Alarm,
    group_alarms,
    root_cause,
)

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
