import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.validation.report import check_report, claims_of, figures_of_counts, implied_prevalence

MATRIX = {"tn": 1300, "fp": 150, "fn": 180, "tp": 370}


def test_typed_figures_that_contradict_the_matrix_are_found():
    table = check_report("Accuracy: 0.85\nPrecision: 0.82\nRecall: 0.78", MATRIX).set_index("metric")
    assert not table["agrees"].any()
    assert table["value"].round(3).to_dict() == {"accuracy": 0.835, "precision": 0.712, "recall": 0.673}
    assert table["inside_interval"].to_dict() == {"accuracy": True, "precision": False, "recall": False}


def test_figures_agree_to_the_digits_typed():
    table = check_report({"precision": "0.71", "recall": "67%", "accuracy": "0.8350", "f1": 0.69}, MATRIX)
    assert table["agrees"].all()
    assert not check_report({"precision": "0.72"}, MATRIX)["agrees"].iloc[0]
    assert not check_report({"accuracy": "0.8351"}, MATRIX)["agrees"].iloc[0]
    assert np.isnan(table.set_index("metric").loc["f1", "low"])


def test_array_has_the_order_of_scikit_learn():
    assert figures_of_counts([[1300, 150], [180, 370]]).equals(figures_of_counts(MATRIX))


def test_metric_without_denominator_is_not_a_number():
    table = figures_of_counts({"tp": 0, "fp": 0, "fn": 0, "tn": 5})
    assert table.loc[["precision", "recall", "f1"], "value"].isna().all()
    assert table.loc["accuracy", "value"] == 1.0


def test_claims_are_read_in_several_forms():
    text = (
        "The recall was 78 %, F1-score 0.80 and | precision | .82 |. Sensitivity of 78%. Base rate = 0.275."
    )
    with pytest.raises(ValueError, match="claims recall"):
        claims_of(text.replace("Sensitivity of 78%", "Sensitivity of 79%"))
    found = claims_of(text.replace("78 %", "78%"))
    assert found == {"precision": ".82", "recall": "78%", "f1": "0.80", "prevalence": "0.275"}
    assert claims_of("call-recall 3, precisions 0.4, no figure") == {}


@pytest.mark.parametrize(
    ("claims", "matrix", "message"),
    [
        ("nothing here", MATRIX, "no claim found"),
        ({"roc_auc": "0.8"}, MATRIX, "'roc_auc' does not follow"),
        ({"recall": "high"}, MATRIX, "recall: 'high' is no number"),
        ({"recall": "78"}, MATRIX, "not from 0 to 1"),
        ({"recall": "nan"}, MATRIX, "not from 0 to 1"),
        ({"recall": "0.7"}, {"tp": 1, "fp": 1, "fn": 1}, "missing tn"),
        ({"recall": "0.7"}, [1, 2, 3], "shape"),
        ({"recall": "0.7"}, MATRIX | {"tp": -1}, "tp must be a whole number"),
        ({"recall": "0.7"}, MATRIX | {"tp": 1.5}, "tp must be a whole number"),
        ({"recall": "0.7"}, dict.fromkeys(MATRIX, 0), "no rows at all"),
    ],
)
def test_wrong_input_is_named(claims, matrix, message):
    with pytest.raises(ValueError, match=message):
        check_report(claims, matrix)


COUNT = st.integers(1, 5000)


@given(COUNT, COUNT, COUNT, COUNT, st.integers(1, 5))
def test_true_figures_agree_at_any_rounding(tp, fp, fn, tn, digits):
    matrix = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    truth = figures_of_counts(matrix)["value"]
    table = check_report({name: f"{value:.{digits}f}" for name, value in truth.items()}, matrix)
    assert table["agrees"].all()
    assert (table["inside_interval"].dropna() == True).all()  # noqa: E712


@given(COUNT, COUNT, COUNT, COUNT)
def test_three_figures_imply_the_share_of_positives(tp, fp, fn, tn):
    truth = figures_of_counts({"tp": tp, "fp": fp, "fn": fn, "tn": tn})["value"]
    found = implied_prevalence(truth["accuracy"], truth["precision"], truth["recall"])
    assert found == pytest.approx(truth["prevalence"])


def test_perfect_figures_imply_nothing_and_zero_is_refused():
    assert np.isnan(implied_prevalence(1, 1, 1))
    with pytest.raises(ValueError, match="precision must be above 0"):
        implied_prevalence(0.9, 0, 0.5)
