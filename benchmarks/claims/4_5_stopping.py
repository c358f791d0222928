"""Claims of lesson 4.5 on early stopping: twelve seeds, four shares of random labels, four validation splits.

Each seed draws 800 digits to work with (the rest are the test rows), the random labels, the split and the
first weights. Rows `noise` train on 350 digits for 50 epochs and with a patience of 5, with a share of the
labels replaced; columns: accuracy on the test rows both ways, best epoch, epochs run. Rows `split` train on
digits sorted by label, with the last fifth, a random or a stratified fifth for validation, and with the last
fifth for 30 epochs without stopping; columns: accuracy, best epoch, validation loss, and accuracy on the
digits of the last fifth and on the others. It takes about seven minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command
from sklearn.model_selection import train_test_split

from mlhelpers.data import load
from mlhelpers.training.deep import load_keras

OUTPUT = Path(__file__).with_suffix(".csv")


def train(keras, seed, pixels, rows, labels, test, epochs=50, patience=None, **validation):
    """Answers on the test rows and the history of one network."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    net = keras.Sequential([keras.Input((64,)), *layers])
    net.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping(patience=patience or epochs, restore_best_weights=bool(patience))
    settings = {"batch_size": 32, "validation_batch_size": 500, "verbose": 0} | validation
    fitted = net.fit(pixels[rows], labels[rows], epochs=epochs, callbacks=[stop], **settings)
    return np.argmax(net(pixels[test]), axis=1), fitted.history


def of_seed(seed: int) -> list[dict]:
    """Rows of one seed."""
    keras, every, found = load_keras(random_state=0), load("digits"), []
    pixels = every.drop(columns="target").to_numpy().astype("float32") / 16
    names = every["target"].to_numpy()
    order = np.random.default_rng(seed).permutation(len(names))
    work, test = order[:800], order[800:]
    inner, outer = train_test_split(work[:500], test_size=0.3, random_state=seed)
    for share in (0.0, 0.1, 0.2, 0.4):
        rng = np.random.default_rng(seed + 1)
        hurried = np.where(rng.random(len(names)) < share, rng.integers(0, 10, len(names)), names)
        held_out = {"validation_data": (pixels[outer], hurried[outer])}
        to_the_end, history = train(keras, seed, pixels, inner, hurried, test, **held_out)
        stopped, short = train(keras, seed, pixels, inner, hurried, test, patience=5, **held_out)
        ends = [float((answers == names[test]).mean()) for answers in (to_the_end, stopped)]
        row = {
            "seed": seed,
            "kind": "noise",
            "setting": f"{share:g}",
            "to_the_end": ends[0],
            "accuracy": ends[1],
        }
        row |= {"best_epoch": int(np.argmin(short["val_loss"])) + 1, "epochs": len(short["loss"])}
        found.append(row | {"loss": min(history["val_loss"]), "last_loss": history["val_loss"][-1]})
    in_order = work[np.argsort(names[work], kind="stable")]
    last = np.unique(names[in_order[int(0.8 * len(work)) :]])
    inner, outer = train_test_split(in_order, test_size=0.2, stratify=names[in_order], random_state=seed)
    shuffled = np.random.default_rng(seed).permutation(in_order)
    runs = {
        "stratified": (inner, {"validation_data": (pixels[outer], names[outer]), "patience": 5}),
        "shuffled": (shuffled, {"validation_split": 0.2, "patience": 5}),
        "sorted": (in_order, {"validation_split": 0.2, "patience": 5}),
        "sorted, 30 epochs": (in_order, {"validation_split": 0.2, "epochs": 30}),
    }
    kept = ~np.isin(names[test], last)
    for name, (rows, settings) in runs.items():
        answers, log = train(keras, seed, pixels, rows, names, test, **settings)
        hit = answers == names[test]
        row = {"seed": seed, "kind": "split", "setting": name, "to_the_end": np.nan, "accuracy": hit.mean()}
        row |= {"best_epoch": int(np.argmin(log["val_loss"])) + 1, "epochs": len(log["loss"])}
        row |= {"loss": min(log["val_loss"]), "last_loss": log["val_loss"][-1], "of_others": hit[kept].mean()}
        found.append(row | {"of_last_fifth": hit[~kept].mean(), "missing": " ".join(map(str, last))})
    return found


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` seeds and write the table."""
    table = pd.DataFrame([row for seed in range(repeats) for row in of_seed(seed)]).round(4)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
