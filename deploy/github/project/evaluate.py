"""Compare a bundle with the gates, on rows that it has not seen, and tell the summary of the run."""

import os
import sys
from pathlib import Path

import pandas as pd
from mlhelpers.packaging import load_bundle
from sklearn.metrics import brier_score_loss, roc_auc_score

from features import SETTINGS, split_columns

folder, source = map(Path, sys.argv[1:])
X, y = split_columns(pd.read_csv(source))
p = load_bundle(folder).predict(X)
auc, brier, gates = roc_auc_score(y, p), brier_score_loss(y, p), SETTINGS["gates"]
failed = [
    text
    for bad, text in (
        (auc < gates["least_auc"], f"AUC {auc:.3f} is below {gates['least_auc']}"),
        (auc > gates["most_auc"], f"AUC {auc:.3f} is above {gates['most_auc']}: look for a leak"),
        (brier > gates["most_brier"], f"Brier score {brier:.3f} is above {gates['most_brier']}"),
    )
    if bad
]
told = f"AUC {auc:.3f}, Brier score {brier:.3f} on {len(y):,} customers: " + ("; ".join(failed) or "passed")
print(told)
if "GITHUB_STEP_SUMMARY" in os.environ:
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
        file.write(f"{told}\n")
sys.exit(bool(failed))
