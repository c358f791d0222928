import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.training.hashing import data_hash
from mlhelpers.training.tracking import client, start_store, track_run
from mlhelpers.validation.gates import GateReport
from mlhelpers.validation.report import shown_beside_limit, validation_report
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
TRUE = RNG.normal(100, 20, N)
FORECAST = TRUE + RNG.normal(2, 10, N)


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


@pytest.fixture(scope="module")
def regression():
    return validation_report(
        TRUE, FORECAST, task="regression", groups=GROUPS, gates={"mae_high": {"max": 1.0}},
        reference=np.full(N, 100.0), **QUICK, **TEXTS,
    )  # fmt: skip


def test_verdict_names_what_failed(report, regression):
    assert report.verdict == "All 4 gates passed."
    assert regression.verdict == "1 of 1 gates failed: mae_high."
    assert full(gates=None).verdict == "No gates were given."
    assert "FAILED" in regression.to_markdown()
    assert "FAILED" in regression.card()


def test_texts_hold_the_same_figures(report):
    recall = report.metrics.set_index("metric").loc["recall", "value"]
    for text in (report.to_markdown(), report.card(), report.to_html()):
        assert f"{round(recall, 4):.12g}" in text
        assert data_hash(ROWS)[:12] in text
        assert "aaaaaaaaaaaa" in text


def test_html_is_escaped_and_needs_no_other_file(report):
    page = report.to_html()
    assert "Choose &lt;calls&gt;." in page
    assert page.count("data:image/png;base64,") == len(report.plots) == 3
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<li>One | provider.</li>" in page


def test_short_view_names_verdict_and_metrics(report):
    assert "All 4 gates passed." in report._repr_html_()
    assert repr(report) == "ValidationReport(churn 1.0, classification, All 4 gates passed.)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"figures": "recall"}, "recall is 0.99, the confusion matrix gives"),
        ({"metrics": "recall"}, "recall is 0.99 in the metrics"),
        ({"gates": "value"}, "the gate auc_low saw 0.99"),
        ({"gates": "passed"}, "the gate auc_low is marked failed"),
        ({"confusion": "count"}, "the confusion matrix holds"),
        ({"tables": "n"}, "groups by region hold"),
    ],
)
def test_a_contradiction_cannot_be_made(report, change, message):
    (part, what), = change.items()  # fmt: skip
    if part == "figures":
        new = {**report.figures, "recall": 0.99}
    elif part == "metrics":
        new = report.metrics.assign(
            value=report.metrics["value"].where(report.metrics["metric"] != "recall", 0.99)
        )
    elif part == "gates":
        table = report.gates.table.copy()
        table.loc[0, what] = 0.99 if what == "value" else False
        new = GateReport(table)
    elif part == "confusion":
        new = report.confusion + 1
    else:
        table = report.tables["fairness"].copy()
        table.loc[table["by"] == "region", "n"] += 1
        new = {**report.tables, "fairness": table}
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(report, **{part: new})


def test_saved_report_shows_its_pictures(report, tmp_path):
    folder = report.save(tmp_path / "out")
    text = (folder / "report.md").read_text(encoding="utf-8")
    for name in re.findall(r"!\[.*?\]\((.*?)\)", text):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert text.count("![") == 3
    assert (folder / "report.html").read_text(encoding="utf-8") == report.to_html()
    assert not list(folder.glob("*.tmp*"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return start_store(tmp_path_factory.mktemp("store"))


def test_report_is_logged_beside_its_run(report, store):
    run_id = track_run("churn", store=store, tags={"test_hash": data_hash(ROWS)})
    assert report.log_to_mlflow(store=store, run_id=run_id) == run_id
    run = client(store).get_run(run_id)
    assert run.data.metrics["recall"] == pytest.approx(report.figures["recall"])
    assert run.data.tags["report_gates"] == "passed"
    names = {item.path for item in client(store).list_artifacts(run_id, "report")}
    assert {"report/report.md", "report/report.html", "report/card.md"} <= names


def test_report_of_another_run_is_refused(report, store):
    other = track_run("churn", store=store, tags={"test_hash": "b" * 64})
    with pytest.raises(
        ValueError, match=r"not about run .* test_hash is .* in the report, bbbbbbbbbbbb in the run"
    ):
        report.log_to_mlflow(store=store, run_id=other)
    nameless = track_run("churn", store=store)
    with pytest.raises(ValueError, match="has none of the tags model_hash, test_hash"):
        report.log_to_mlflow(store=store, run_id=nameless)
    assert "recall" not in client(store).get_run(other).data.metrics
    assert not client(store).list_artifacts(other)


def test_report_may_have_a_run_of_its_own(regression, store):
    run_id = regression.log_to_mlflow(store=store, experiment="diabetes")
    tags = client(store).get_run(run_id).data.tags
    assert tags["report_gates"] == "failed"
    plain = full(gates=None).log_to_mlflow(store=store, experiment="diabetes")
    assert client(store).get_run(plain).data.tags["report_gates"] == "none"
    with pytest.raises(ValueError, match="either run_id"):
        regression.log_to_mlflow(store=store)


def test_figure_near_its_limit_gets_more_digits():
    assert shown_beside_limit(0.7996, 0.80) == "0.7996"
    assert shown_beside_limit(0.80, 0.80) == "0.800"
    assert shown_beside_limit(0.85, 0.80) == "0.850"
    assert shown_beside_limit(float("nan"), 0.80) == "nan"


@given(st.floats(-1000, 1000), st.floats(-1000, 1000).map(lambda value: round(value, 2)))
def test_shown_figure_stays_on_its_side(value, limit):
    assert np.sign(float(shown_beside_limit(value, limit)) - limit) == np.sign(value - limit)
