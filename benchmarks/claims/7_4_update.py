"""Requests lost while three replicas are replaced, with and without readiness and a wait (lesson 7.4).

`mle serve` with a small bundle, three replicas, replaced one by one as with `maxUnavailable: 0` and
`maxSurge: 1`, at 40 requests a second. The proxy hears half a second late that a replica goes. Cases: with a
readiness probe or without; no wait, 2 s of `preStop`, or 2 s of draining before the end. Eight runs, in which
the cases take turns. It takes about 9 minutes.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from shared.script import command, save
from sklearn.linear_model import LogisticRegression

from mlhelpers.data import load
from mlhelpers.packaging import build_bundle, infer_signature
from mlhelpers.serving.rehearsal import rehearse_update
from mlhelpers.training import data_hash

OUTPUT = Path(__file__).with_suffix(".csv")
WAITS = {"none": (0.0, 0.0), "preStop": (2.0, 0.0), "drain": (0.0, 2.0)}


def main(repeats: int = 8, output: Path = OUTPUT):
    churn = load("churn")
    X, y = churn[["tenure_months", "tickets_90d", "late_payments_6m"]], churn["churned"]
    body = json.dumps({"rows": json.loads(X.head(1).to_json(orient="records"))[0]}).encode()
    records = []
    with tempfile.TemporaryDirectory() as folder:
        bundle = build_bundle(
            Path(folder) / "churn",
            model=LogisticRegression().fit(X, y),
            signature=infer_signature(X),
            example=X.head(3),
            name="churn",
            version="1.0.0",
            metrics={},
            model_card="# Churn\n",
            data_hash=data_hash(X),
        )
        for run in range(repeats):
            for readiness in (False, True):
                for wait, (pre_stop, drain) in WAITS.items():

                    def replica(port: int, drain: float = drain) -> list[str]:
                        words = [sys.executable, "-m", "mlhelpers.serving.server", str(bundle)]
                        words += ["--port", str(port), "--parent", str(os.getpid())]
                        return [*words, "--drain-seconds", str(drain), "--log", "none"]

                    probe = "/health/ready" if readiness else None
                    options = {"readiness": probe, "pre_stop": pre_stop, "path": "/v1/predict"}
                    told = rehearse_update(replica, body=body, **options)
                    lost = {name: told.outcomes.get(name, 0) for name in ("connection refused", "cut off")}
                    other = told.failed - sum(lost.values())
                    record = {"readiness": readiness, "wait": wait, "run": run, "requests": told.requests}
                    records.append(record | {"failed": told.failed, **lost, "other": other})
    return save(records, output, 0)


if __name__ == "__main__":
    command(main)
