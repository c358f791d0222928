"""Time per customer by the number of customers in a call (lesson 7.1).

Three models are asked for 1 to 10,000 customers a call, by scikit-learn on a frame and, for the logistic
model and boosting, by ONNX Runtime on an array. For one customer a call the logistic model's time is taken
apart: the loop of `DataFrame.apply` with a function that does nothing, the same with a frame built for each
row, and `predict_proba` of a frame and of an array of one row. All ways take turns within a run. Processor
time is counted, which other programs on the machine change little; the lesson uses ratios. It takes about
60 s.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from shared.churn import columns, models
from shared.script import command, save

from mlhelpers.packaging import infer_signature
from mlhelpers.packaging.onnx_export import onnx_session, to_onnx

OUTPUT = Path(__file__).with_suffix(".csv")
SIZES = (1, 10, 100, 1_000, 10_000)
LOOPED = 100  # rows of a loop over single rows


def microseconds(call: Callable[[], object], rows: int) -> float:
    """Processor time per row, of calls for at least 0.1 s and at least twice, after one not counted."""
    call()
    begun, calls = time.process_time(), 0
    while calls < 2 or time.process_time() - begun < 0.1:
        call()
        calls += 1
    return 1e6 * (time.process_time() - begun) / calls / rows


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    X, y = columns()
    ways: dict[tuple[str, str, int], Callable[[], object]] = {}
    for name, model in models().items():
        model.fit(X, y)
        session = None
        if name != "forest":  # its imputer has no ONNX form of doubles
            session = onnx_session(to_onnx(model, infer_signature(X)))
        for size in SIZES:
            part = X.head(size)
            ways[name, "scikit-learn", size] = lambda model=model, part=part: model.predict_proba(part)
            if session is not None:
                codes = part.to_numpy(float)
                ways[name, "ONNX Runtime", size] = lambda session=session, codes=codes: session.run(
                    ["probabilities"], {"codes": codes}
                )
        if name == "logistic":
            some, values = X.head(LOOPED), X.head(1).to_numpy()
            by_row = {
                "loop only": lambda row: 0.5,
                "loop and a frame": lambda row: row.to_frame().T.shape[0],
                "loop, frame and model": lambda row, model=model: model.predict_proba(row.to_frame().T)[0, 1],
            }
            for way, function in by_row.items():
                ways[name, way, 1] = lambda some=some, function=function: some.apply(function, axis=1)
            ways[name, "an array, no frame", 1] = lambda model=model, values=values: model.predict_proba(
                values
            )
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # arrays have no names of columns
        for run in range(repeats):
            for (name, way, size), call in ways.items():
                n_rows = LOOPED if way.startswith("loop") else size
                taken = float(np.format_float_positional(microseconds(call, n_rows), 3, fractional=False))
                rows.append({"model": name, "way": way, "rows": size, "run": run, "us_per_row": taken})
    return save(rows, output)


if __name__ == "__main__":
    command(main)
