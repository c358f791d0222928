"""What a function pays before its first answer: seconds and memory of a fresh process (lesson 7.4).

Each process starts, imports its runtime, loads boosted trees on the churn table and answers one row;
TensorFlow is imported only. Seconds from before the process is started until it has answered, and the most
memory that it held. `python` starts and does nothing; `our handler` is `deploy/lambda/handler.py` with a
bundle of the same model, asked by an event of API Gateway. Files are in the system's cache, as they are not
on a fresh machine, so the figures are the least that a cold start can take. Eight runs, in which the runtimes
take turns. It takes about 90 s, and a Linux (`/proc`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier

from mlhelpers.course.files import find_root
from mlhelpers.data import load
from mlhelpers.packaging import build_bundle, infer_signature
from mlhelpers.training import data_hash

OUTPUT = Path(__file__).with_suffix(".csv")
END = """
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0], flush=True)
"""
EVENT = {"rawPath": "/v1/predict", "headers": {"content-type": "application/json"}}
EVENT["requestContext"] = {"http": {"method": "POST", "sourceIp": "203.0.113.9"}}
PROGRAMS = {
    "python": "",
    "ONNX Runtime": """
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
session.run(None, {"codes": np.array([[12.0, 1.0, 0.0]])})
""",
    "scikit-learn and joblib": """
import joblib, numpy as np
joblib.load("model.joblib").predict_proba(np.array([[12.0, 1.0, 0.0]]))
""",
    "our handler (ONNX Runtime)": """
import json, sys
sys.path.insert(0, "lambda")
import handler
assert handler.handler(json.load(open("event.json")), None)["statusCode"] == 200
""",
    "TensorFlow, import only": "import tensorflow",
}


def main(repeats: int = 8, output: Path = OUTPUT):
    churn = load("churn")
    X, y = churn[["tenure_months", "tickets_90d", "late_payments_6m"]], churn["churned"]
    X = X.astype(float)
    model = HistGradientBoostingClassifier(random_state=0).fit(X.to_numpy(), y)
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        joblib.dump(model, folder / "model.joblib")
        bundle = build_bundle(
            folder / "bundle",
            model=HistGradientBoostingClassifier(random_state=0).fit(X, y),
            signature=infer_signature(X),
            example=X.head(3),
            name="churn",
            version="1.0.0",
            metrics={},
            model_card="# Churn\n",
            data_hash=data_hash(X),
        )
        (folder / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes())
        (folder / "lambda").symlink_to(find_root() / "deploy" / "lambda")
        body = json.dumps({"rows": json.loads(X.head(1).to_json(orient="records"))[0]})
        (folder / "event.json").write_text(json.dumps(EVENT | {"body": body}))
        variables = os.environ | {"MLE_BUNDLE": str(bundle), "TF_CPP_MIN_LOG_LEVEL": "3"}
        variables |= {"PYTHONPATH": str(find_root()), "PYTHONDONTWRITEBYTECODE": "1"}
        for run in range(-1, repeats):  # the first only fills the cache
            for runtime, program in PROGRAMS.items():
                begin = time.perf_counter()
                words = [sys.executable, "-c", program + END]
                options = {"cwd": folder, "env": variables, "capture_output": True, "text": True}
                done = subprocess.run(words, check=True, **options)
                took, held = time.perf_counter() - begin, int(done.stdout.split()[-1]) / 1000
                if run >= 0:
                    records.append({"runtime": runtime, "run": run, "seconds": took, "mb": round(held)})
    return save(records, output, 2)


if __name__ == "__main__":
    command(main)
