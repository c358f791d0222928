"""Measuring a regression for its report: errors with intervals, residuals by prediction, errors by group.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.metrics import regression_intervals, regression_metrics
from mlhelpers.validation.metrics.rules import quantile_bins
from mlhelpers.validation.report.plots import forecast_png, groups_png, residuals_png

ENDS = {"value": "", "low": "_low", "high": "_high"}


def with_limits(metrics: pd.DataFrame) -> dict[str, float]:
    """Flat figures of a table with value, low and high: ``mae``, ``mae_low``, ``mae_high``."""
    return {
        f"{row['metric']}{end}": float(row[key])
        for row in metrics.to_dict("records")
        for key, end in ENDS.items()
    }


def regression_parts(
    y: Any, prediction: Any, groups: pd.DataFrame | None, min_group: int, unit: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """Everything of a regression report but its texts, gates and comparisons; see `validation_report`."""
    found = regression_metrics(y, prediction)
    metrics = regression_intervals(y, prediction, metrics=("mae", "rmse", "bias", "r2"), **settings)
    y, prediction = np.asarray(y, dtype=float), np.asarray(prediction, dtype=float)
    residuals = _residuals(y, prediction, settings)
    figures = {"n": float(len(y)), **with_limits(metrics)}
    figures |= {key: found[key] for key in ("median_ae", "max_error")}
    tables: dict[str, Any] = {"residuals": residuals}
    plots = {
        "True against predicted": forecast_png(y, prediction, unit),
        "Residual plot": residuals_png(residuals, unit),
    }
    if groups is not None:
        table = _regression_groups(y, prediction, groups, min_group, settings)
        tables["fairness"] = table
        if table["mae"].notna().any():
            plots["Error by group"] = groups_png(table, "mae", {}, "Mean absolute error", unit)
    return {
        "data": {"rows": len(y), "mean of the target": float(y.mean()),
                 "spread of the target": float(y.std())},
        "figures": figures, "metrics": metrics, "tables": tables, "plots": plots,
    }  # fmt: skip


def _residuals(
    y: np.ndarray, prediction: np.ndarray, settings: dict[str, Any], bins: int = 5
) -> pd.DataFrame:
    number = quantile_bins(prediction, bins)
    rows = []
    for bin_ in np.unique(number):
        inside = number == bin_
        bias = regression_intervals(y[inside], prediction[inside], metrics=("bias", "mae"), **settings)
        bias = bias.set_index("metric")
        row = {"n": int(inside.sum()), "predicted": prediction[inside].mean(), "true": y[inside].mean()}
        # A residual is the true value less the forecast, so it is the bias turned around.
        row |= {"residual": -bias.loc["bias", "value"], "low": -bias.loc["bias", "high"]}
        rows.append(row | {"high": -bias.loc["bias", "low"], "mae": bias.loc["mae", "value"]})
    return pd.DataFrame(rows)


def _regression_groups(
    y: np.ndarray, prediction: np.ndarray, groups: pd.DataFrame, min_group: int, settings: dict[str, Any]
) -> pd.DataFrame:
    rows = []
    for column in groups.columns:
        values = groups[column].astype(object)
        labels = values.where(values.notna(), "missing").astype(str).to_numpy()
        for label in sorted(set(labels)):
            inside = labels == label
            row: dict[str, Any] = {"by": str(column), "group": label, "n": int(inside.sum())}
            names = ("mae", "mae_low", "mae_high", "bias", "bias_low", "bias_high")
            row |= dict.fromkeys(names, np.nan)
            if inside.sum() >= min_group:
                found = regression_intervals(
                    y[inside], prediction[inside], metrics=("mae", "bias"), **settings
                )
                row |= with_limits(found)
            rows.append(row)
    return pd.DataFrame(rows)
