"""What a model of iris answers to a client that makes a mistake, and how much of it a signature refuses.

150 flowers by five folds, for each seed of the folds and of the model: the answers to the right rows, to
rows in which two pairs of columns are exchanged, and to rows in another unit. `refused` counts rows outside
the ranges of the training rows, widened by a quarter on either side as `infer_signature` does; `taken` are
wrong answers to rows that the ranges accept, `taken_tight` the same with the ranges not widened. Three
columns say how many of the 50 flowers of each species are answered wrongly, one how many of all 150 are
called virginica. It takes about two minutes.
"""

from pathlib import Path

import pandas as pd
from shared.script import command, save
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.packaging import infer_signature, validate_rows

COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
MODELS = {
    "forest": lambda seed: RandomForestClassifier(random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "logistic": lambda seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
}
MISTAKES = {
    "none": lambda rows: rows,
    "petals first": lambda rows: rows[COLUMNS[2:] + COLUMNS[:2]].set_axis(COLUMNS, axis=1),
    "width before length": lambda rows: rows[[COLUMNS[at] for at in (1, 0, 3, 2)]].set_axis(COLUMNS, axis=1),
    "millimetres": lambda rows: rows * 10,
    "inches": lambda rows: rows / 2.54,
}

OUTPUT = Path(__file__).with_suffix(".csv")


def main(repeats: int = 16, output: Path = OUTPUT) -> pd.DataFrame:
    data = load_iris(as_frame=True)
    flowers, species = data.data.set_axis(COLUMNS, axis=1), data.target
    records = []
    for seed in range(repeats):
        folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(flowers, species))
        for name, make in MODELS.items():
            found = {mistake: [] for mistake in MISTAKES}
            for train, test in folds:
                model = make(seed).fit(flowers.iloc[train], species.iloc[train])
                ranges = [infer_signature(flowers.iloc[train], margin=margin) for margin in (0.25, 0.0)]
                for mistake, made in MISTAKES.items():
                    rows = made(flowers.iloc[test]).reset_index(drop=True)
                    answers = pd.DataFrame({"species": species.iloc[test].to_numpy()})
                    answers["called"] = model.predict(rows)
                    answers["wrong"] = answers["called"] != answers["species"]
                    for column, signature in zip(("refused", "refused_tight"), ranges, strict=True):
                        places = {problem.row for problem in validate_rows(signature, rows)[1]}
                        answers[column] = answers.index.isin(places)
                    found[mistake].append(answers)
            for mistake, parts in found.items():
                answers = pd.concat(parts)
                by_species = answers.groupby("species")["wrong"].sum()
                records.append(
                    {
                        "seed": seed,
                        "model": name,
                        "mistake": mistake,
                        "wrong": answers["wrong"].sum(),
                        "refused": answers["refused"].sum(),
                        "refused_tight": answers["refused_tight"].sum(),
                        "taken": (answers["wrong"] & ~answers["refused"]).sum(),
                        "taken_tight": (answers["wrong"] & ~answers["refused_tight"]).sum(),
                        "called_virginica": (answers["called"] == 2).sum(),
                        **{f"wrong_{data.target_names[at]}": number for at, number in by_species.items()},
                    }
                )
    return save(records, output)


if __name__ == "__main__":
    command(main)
