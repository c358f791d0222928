"""What a tablet answers, by eight splits (lesson 7.1).

The logistic model of each split becomes a Keras net by its weights, and the net a TFLite file. It is asked
for the 4,000 customers of the split: largest difference from scikit-learn, decisions at 0.3 that differ, and
customers so near to 0.3 that the difference could matter. Then the same net without the step that fills
gaps, fed by an application that puts 0 where nothing is known: decisions that differ, of customers with a gap
and of those without, and when 0 is put for a missing satisfaction only (it goes from 1 to 10), or for all
other gaps only. When nobody fills the gap either: answers that are NaN and answers that are exactly 1,
by the runtime's default (XNNPACK) and by its plain kernels, which the processor may change. It
takes about 30 s.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from shared.churn import columns, models
from shared.script import command, save
from sklearn.model_selection import train_test_split

OUTPUT = Path(__file__).with_suffix(".csv")
THRESHOLD, WORST = 0.3, "satisfaction"


def tflite(model, fill: bool) -> bytes:
    """TFLite file of a fitted pipeline of imputer, scaler and logistic regression."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    impute, scale, logistic = (step for _, step in model.steps)
    rows = keras.Input((len(scale.mean_),))
    typical = impute.statistics_.astype("float32")
    filled = tf.where(tf.math.is_nan(rows), typical, rows) if fill else rows
    scaled = keras.layers.Normalization(mean=scale.mean_, variance=scale.var_)(filled)
    answer = keras.layers.Dense(1, activation="sigmoid")
    net = keras.Model(rows, answer(scaled))
    answer.set_weights([logistic.coef_.T, logistic.intercept_])
    return tf.lite.TFLiteConverter.from_keras_model(net).convert()


def asked(content: bytes, X: pd.DataFrame, plain: bool = False) -> np.ndarray:
    """Answers of a TFLite file."""
    import tensorflow as tf

    kinds = tf.lite.experimental.OpResolverType
    kind = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else kinds.AUTO
    interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=kind)
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(given["index"], X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], X.to_numpy(np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(answer["index"])[:, 0].astype(float)


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    X, y = columns()
    rows = []
    for split in range(repeats):
        parts = train_test_split(X, y, test_size=4000, random_state=split, stratify=y)
        X_train, X_test, y_train, _ = parts
        model = models()["logistic"].fit(X_train, y_train)
        answers = model.predict_proba(X_test)[:, 1]
        called = answers >= THRESHOLD
        content, bare = tflite(model, fill=True), tflite(model, fill=False)
        on_tablet = asked(content, X_test)
        zeros = asked(bare, X_test.fillna(0)) >= THRESHOLD
        gap = X_test.isna().any(axis=1).to_numpy()
        told = {"split": split, "bytes": len(content), "largest": np.abs(on_tablet - answers).max()}
        told |= {"changed": int(((on_tablet >= THRESHOLD) != called).sum())}
        told |= {"near": int((np.abs(answers - THRESHOLD) < 1e-6).sum()), "with_gap": int(gap.sum())}
        told |= {"zero_with_gap": int((zeros != called)[gap].sum())}
        told |= {"zero_without_gap": int((zeros != called)[~gap].sum())}
        others = [name for name in X_test if name != WORST]
        for name, columns_filled in {"zero_satisfaction": [WORST], "zero_others": others}.items():
            filled = X_test.fillna(dict.fromkeys(columns_filled, 0))
            told |= {name: int(((asked(content, filled) >= THRESHOLD) != called).sum())}
        for kind in ("default", "plain"):
            unfilled = asked(bare, X_test, plain=kind == "plain")[gap]
            told |= {f"{kind}_nan": int(np.isnan(unfilled).sum()), f"{kind}_one": int((unfilled == 1).sum())}
        rows.append(told)
    return save(rows, output, digits=9)


if __name__ == "__main__":
    command(main)
