"""The churn model of lesson 7.1: its columns, three models on them, and a bundle of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load
from mlhelpers.packaging import build_bundle, infer_signature
from mlhelpers.training import data_hash


def columns() -> tuple[pd.DataFrame, pd.Series]:
    """Eleven numeric columns, with their gaps, and the label."""
    churn = load("churn")
    return churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"]), churn[
        "churned"
    ]


def models() -> dict[str, Any]:
    """Unfitted: the lesson's model and two that have trees."""
    return {
        "logistic": make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()),
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "forest": make_pipeline(SimpleImputer(strategy="median"), RandomForestClassifier(random_state=0)),
    }


def bundle_of(model: Any, X: pd.DataFrame, folder: Path) -> Path:
    """The lesson's bundle."""
    parts = {"model": model, "signature": infer_signature(X), "example": X.head(3), "metrics": {}}
    parts |= {"model_card": "# Churn\n", "data_hash": data_hash(X), "name": "churn", "version": "1.0.0"}
    return build_bundle(folder, **parts)
