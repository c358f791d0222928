"""What PCA, LDA, an autoencoder and t-SNE keep of handwritten digits, on 8 splits.

Run it with `python benchmarks/claims/3_2_codes.py`; it writes 3_2_codes.csv beside it, with one row for
each split, code and number of components. The split is also the seed of the network and of t-SNE. Accuracy
is that of the five nearest neighbors on 540 held-out digits; error is the mean squared error of their
redrawn pixels; trust, true neighbors, same label and distances compare the 540 places on the map with the
64 pixels. "PCA of the mapped" is fitted on the 540 themselves, as t-SNE is; "linear network" is the
autoencoder without its bends. It takes about four minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from shared.script import command
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import TSNE, trustworthiness
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from mlhelpers.data import load
from mlhelpers.training.deep import load_keras

OUTPUT = Path(__file__).with_suffix(".csv")


def autoencode(
    P_train: np.ndarray, P_test: np.ndarray, k: int, seed: int, bend: str = "relu"
) -> tuple[list[np.ndarray], float]:
    """Codes of `k` numbers and the reconstruction error, by the lesson's network.

    With `bend` "linear" it is the same network without its bends: both halves are linear maps.
    """
    keras = load_keras(random_state=seed)
    layers = keras.layers
    encoder = keras.Sequential([layers.Input((64,)), layers.Dense(128, bend), layers.Dense(k)])
    decoder = keras.Sequential([layers.Input((k,)), layers.Dense(128, bend), layers.Dense(64)])
    both = keras.Sequential([encoder, decoder])
    both.compile(keras.optimizers.Adam(2e-3), "mse")
    both.fit(P_train, P_train, epochs=60, batch_size=64, verbose=0)
    error = np.mean((both.predict(P_test, verbose=0) - P_test) ** 2)
    return [encoder.predict(part, verbose=0) for part in (P_train, P_test)], error


def nearest(points: np.ndarray) -> np.ndarray:
    """The five nearest other rows of each row."""
    return NearestNeighbors(n_neighbors=5).fit(points).kneighbors(return_distance=False)


def measure(seed: int) -> list[dict]:
    """One row for each code of one split."""
    digits = load("digits").to_numpy()
    pixels, digit = digits[:, :-1] / 16, digits[:, -1].astype(int)
    parts = train_test_split(pixels, digit, test_size=540, stratify=digit, random_state=seed)
    P_train, P_test, digit_train, digit_test = parts
    codes, errors = {("all pixels", 64): (P_train, P_test)}, {}
    for k in (2, 9):
        pca = PCA(k, svd_solver="full").fit(P_train)
        lda = LinearDiscriminantAnalysis(n_components=k).fit(P_train, digit_train)
        codes["PCA", k] = pca.transform(P_train), pca.transform(P_test)
        errors["PCA", k] = np.mean((pca.inverse_transform(codes["PCA", k][1]) - P_test) ** 2)
        codes["LDA", k] = lda.transform(P_train), lda.transform(P_test)
        for name, bend in (("autoencoder", "relu"), ("linear network", "linear")):
            codes[name, k], errors[name, k] = autoencode(P_train, P_test, k, seed, bend)
    tsne = TSNE(2, init="pca", perplexity=30, max_iter=500, random_state=seed)
    codes["t-SNE", 2] = None, tsne.fit_transform(P_test)
    codes["PCA of the mapped", 2] = None, PCA(2, svd_solver="full").fit_transform(P_test)
    rows, true_near, true_distance = [], nearest(P_test), pdist(P_test)
    for (name, k), (known, held) in codes.items():
        row = {"split": seed, "code": name, "components": f"{k}", "accuracy": np.nan}
        if known is not None:
            guess = KNeighborsClassifier(5).fit(known, digit_train).predict(held)
            row["accuracy"] = np.mean(guess == digit_test)
        row["error"] = errors.get((name, k), np.nan)
        near = nearest(held)
        row["trust"] = trustworthiness(P_test, held, n_neighbors=5)
        row["true neighbors"] = np.mean(
            [len(set(a) & set(b)) / 5 for a, b in zip(near, true_near, strict=True)]
        )
        row["same label"] = (digit_test[near] == digit_test[:, None]).mean()
        row["distances"] = spearmanr(true_distance, pdist(held)).statistic
        rows.append(row)
    return rows


def main(repeats: int = 8, output: Path | str = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write them to `output`."""
    table = pd.DataFrame([row for seed in range(repeats) for row in measure(seed)]).round(4)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
