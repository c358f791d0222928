"""Repairs of an unfair model before, during and after training, side by side against two labels.

Taught in lesson 5.4 (bias and fairness).
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.fairness.distances import fairness_gaps
from mlhelpers.validation.metrics import wilson_interval
from mlhelpers.validation.metrics.rules import values_of

__all__ = ["MITIGATIONS", "MitigationComparison", "compare_mitigations", "load_aif360", "reweighing_weights"]

# Name: stage, whether the decision needs the group of the person.
MITIGATIONS = {
    "none": ("", False),
    "reweighing": ("before", False),
    "reduction_dp": ("during", False),
    "reduction_eo": ("during", False),
    "threshold_dp": ("after", True),
    "threshold_eo": ("after", True),
}
_GAPS = ("demographic_parity_difference", "equal_opportunity_difference", "equalized_odds_difference")


@dataclass(frozen=True)
class MitigationComparison:
    """Result of `compare_mitigations`.

    Attributes
    ----------
    table : DataFrame indexed by method
        Columns of two levels: a metric, then value, low, high. Metrics that start with ``true_`` are against
        the second label; those that end in ``_change`` are against the method "none" on the same rows.
    decisions : dict of str to ndarray of shape (n_test,)
        Decision of each method for each test row.
    """

    table: pd.DataFrame
    decisions: dict[str, np.ndarray] = field(repr=False)

    def text(self, digits: int = 3) -> pd.DataFrame:
        """Each cell as text, such as "0.752 (0.744 to 0.760)", after what each method needs and when."""
        shown: dict[str, list[Any]] = {
            "stage": [MITIGATIONS[name][0] for name in self.table.index],
            "needs group to decide": [MITIGATIONS[name][1] for name in self.table.index],
        }
        for metric in self.table.columns.unique(0):
            part = self.table[metric]
            shown[metric] = [
                f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
                for value, low, high in part[["value", "low", "high"]].to_numpy()
            ]
        return pd.DataFrame(shown, index=self.table.index)

    def __str__(self) -> str:
        return self.text().T.to_string()

    def _repr_html_(self) -> str:
        return self.text().T.to_html()


def reweighing_weights(y: Any, groups: Any) -> np.ndarray:
    """Weights of Kamiran and Calders that make label and group independent.

    Taught in lesson 5.4. A row weighs what its pair of group and label would have if both were independent,
    divided by what it has: rare pairs count more. Equal to those of AIF360's Reweighing.

    Parameters
    ----------
    y, groups : array-like of shape (n_rows,)
        Labels and groups, of any kind; a missing group is a group.

    Returns
    -------
    ndarray of shape (n_rows,)
        Positive, with a sum of n_rows if every pair occurs.

    Raises
    ------
    ValueError
        If lengths differ or there is no row.

    References
    ----------
    .. [1] F. Kamiran, T. Calders, "Data preprocessing techniques for classification without discrimination",
       Knowledge and Information Systems 33, 2012.
    """
    label, group = (pd.factorize(values_of(values), use_na_sentinel=False)[0] for values in (y, groups))
    if len(label) != len(group) or not len(label):
        raise ValueError(f"y has {len(label)} rows and groups {len(group)}; both must be equal and not 0")
    n_labels = label.max() + 1
    pair = group * n_labels + label
    together = np.bincount(pair)[pair]
    return np.bincount(group)[group] * np.bincount(label)[label] / (len(label) * together)


def compare_mitigations(
    estimator: Any,
    X_train: Any,
    y_train: Any,
    groups_train: Any,
    X_test: Any,
    y_test: Any,
    groups_test: Any,
    *,
    truth: Any = None,
    methods: Sequence[str] = tuple(MITIGATIONS),
    bound: float = 0.01,
    max_iter: int = 20,
    sample_weight_name: str = "sample_weight",
    min_size: int = 30,
    n_resamples: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> MitigationComparison:
    """Train one estimator with each mitigation and measure decisions on the same test rows.

    Taught in lesson 5.4. Methods: "none", "reweighing" (`reweighing_weights`), "reduction_dp" and
    "reduction_eo" (fairlearn's ExponentiatedGradient under demographic parity and equalized odds),
    "threshold_dp" and "threshold_eo" (fairlearn's ThresholdOptimizer under the same). The last two need the
    group of each person to decide; reductions and thresholds decide partly by lot.

    Parameters
    ----------
    estimator : classifier
        With predict_proba and fit with weights; it is cloned.
    X_train, X_test : DataFrame or array of shape (n_train, n_features), (n_test, n_features)
        Features.
    y_train, y_test : array-like of shape (n_train,), (n_test,)
        Label on record, 0 and 1.
    groups_train, groups_test : array-like of shape (n_train,), (n_test,)
        Sensitive attribute.
    truth : array-like of shape (n_test,), optional
        Second label that the decisions are measured against as well.
    methods : sequence of str
        Names in `MITIGATIONS`; "none" is always trained, as the changes are against it.
    bound : float, default=0.01
        Largest violation that the reductions allow in training.
    max_iter : int, default=20
        Iterations of the reductions.
    sample_weight_name : str, default="sample_weight"
        Name of the weights in fit; for a pipeline such as "logisticregression__sample_weight".
    min_size, n_resamples, level
        As in `fairness_gaps`.
    random_state : int, default=0
        For the decisions by lot and the intervals.

    Returns
    -------
    MitigationComparison

    Raises
    ------
    ValueError
        If a method is not known or a length differs.
    """
    unknown = [name for name in methods if name not in MITIGATIONS]
    if unknown:
        raise ValueError(f"unknown methods {unknown}; choose from {', '.join(MITIGATIONS)}")
    for side, frame in (("X_train", X_train), ("X_test", X_test)):
        if isinstance(frame, pd.DataFrame):
            require_unique_columns(frame, side)
    y_train, y_test = np.asarray(y_train), np.asarray(y_test)
    groups_train, groups_test = _named(groups_train), _named(groups_test)
    labels = {"": y_test} | ({} if truth is None else {"true_": np.asarray(truth)})
    for name, values in {**labels, "groups": groups_test, "X": X_test}.items():
        if len(values) != len(y_test):
            raise ValueError(f"{name or 'y'} has {len(values)} test rows, y_test has {len(y_test)}")
    options = {"bound": bound, "max_iter": max_iter, "weight_name": sample_weight_name, "seed": random_state}
    train = (X_train, y_train, groups_train)
    decisions = {
        name: _decide(name, estimator, train, X_test, groups_test, options)
        for name in dict.fromkeys(["none", *methods])
    }
    rows = {}
    for name, decided in decisions.items():
        row = {}
        for prefix, label in labels.items():
            right, before = decided == label, decisions["none"] == label
            row[f"{prefix}accuracy"] = _share(right, level)
            row[f"{prefix}accuracy_change"] = _change(right, before, level)
            gaps = fairness_gaps(
                label,
                decided,
                groups_test,
                min_size=min_size,
                n_resamples=n_resamples,
                level=level,
                random_state=random_state,
            )
            for gap in _GAPS:
                if not (prefix and gap.startswith("demographic")):  # has no label in it
                    row[f"{prefix}{gap}"] = tuple(gaps.loc[gap, ["difference", "low", "high"]])
        rows[name] = {
            (metric, part): value
            for metric, values in row.items()
            for part, value in zip(("value", "low", "high"), values, strict=True)
        }
    table = pd.DataFrame.from_dict(rows, orient="index").astype(float).rename_axis("method")
    table.columns = pd.MultiIndex.from_tuples(table.columns, names=["metric", "part"])
    return MitigationComparison(table, decisions)


def _named(groups: Any) -> np.ndarray:
    """Groups in which those without a value are one of their own, as in `metrics_by_group`."""
    values = values_of(groups)
    missing = pd.isna(values)
    return np.where(missing, "missing", values.astype(object)) if missing.any() else values


def _decide(name: str, estimator: Any, train: tuple, X_test: Any, groups_test: Any, options: dict) -> Any:
    from sklearn.base import clone

    X, y, groups = train
    if name in ("none", "reweighing"):
        weights = {options["weight_name"]: reweighing_weights(y, groups)} if name == "reweighing" else {}
        return np.asarray(clone(estimator).fit(X, y, **weights).predict(X_test)).astype(int)
    if name.startswith("reduction"):
        from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient

        rule = DemographicParity if name.endswith("dp") else EqualizedOdds
        model = ExponentiatedGradient(
            clone(estimator),
            rule(difference_bound=options["bound"]),
            max_iter=options["max_iter"],
            sample_weight_name=options["weight_name"],
        ).fit(X, y, sensitive_features=groups)
        return np.asarray(model.predict(X_test, random_state=options["seed"])).astype(int)
    from fairlearn.postprocessing import ThresholdOptimizer

    rule = "demographic_parity" if name.endswith("dp") else "equalized_odds"
    model = ThresholdOptimizer(
        estimator=clone(estimator), constraints=rule, predict_method="predict_proba"
    ).fit(X, y, sensitive_features=groups)
    decided = model.predict(X_test, sensitive_features=groups_test, random_state=options["seed"])
    return np.asarray(decided).astype(int)


def _share(right: np.ndarray, level: float) -> tuple[float, float, float]:
    low, high = wilson_interval(right.sum(), len(right), level=level)
    return float(right.mean()), float(low), float(high)


def _change(right: np.ndarray, before: np.ndarray, level: float) -> tuple[float, float, float]:
    """Paired difference of two accuracies: only rows on which they disagree carry it."""
    from scipy.special import ndtri

    change = right.astype(int) - before
    half = ndtri((1 + level) / 2) * change.std() / np.sqrt(len(change))
    return float(change.mean()), float(change.mean() - half), float(change.mean() + half)


def load_aif360() -> ModuleType:
    """AIF360 with its metrics, data sets and Reweighing, imported without TensorFlow and without messages.

    Taught in lesson 5.4. AIF360 imports TensorFlow for its adversarial debiasing alone, which takes seconds
    and some hundred megabytes; unless TensorFlow is loaded already, that part is left out.

    Returns
    -------
    module
        ``aif360``, with ``aif360.metrics``, ``aif360.datasets`` and ``aif360.algorithms.preprocessing``.
    """
    hide = "tensorflow" not in sys.modules
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    if hide:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in ("metrics", "datasets", "algorithms.preprocessing"):
                importlib.import_module(f"aif360.{part}")
    finally:
        logging.disable(before)
        if hide:
            del sys.modules["tensorflow"]
    return sys.modules["aif360"]
