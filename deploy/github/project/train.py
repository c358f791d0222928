"""Train on a table and write a bundle."""

import hashlib
import sys
from pathlib import Path

import pandas as pd
from mlhelpers.packaging import build_bundle, infer_signature
from sklearn.ensemble import HistGradientBoostingClassifier

from features import SETTINGS, split_columns

source, target = map(Path, sys.argv[1:])
X, y = split_columns(pd.read_csv(source))
model = HistGradientBoostingClassifier(
    max_iter=SETTINGS["max_iter"], random_state=SETTINGS["seed"], early_stopping=False
).fit(X, y)
build_bundle(
    target,
    model=model,
    signature=infer_signature(X),
    example=X.head(3),
    metrics={},
    model_card="# Churn\n\nTrained by the workflow of this repository.\n",
    data_hash=hashlib.sha256(source.read_bytes()).hexdigest(),
    name="churn",
    version="1.0.0",
)
print(f"{len(X):,} rows, {X.shape[1]} columns")
