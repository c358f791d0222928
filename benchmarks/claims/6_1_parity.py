"""Claims of lesson 6.1 on parity: decisions that change in the ONNX form of a model, on eight splits.

For each split of the churn customers into 8,000 and 4,000, model and threshold one row: rows whose score lies
on the threshold (within 1e-6), decisions that change with one and with two threads, the sum of both after all
sides are rounded to five digits, and the largest difference of a probability. The forest is exported with
float32 input, and once more with float64 input, for the customers as they are and rounded to float32.
It takes about five minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import skl2onnx
from shared.script import command
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load
from mlhelpers.packaging import compare

OUTPUT = Path(__file__).with_suffix(".csv")
THRESHOLDS = (0.2, 0.25, 0.3, 0.5)


def models() -> dict[str, object]:
    return {
        "forest": RandomForestClassifier(100, random_state=0),
        "forest, 5 rows a leaf": RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }


def answers(model: object, X: np.ndarray, kind: type = FloatTensorType) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the exported model with one and with two threads, which add in another order."""
    graph = skl2onnx.to_onnx(
        model, initial_types=[("X", kind([None, X.shape[1]]))], options={"zipmap": False}, target_opset=18
    ).SerializeToString()
    values = X.astype(np.float32 if kind is FloatTensorType else np.float64)
    found = []
    for threads in (1, 2):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        found.append(session.run(["probabilities"], {"X": values})[0][:, 1].astype(np.float64))
    return found[0], found[1]


def main(repeats: int = 8, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write the table."""
    churn = load("churn")
    X = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"])
    X = X.fillna({"last_ticket_days": 730}).fillna(X.median()).to_numpy(dtype=float)
    rows = []
    for split in range(repeats):
        X_train, X_test, y_train, _ = train_test_split(
            X, churn["churned"], test_size=4000, random_state=split, stratify=churn["churned"]
        )
        for name, model in models().items():
            model.fit(X_train, y_train)
            forms = {name: (X_test, FloatTensorType)}
            if name == "forest":
                forms["forest, float64 input"] = X_test, DoubleTensorType
                forms["forest, float64 input, rounded rows"] = (
                    X_test.astype(np.float32).astype(float),
                    DoubleTensorType,
                )
            for form, (asked, kind) in forms.items():
                old, (new, two) = model.predict_proba(asked)[:, 1], answers(model, asked, kind)
                for threshold in THRESHOLDS:
                    found = compare(old, new, threshold=threshold)
                    rounded = [
                        compare(old, answer, threshold=threshold, digits=5).changed for answer in (new, two)
                    ]
                    rows.append(
                        {
                            "split": split,
                            "model": form,
                            "dose": threshold,
                            "near": found.near,
                            "changed": found.changed,
                            "changed_rounded": sum(rounded),
                            "changed_2_threads": compare(old, two, threshold=threshold).changed,
                            "beyond": found.beyond,
                            "largest": float(f"{found.largest:.1e}"),
                        }
                    )
    table = pd.DataFrame(rows)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
