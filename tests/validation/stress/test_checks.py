import numpy as np
import pandas as pd
import pytest

from mlhelpers.training import fit, make_boosting
from mlhelpers.validation import (
    StressCase,
    directional_case,
    extreme_cases,
    invariance_case,
    missing_cases,
    run_stress_cases,
    tabular_cases,
    unit_cases,
)

FRAME = pd.DataFrame(
    {"late": [0.0, 1.0, np.nan, 3.0], "contract": ["m", "y", "m", None], "batch": [1, 2, 3, 4]}
)


def by_late(frame):
    return (0.2 + 0.1 * frame["late"].fillna(0)).clip(0, 1)


def one(predict, case, **options):
    return run_stress_cases(predict, [case], **options).iloc[0]


def test_model_that_keeps_all_promises_passes(customers):
    model = fit(make_boosting(["charge", "late"], ["contract"], max_iter=10), customers, customers["churned"])
    cases = tabular_cases(
        customers,
        numeric=["charge", "late"],
        categorical=["contract"],
        units={"charge": 100},
        invariant={"region": "elsewhere"},
    )
    table = run_stress_cases(lambda frame: model.predict_proba(frame)[:, 1], cases)
    assert len(table) == 3 + 6 + 1 + 1 + 1
    assert table["passed"].all()
    assert table.set_index("case").loc["region changed", "max_change"] == 0
    assert table.set_index("case").loc["late missing", "max_change"] > 0


def test_prediction_that_must_not_move_and_does_is_counted():
    case = invariance_case(FRAME, "late", [0.0, 1.0, np.nan, 4.0])
    found = one(by_late, case)
    assert (found["failures"], found["failure_rate"], found["passed"]) == (1, 0.25, False)
    assert found["max_change"] == pytest.approx(0.1)


def test_tolerance_and_limit_allow_for_some():
    assert one(by_late, invariance_case(FRAME, "late", FRAME["late"] + 0.01, tolerance=0.01))["passed"]
    assert one(by_late, invariance_case(FRAME, "late", [0.0, 1.0, np.nan, 4.0]), limit=0.25)["passed"]


@pytest.mark.parametrize(
    ("direction", "step", "passed"),
    [("increasing", 1, True), ("decreasing", -1, True), ("decreasing", 1, False), ("increasing", -1, False)],
)
def test_direction_is_checked(direction, step, passed):
    assert one(by_late, directional_case(FRAME, "late", step, direction=direction))["passed"] == passed


def test_both_directions_come_from_the_builder():
    cases = tabular_cases(
        FRAME, numeric=["late"], categorical=[], increasing={"late": 1}, decreasing={"late": -1}
    )
    assert [case.name for case in cases][-2:] == ["late + 1", "late - 1"]
    assert run_stress_cases(by_late, cases[-2:])["passed"].all()


def test_model_that_raises_fails_every_row_and_says_why():
    def predict(frame):
        if frame["late"].isna().all():
            raise KeyError("late")
        return by_late(frame)

    found = one(predict, missing_cases(FRAME, ["late"])[0])
    assert found["failure_rate"] == 1
    assert found["error"] == "KeyError: 'late'"
    assert np.isnan(found["max_change"])


def test_nan_and_impossible_probabilities_fail():
    found = run_stress_cases(lambda frame: 0.2 + 0.1 * frame["late"], extreme_cases(FRAME, ["late"]))
    assert found["passed"].tolist() == [False, True, False]
    assert one(lambda frame: frame["late"] * 0.1, missing_cases(FRAME, ["late"])[0])["failures"] == 4


def test_wrong_number_of_predictions_fails():
    def predict(frame):
        return [0.1] * (4 if frame["late"].notna().any() else 1)

    assert "predictions of shape" in one(predict, missing_cases(FRAME, ["late"])[0])["error"]


def test_swapped_unit_shows_how_far_predictions_move():
    found = one(by_late, unit_cases(FRAME, {"late": 2})[0])
    assert found["passed"]
    assert found["max_change"] == pytest.approx(0.3)


def test_rows_given_are_left_alone():
    before = FRAME.copy()
    run_stress_cases(by_late, tabular_cases(FRAME, numeric=["late"], categorical=["contract"]))
    pd.testing.assert_frame_equal(FRAME, before)


def test_every_column_goes_missing_without_a_choice():
    assert [case.name for case in missing_cases(FRAME)] == [
        "late missing",
        "contract missing",
        "batch missing",
    ]


def test_unusable_cases_are_refused():
    with pytest.raises(ValueError, match="no column 'age'"):
        missing_cases(FRAME, ["age"])
    with pytest.raises(ValueError, match="kind must be one of"):
        StressCase("x", "sideways", FRAME, FRAME)
    with pytest.raises(ValueError, match="same rows"):
        StressCase("x", "works", FRAME, FRAME.iloc[:1])
    with pytest.raises(ValueError, match="no stress cases"):
        run_stress_cases(by_late, [])


def test_a_move_as_large_as_the_tolerance_is_no_failure():
    frame = pd.DataFrame({"x": [0.1, 0.1]})
    case = directional_case(frame, "x", 0.1, direction="decreasing", tolerance=0.1)
    table = run_stress_cases(lambda rows: rows["x"].to_numpy(dtype=np.float32), [case])
    assert table["failures"].tolist() == [0]
