"""From labels and predictions to a validation report: every figure is measured here, none is taken on trust.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.training.hashing import data_hash
from mlhelpers.validation.costs import net_benefit_curve, net_benefit_of_counts
from mlhelpers.validation.fairness import fairness_gaps, metrics_by_group
from mlhelpers.validation.gates import check_gates
from mlhelpers.validation.metrics import (
    bootstrap_intervals,
    calibration_table,
    classification_metrics,
    expected_calibration_error,
    paired_difference,
    plot_calibration,
)
from mlhelpers.validation.metrics.intervals import limits
from mlhelpers.validation.metrics.rules import in_dtype_of
from mlhelpers.validation.report.plots import benefit_png, groups_png, png
from mlhelpers.validation.report.regression import ENDS, regression_parts, with_limits
from mlhelpers.validation.report.result import ValidationReport

_CLASSIFICATION = (
    "roc_auc", "average_precision", "brier", "accuracy", "precision", "recall", "specificity", "f1",
)  # fmt: skip


def validation_report(
    y: Any,
    prediction: Any,
    *,
    name: str,
    version: str,
    purpose: str,
    not_for: str,
    limitations: Sequence[str],
    task: str = "classification",
    data: pd.DataFrame | None = None,
    identity: Mapping[str, str] | None = None,
    threshold: float = 0.5,
    costs: Mapping[str, float] | None = None,
    groups: pd.DataFrame | None = None,
    min_group: int = 50,
    gates: Mapping[str, Mapping[str, float]] | None = None,
    reference: Any = None,
    stress: pd.DataFrame | None = None,
    parameters: Mapping[str, Any] | None = None,
    unit: str = "units of the target",
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int = 0,
) -> ValidationReport:
    """Measure a model's predictions and write down what was measured.

    Taught in lesson 5.5. Only names and texts are typed; every number comes from `y` and `prediction`.

    Parameters
    ----------
    y, prediction : array-like of shape (n_rows,)
        Labels 0 and 1 with probabilities of 1; or, for a regression, true and predicted values.
    name, version, purpose, not_for : str
        Of the model: what it is for, and what nobody may use it for.
    limitations : sequence of str
        What a reader must know before the model is relied on; at least one.
    task : str, default="classification"
        Or "regression".
    data : DataFrame of shape (n_rows, n_columns), optional
        The rows that were judged; their `data_hash` becomes ``test_hash`` of the identity.
    identity : mapping of str to str, optional
        Further hashes, such as data_hash and model_hash of the run.
    threshold : float, default=0.5
        Rows with ``p >= threshold`` are acted on. Choose it on other rows.
    costs : mapping, optional
        gain_tp, cost_fp, cost_fn in USD per row, for the net benefit.
    groups : DataFrame of shape (n_rows, n_columns), optional
        Sensitive attributes or other slices, one table line per value; missing is a group of its own.
    min_group : int, default=50
        A rate that rests on fewer rows is not given.
    gates : mapping, optional
        Limits as for `check_gates`, for any of the report's figures.
    reference : array-like of shape (n_rows,), optional
        Predictions of the model that runs now: gives ``gain_over_reference``, in AUC or in MAE saved.
    stress : DataFrame, optional
        From `run_stress_cases`: gives ``stress_failures``, the number of failed cases.
    parameters : mapping, optional
        Settings of the model.
    unit : str, optional
        Of a regression's target, for the axes.
    n_resamples, level, random_state
        Of every bootstrap interval.

    Returns
    -------
    ValidationReport
        Its figures: each metric with _low and _high, n, tp, fp, fn, tn; auc as another name of roc_auc;
        calibration_error, net_benefit, recall_gap where they can be measured. The gap is the equal
        opportunity difference of `fairness_gaps`, largest of the attributes, without the rows of no group.

    Raises
    ------
    ValueError
        If the task is not known, an option does not fit it, lengths differ, a text is empty, or a gate asks
        for a figure that was not measured.
    """
    texts = {"name": name, "version": version, "purpose": purpose, "not_for": not_for}
    empty = [key for key, text in texts.items() if not str(text).strip()] + ["limitations"] * (
        not limitations
    )
    if empty:
        raise ValueError(f"a report needs a text for: {', '.join(empty)}")
    if isinstance(limitations, str):
        raise ValueError("limitations must be a list of texts, got one text")
    for option, table in (("data", data), ("groups", groups)):
        if isinstance(table, pd.DataFrame):
            require_unique_columns(table, option)
        if table is not None and len(table) != len(y):
            raise ValueError(f"{option} has {len(table)} rows, y has {len(y)}")
    settings = {"n_resamples": n_resamples, "level": level, "random_state": random_state}
    if task == "classification":
        parts = _classification(y, prediction, threshold, costs, groups, min_group, gates or {}, settings)
    elif task == "regression":
        if costs is not None:
            raise ValueError("costs belong to decisions; a regression report has none")
        parts = regression_parts(y, prediction, groups, min_group, unit, settings)
    else:
        raise ValueError(f"task must be 'classification' or 'regression', got {task!r}")
    figures, tables = parts["figures"], parts["tables"]
    if reference is not None:
        gain = _gain(y, reference, prediction, task, settings)
        figures |= {f"gain_over_reference{end}": gain[key] for key, end in ENDS.items()}
        tables["comparison"] = gain
    if stress is not None:
        require_unique_columns(stress, "stress")
        figures["stress_failures"] = float((~stress["passed"].astype(bool)).sum())
        tables["stress"] = _stress(stress)
    if parameters:
        tables["parameters"] = dict(parameters)
    hashes = dict(identity or {})
    if data is not None:
        hashes["test_hash"] = data_hash(data)
    return ValidationReport(
        **texts, task=task, limitations=tuple(limitations), identity=hashes,
        gates=check_gates(figures, gates) if gates else None, **parts,
    )  # fmt: skip


def _classification(
    y: Any, p: Any, threshold: float, costs: Mapping[str, float] | None, groups: pd.DataFrame | None,
    min_group: int, gates: Mapping[str, Mapping[str, float]], settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    cut = in_dtype_of(
        p, threshold
    )  # the decision is made in the scores' precision; the text shows what was asked
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    found = classification_metrics(y, p, threshold=cut)
    metrics = bootstrap_intervals(y, p, metrics=_CLASSIFICATION, threshold=cut, **settings)
    counts = {key: int(found[key]) for key in ("tp", "fp", "fn", "tn")}
    decision: dict[str, Any] = {"threshold": float(threshold), "acted on": counts["tp"] + counts["fp"]}
    plots: dict[str, bytes] = {}
    calibration = calibration_table(y, p)
    plots["Calibration plot"] = png(lambda ax: plot_calibration(calibration, ax=ax), width=4.5, height=4.0)
    if costs is not None:
        benefit = _benefit(counts, costs, settings)
        metrics = pd.concat(
            [metrics, pd.DataFrame([{"metric": "net_benefit", **benefit}])], ignore_index=True
        )
        positives = counts["tp"] + counts["fn"]
        nobody = net_benefit_of_counts(0, 0, positives, len(y) - positives, **costs) / len(y)
        everybody = net_benefit_of_counts(positives, len(y) - positives, 0, 0, **costs) / len(y)
        decision |= {f"{key} (USD)": float(value) for key, value in costs.items()}
        decision |= {"net benefit of nobody (USD per row)": nobody}
        decision |= {"net benefit of everybody (USD per row)": everybody}
        plots["Net benefit by threshold"] = benefit_png(net_benefit_curve(y, p, **costs), len(y), threshold)
    figures = {
        "n": float(len(y)),
        **{key: float(count) for key, count in counts.items()},
        **with_limits(metrics),
    }
    figures |= {f"auc{end}": figures[f"roc_auc{end}"] for end in ENDS.values()}
    figures["calibration_error"] = expected_calibration_error(y, p)
    tables: dict[str, Any] = {"threshold": decision, "calibration": calibration}
    if groups is not None:
        table = _class_groups(y, p, groups, cut, min_group, settings["level"])
        tables["fairness"] = table
        figures |= _recall_gap(y, p, groups, cut, min_group, settings)
        if table["recall"].notna().any():
            plots["Recall by group"] = groups_png(table, "recall", gates.get("recall", {}), "Recall")
    confusion = pd.DataFrame(
        [[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]],
        index=pd.Index(["actual 0", "actual 1"], name="rows"),
        columns=["predicted 0", "predicted 1"],
    )
    return {
        "data": {"rows": len(y), "positives": int(y.sum()), "share of positives": float(y.mean())},
        "figures": figures, "metrics": metrics, "confusion": confusion, "tables": tables, "plots": plots,
    }  # fmt: skip


def _benefit(
    counts: dict[str, int], costs: Mapping[str, float], settings: dict[str, Any]
) -> dict[str, float]:
    # A resample of the rows is a draw of the four counts, so the interval costs nothing.
    four = np.array([counts[key] for key in ("tp", "fp", "fn", "tn")])
    rng = np.random.default_rng(settings["random_state"])
    drawn = rng.multinomial(four.sum(), four / four.sum(), size=settings["n_resamples"]).T
    low, high = limits(net_benefit_of_counts(*drawn, **costs) / four.sum(), settings["level"])
    return {"value": net_benefit_of_counts(*four.tolist(), **costs) / four.sum(), "low": low, "high": high}


def _class_groups(
    y: np.ndarray, p: np.ndarray, groups: pd.DataFrame, threshold: float, min_size: int, level: float
) -> pd.DataFrame:
    parts = []
    for column in groups.columns:
        with warnings.catch_warnings():  # the table says itself what is not judged
            warnings.simplefilter("ignore", UserWarning)
            part = metrics_by_group(
                y, p, groups[column].to_numpy(), threshold=threshold, min_size=min_size, level=level
            )
        part.columns = [name.replace("true_positive_rate", "recall") for name in part.columns]
        part = part.reset_index().rename(columns={part.index.name: "group"})
        part.insert(0, "by", str(column))
        parts.append(part)
    kept = [
        "by",
        "group",
        "n",
        "positives",
        "selection_rate",
        "recall",
        "recall_low",
        "recall_high",
        "roc_auc",
    ]
    return pd.concat(parts, ignore_index=True)[kept]


def _recall_gap(
    y: np.ndarray,
    p: np.ndarray,
    groups: pd.DataFrame,
    threshold: float,
    min_size: int,
    settings: dict[str, Any],
) -> dict[str, float]:
    """Largest difference in recall over all attributes, among the rows that tell their group."""
    found = []
    # Each pair of groups gets a share of the error, so the limits lie far out and need many draws.
    draws = {**settings, "n_resamples": max(settings["n_resamples"], 10_000)}
    for column in groups.columns:
        told = groups[column].notna().to_numpy()
        if not told.any():
            continue
        with warnings.catch_warnings():  # what is not judged is NaN
            warnings.simplefilter("ignore", UserWarning)
            values = groups[column].to_numpy()[told]
            gaps = fairness_gaps(y[told], p[told], values, threshold=threshold, min_size=min_size, **draws)
        found.append(gaps.loc["equal_opportunity_difference", ["difference", "low", "high"]].astype(float))
    largest = pd.DataFrame(found, columns=["difference", "low", "high"]).max()
    ends = {"recall_gap": "difference", "recall_gap_low": "low", "recall_gap_high": "high"}
    return {name: float(largest[end]) for name, end in ends.items()}


def _gain(y: Any, reference: Any, prediction: Any, task: str, settings: dict[str, Any]) -> dict[str, float]:
    if task == "classification":
        return paired_difference(y, reference, prediction, "roc_auc", **settings)
    y, old, new = (np.asarray(values, dtype=float) for values in (y, reference, prediction))
    if old.shape != y.shape:
        raise ValueError(f"reference has {len(old)} rows, y has {len(y)}")
    saved = np.abs(y - old) - np.abs(y - new)
    rows = np.random.default_rng(settings["random_state"]).integers(
        0, len(y), (settings["n_resamples"], len(y))
    )
    low, high = limits(saved[rows].mean(axis=1), settings["level"])
    return {"value": float(saved.mean()), "low": low, "high": high}


def _stress(stress: pd.DataFrame) -> pd.DataFrame:
    table = stress.assign(failed=~stress["passed"].astype(bool)).groupby("kind")
    return table.agg(
        cases=("case", "size"), failed=("failed", "sum"), largest_move=("max_change", "max")
    ).reset_index()
