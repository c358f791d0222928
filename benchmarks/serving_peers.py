"""Apps that benchmarks/serving.py starts beside `mle serve`; each in a process of its own.

`python benchmarks/serving_peers.py NAME FOLDER PORT`, where FOLDER holds what the benchmark prepared: the
bundle, the fitted pipeline as joblib file and the names and kinds of its columns. Each app is written the
way its own documentation writes one; none logs requests. The variable SERVING_PEER says whose class is
made: both frameworks find theirs by importing this module.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

QUIET = {"log_level": "warning", "access_log": False}


def usual(folder: Path, port: int) -> None:
    """The app of many tutorials: a pydantic model of the columns, a frame of one row, predict_proba."""
    import joblib
    import pandas as pd
    import uvicorn
    from fastapi import FastAPI
    from pydantic import create_model

    kinds = {"number": float | None, "integer": int, "category": str | None}
    columns = json.loads((folder / "columns.json").read_text())
    row_model = create_model("Row", **{name: (kinds[kind], ...) for name, kind in columns.items()})
    model = joblib.load(folder / "model.joblib")
    app = FastAPI()

    def predict(row):
        frame = pd.DataFrame([row.model_dump()])
        return {"probability": float(model.predict_proba(frame)[0, 1])}

    predict.__annotations__["row"] = row_model
    app.post("/predict")(predict)
    uvicorn.run(app, host="127.0.0.1", port=port, **QUIET)


def validated(folder: Path, port: int) -> None:
    """Our own service around a model that answers 0.5: what reading, checking and answering cost."""
    from dataclasses import fields

    import numpy as np
    import uvicorn

    from mlhelpers.packaging.bundle import Bundle, load_bundle
    from mlhelpers.serving.app import create_app

    class Constant(Bundle):
        def predict_codes(self, codes):
            return np.full(len(codes), 0.5)

    bundle = load_bundle(folder / "bundle", runtime="onnx")
    constant = Constant(**{entry.name: getattr(bundle, entry.name) for entry in fields(bundle)})
    app = create_app(constant)
    uvicorn.run(app, host="127.0.0.1", port=port, **QUIET, server_header=False)


def fastapi(folder: Path, port: int) -> None:
    """A FastAPI route that reads nothing and answers a constant."""
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/predict")
    async def predict():
        return {"probability": 0.5}

    uvicorn.run(app, host="127.0.0.1", port=port, **QUIET)


def starlette(folder: Path, port: int) -> None:
    """A Starlette route that reads nothing and answers a constant: the least that a framework costs."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def predict(request):
        return JSONResponse({"probability": 0.5})

    app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, **QUIET)


if os.environ.get("SERVING_PEER") == "litserve":  # its worker process imports the class
    import joblib
    import litserve
    import pandas as pd

    class OneRow(litserve.LitAPI):
        """LitServe, each request scored by itself."""

        def setup(self, device):
            self.model = joblib.load(Path(os.environ["SERVING_FOLDER"]) / "model.joblib")

        def decode_request(self, request):
            return request

        def predict(self, row):
            return self.model.predict_proba(pd.DataFrame([row]))[0, 1]

        def encode_response(self, output):
            return {"probability": float(output)}

    class Batched(OneRow):
        """LitServe, requests that wait scored as one frame."""

        def batch(self, inputs):
            return inputs

        def predict(self, rows):
            return self.model.predict_proba(pd.DataFrame(rows))[:, 1]

        def unbatch(self, output):
            return list(output)


def one_row(folder: Path, port: int) -> None:
    """LitServe with one worker."""
    _run_litserve(OneRow(), port)


def batched(folder: Path, port: int) -> None:
    """LitServe with one worker, batches of up to 16 that wait 1 ms at most."""
    _run_litserve(Batched(max_batch_size=16, batch_timeout=0.001), port)


def _run_litserve(api, port: int) -> None:
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1)
    options = {"num_api_servers": 1, "log_level": "warning", "generate_client_file": False}
    server.run(host="127.0.0.1", port=port, **options)


if os.environ.get("SERVING_PEER") == "bentoml":  # bentoml serve looks for the class in the module
    import bentoml
    import joblib
    import pandas as pd

    @bentoml.service(workers=1)
    class Churn:
        """BentoML with one worker."""

        def __init__(self):
            self.model = joblib.load(Path(os.environ["SERVING_FOLDER"]) / "model.joblib")

        @bentoml.api
        def predict(self, row: dict) -> dict:
            return {"probability": float(self.model.predict_proba(pd.DataFrame([row]))[0, 1])}


APPS = {
    "usual": usual,
    "validated": validated,
    "fastapi": fastapi,
    "starlette": starlette,
    "litserve": one_row,
    "litserve-batched": batched,
}

if __name__ == "__main__":
    APPS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
