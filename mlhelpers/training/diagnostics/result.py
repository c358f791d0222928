"""What a learning, validation or complexity curve found: scores by fold, their intervals, a table, a plot.

Taught in lesson 4.5 (over- and underfitting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection import corrected_interval

__all__ = ["Curve"]


@dataclass(frozen=True, repr=False)
class Curve:
    """Scores of the training rows and of the held-out rows at each point, all points on the same folds.

    Taught in lesson 4.5. Larger scores are better. The intervals are corrected resampled t intervals [1]_
    with the ratio of held-out to training rows of whole folds; differences are paired by fold. They know no
    upper bound, so near the best possible score they may reach beyond it.

    Attributes
    ----------
    kind : {"learning", "validation", "complexity"}
        What changes along the curve: the training rows, a parameter, or the model.
    train, validation : DataFrame of shape (n_points, n_folds)
        Scores of each fold; the index holds the points.
    scoring : str
        Name of the score.
    ratio : float
        Held-out rows over training rows.
    level : float
        Coverage of the intervals.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """

    kind: str
    train: pd.DataFrame
    validation: pd.DataFrame
    scoring: str
    ratio: float
    level: float

    @property
    def name(self) -> str:
        """What the points are: train_size, the name of the parameter, or model."""
        return str(self.validation.index.name)

    @property
    def table(self) -> pd.DataFrame:
        """One row per point: train, validation and gap (train - validation), each with low, high and sd."""
        parts = {"train": self.train, "validation": self.validation, "gap": self.train - self.validation}
        columns: dict[str, list[float]] = {}
        for name, scores in parts.items():
            found = [corrected_interval(row, self.ratio, self.level) for row in scores.to_numpy()]
            for suffix, values in zip(("", "_low", "_high"), zip(*found, strict=True), strict=True):
                columns[name + suffix] = list(values)
            columns[name + "_sd"] = list(scores.std(axis=1, ddof=1))
        return pd.DataFrame(columns, index=self.validation.index)

    @property
    def best(self) -> Any:
        """Point with the highest mean validation score, the first of several."""
        return self.validation.mean(axis=1).idxmax()

    def change(self, start: Any, end: Any) -> tuple[float, float, float]:
        """Change of the validation score from one point to another, paired by fold: mean, low, high.

        Raises
        ------
        ValueError
            If the curve has no such point.
        """
        for point in (start, end):
            if point not in self.validation.index:
                raise ValueError(
                    f"{self.name} has no point {point!r}; there are {list(self.validation.index)}"
                )
        difference = self.validation.loc[end].to_numpy() - self.validation.loc[start].to_numpy()
        return corrected_interval(difference, self.ratio, self.level)

    def plot(self, ax: Any = None) -> Any:
        """Draw both scores with their intervals as bands.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Default is the axes of a new figure.

        Returns
        -------
        matplotlib Axes
        """
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        table, index = self.table, self.validation.index
        numeric = pd.api.types.is_numeric_dtype(index)
        x = index.to_numpy() if numeric else np.arange(len(index))
        for name, marker in (("train", "o"), ("validation", "s")):
            (line,) = ax.plot(x, table[name], marker=marker, markersize=4, label=name)
            ax.fill_between(
                x, table[f"{name}_low"], table[f"{name}_high"], color=line.get_color(), alpha=0.2, linewidth=0
            )
        if not numeric:
            ax.set_xticks(x, [str(point) for point in index])
        elif self.kind != "learning" and x.min() > 0 and x.max() > 50 * x.min():
            ax.set_xscale("log")
        label = "training rows" if self.kind == "learning" else self.name
        ax.set(xlabel=label, ylabel=self.scoring, title=f"{self.kind} curve, {self.level:.0%} intervals")
        ax.legend()
        return ax

    def _title(self) -> str:
        return (
            f"{self.kind} curve of {self.scoring}, {self.validation.shape[1]} folds, "
            f"{self.level:.0%} intervals (corrected resampled t)"
        )

    def _shown(self) -> pd.DataFrame:
        table = self.table
        return table[[name for name in table if not name.endswith("_sd")]].round(3)

    def __str__(self) -> str:
        return f"{self._title()}\n{self._shown().to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{self._shown().to_html()}"
