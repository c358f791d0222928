"""Claims of lesson 6.1 on versions: pickles of nine models that cross from one scikit-learn to another.

Each model is fitted and pickled under one version and read under the other, in both directions. One row per
model and direction: whether it loads, whether it predicts, whether the probabilities are the same, whether a
warning named the version, and what the error said; for the pickles of the old version also their bytes
(base64), so that the lesson can read them itself. Run it with `--old PYTHON`, an interpreter that has
scikit-learn 1.6.1 and NumPy 1.26.4: make one with `python -m venv` and pip. It takes about a minute, most of
it for that environment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

OUTPUT = Path(__file__).with_suffix(".csv")
# Runs under either version, so it imports nothing of this project.
PROGRAM = """
import base64, json, pickle, sys, warnings
import numpy as np, sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4)).round(3)
y = (X[:, 0] + X[:, 1] / 2 + rng.normal(size=300) > 0).astype(int)
gaps = np.where(rng.random(X.shape) < 0.05, np.nan, X)
if sys.argv[1] == "write":
    warnings.simplefilter("ignore")
    coded = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), [0, 1]),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [2, 3]),
    )
    models = {
        "logistic": LogisticRegression(),
        "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
        "forest": RandomForestClassifier(5, max_depth=3, random_state=0),
        "SVC": SVC(C=0.1, probability=True, random_state=0),
        "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
        "imputer, logistic": make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        "columns, logistic": make_pipeline(coded, LogisticRegression()),
        "gradient boosting": GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0),
        "histogram boosting": HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4, max_bins=16),
    }
    out = {}
    for name, model in models.items():
        rows = np.c_[X[:, :2], X[:, 2:].round()] if name.startswith("columns") else X
        rows = gaps if name.startswith("imputer") else rows
        model.fit(rows, y)
        out[name] = {
            "pickle": base64.b64encode(pickle.dumps(model, protocol=4)).decode(),
            "rows": [[None if v != v else v for v in row] for row in rows[:5].tolist()],
            "answers": model.predict_proba(rows[:5])[:, 1].tolist(),
        }
    print(json.dumps({"version": sklearn.__version__, "models": out}))
else:
    found = {}
    for name, model in json.loads(sys.stdin.read())["models"].items():
        rows = np.array(model["rows"], dtype=float)
        result = {"loads": False, "predicts": False, "same": False, "error": ""}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                loaded = pickle.loads(base64.b64decode(model["pickle"]))
                result["loads"] = True
                answers = loaded.predict_proba(rows)[:, 1]
                result["predicts"] = True
                result["same"] = bool(np.allclose(answers, model["answers"], rtol=0, atol=1e-12))
            except Exception as error:
                result["error"] = f"{type(error).__name__}: {error}"[:100]
        result["warned"] = any("version" in str(one.message) for one in caught)
        found[name] = result
    print(json.dumps({"version": sklearn.__version__, "found": found}))
"""


def main(repeats: int = 1, output: str | Path = OUTPUT, *, old: str = "python") -> pd.DataFrame:
    """Write the pickles under both versions, read each under the other, and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM, encoding="utf-8")
        for writer, reader in ((old, sys.executable), (sys.executable, old)):
            made = _run([writer, str(program), "write"], "")
            read = json.loads(_run([reader, str(program), "read"], made))
            made = json.loads(made)
            for name, result in read["found"].items():
                model = made["models"][name]
                row = {"model": name, "written_by": made["version"], "read_by": read["version"], **result}
                if writer == old:
                    row |= {key: json.dumps(model[key]) for key in ("rows", "answers")}
                    row["pickle"] = model["pickle"]
                rows.append(row)
    table = pd.DataFrame(rows)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


def _run(command: list[str], given: str) -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", required=True, metavar="PYTHON")
    print(main(old=parser.parse_args().old).drop(columns=["rows", "answers", "pickle"]).to_string())
