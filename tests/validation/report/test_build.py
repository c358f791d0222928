import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.fairness import fairness_gaps
from mlhelpers.validation.metrics import classification_metrics
from mlhelpers.validation.report import validation_report
from mlhelpers.validation.stress import missing_cases, run_stress_cases

RNG = np.random.default_rng(5)
N = 600
Y = (RNG.random(N) < 0.3).astype(int)
P = np.clip(0.3 * Y + 0.6 * RNG.random(N), 0, 1)
GROUPS = pd.DataFrame({"region": np.where(np.arange(N) % 3 == 0, "north", "south"), "band": ["x"] * N})
ROWS = pd.DataFrame({"feature": P, "label": Y})
COSTS = {"gain_tp": 200.0, "cost_fp": 40.0, "cost_fn": 200.0}
TEXTS = {
    "name": "churn",
    "version": "1.0",
    "purpose": "Choose <calls>.",
    "not_for": "Prices.",
    "limitations": ["One | provider."],
}
QUICK = {"n_resamples": 60}


def full(**changes):
    stress = run_stress_cases(
        lambda frame: frame["feature"].fillna(0.1).to_numpy(), missing_cases(ROWS.head(9))
    )
    options = {
        "data": ROWS, "threshold": 0.4, "costs": COSTS, "groups": GROUPS, "reference": np.round(P, 1),
        "gates": {"auc_low": {"min": 0.5}, "recall": {"min": 0.1, "max": 1}, "stress_failures": {"max": 0}},
        "stress": stress, "parameters": {"depth": 4}, "identity": {"model_hash": "a" * 64}, **QUICK, **TEXTS,
    }  # fmt: skip
    return validation_report(Y, P, **options | changes)


@pytest.fixture(scope="module")
def report():
    return full()


def test_every_figure_is_that_of_the_metrics(report):
    found = classification_metrics(Y, P, threshold=0.4)
    for name in ("roc_auc", "recall", "precision", "accuracy", "f1", "tp", "fn"):
        assert report.figures[name] == pytest.approx(found[name])
    (tn, fp), (fn, tp) = report.confusion.to_numpy()
    assert (tn, fp, fn, tp) == tuple(found[name] for name in ("tn", "fp", "fn", "tp"))
    assert report.figures["auc_low"] == report.figures["roc_auc_low"]


def test_net_benefit_lies_in_its_interval(report):
    row = report.metrics.set_index("metric").loc["net_benefit"]
    by_hand = (200 * report.figures["tp"] - 40 * report.figures["fp"] - 200 * report.figures["fn"]) / N
    assert row["value"] == pytest.approx(by_hand)
    assert row["low"] < row["value"] < row["high"]


def test_recall_gap_lies_in_its_interval(report):
    regions = report.tables["fairness"].query("by == 'region'")["recall"]
    assert report.figures["recall_gap"] == pytest.approx(regions.max() - regions.min())
    assert report.figures["recall_gap_low"] < report.figures["recall_gap"] < report.figures["recall_gap_high"]


def test_recall_gap_is_the_equal_opportunity_difference_of_the_told():
    region = np.where(np.arange(N) % 5 == 0, None, GROUPS["region"])
    made = full(groups=pd.DataFrame({"region": region, "silent": [None] * N}), min_group=30, gates=None)
    told = pd.notna(region)
    row = fairness_gaps(Y[told], P[told], region[told], threshold=0.4, n_resamples=10_000).loc[
        "equal_opportunity_difference"
    ]
    assert made.figures["recall_gap"] == pytest.approx(row["difference"])
    assert made.figures["recall_gap_low"] == pytest.approx(row["low"])
    assert made.figures["recall_gap_high"] == pytest.approx(row["high"])


def test_gap_without_two_groups_is_not_a_number():
    made = full(groups=GROUPS[["band"]], gates=None)
    assert np.isnan(made.figures["recall_gap"])
    tiny = full(groups=GROUPS, min_group=N + 1, gates=None)
    assert np.isnan(tiny.figures["recall_gap"])
    assert "Recall by group" not in tiny.plots


def test_same_data_give_the_same_bytes(report):
    again = full()
    assert again.to_html() == report.to_html()
    assert again.to_markdown() == report.to_markdown()
    assert all(len(picture) < 100_000 for picture in report.plots.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"purpose": " "}, "a text for: purpose"),
        ({"limitations": []}, "a text for: limitations"),
        ({"limitations": "one"}, "must be a list of texts"),
        ({"task": "clustering"}, "task must be"),
        ({"data": ROWS.head(3)}, "data has 3 rows, y has 600"),
        ({"groups": GROUPS.head(3)}, "groups has 3 rows"),
        ({"gates": {"auc_lwo": {"min": 0.8}}}, "did you mean 'auc_low'"),
    ],
)
def test_wrong_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        full(**options)
