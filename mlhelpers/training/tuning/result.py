"""What a hyperparameter search found: its trials, the best so far against budget and time, a comparison.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection import corrected_interval

__all__ = ["Search", "compare_searches", "plot_best_so_far"]


@dataclass(frozen=True, repr=False)
class Search:
    """Trials of one search, in the order in which they were run.

    Taught in lesson 4.3.

    Attributes
    ----------
    name : str
        Kind of search.
    trials : DataFrame of shape (n_trials, n_params + 6)
        search, the hyperparameters, score (mean over the folds; larger is better), state ("complete" or
        "pruned"), resource (reached by each fold's model), budget (resource times folds that this trial
        cost) and seconds; the index is the number of the trial.
    fold_scores : DataFrame of shape (n_trials, n_folds)
        Score of each fold, of a pruned trial at the resource where it stopped.
    params : tuple of str
        Names of the hyperparameters.
    scoring : str
        Name of the score.
    budget : int
        What the search was allowed to spend.
    full_cost : int
        What one complete trial costs.
    ratio : float
        Held-out rows over training rows of a fold.
    """

    name: str
    trials: pd.DataFrame
    fold_scores: pd.DataFrame
    params: tuple[str, ...]
    scoring: str
    budget: int
    full_cost: int
    ratio: float

    @property
    def complete(self) -> pd.DataFrame:
        """The trials that ran to the full resource."""
        return self.trials[self.trials["state"] == "complete"]

    @property
    def best_trial(self) -> int:
        """Number of the complete trial with the highest score, the first of several."""
        return int(self.complete["score"].idxmax())

    @property
    def best_score(self) -> float:
        """Score of the best trial; optimistic, because it was chosen for being high."""
        return float(self.complete["score"].max())

    @property
    def best_params(self) -> dict[str, Any]:
        """Hyperparameters of the best trial."""
        return {name: self.trials[name].tolist()[self.best_trial] for name in self.params}

    @property
    def used(self) -> int:
        """Budget that was spent."""
        return int(self.trials["budget"].sum())

    @property
    def saved(self) -> float:
        """Share saved of what the same trials would have cost if each had run to the end."""
        return 1 - self.used / (len(self.trials) * self.full_cost)

    @property
    def curve(self) -> pd.DataFrame:
        """After each trial: budget and seconds spent so far, and the best complete score so far."""
        score = self.trials["score"].where(self.trials["state"] == "complete")
        return pd.DataFrame(
            {
                "budget": self.trials["budget"].cumsum(),
                "seconds": self.trials["seconds"].cumsum(),
                "best": score.cummax().ffill(),
            }
        )

    def ties(self, *, level: float = 0.95) -> pd.DataFrame:
        """Lead of the best trial over every other complete one, paired by fold.

        Parameters
        ----------
        level : float, default=0.95
            Coverage of the intervals (corrected resampled t).

        Returns
        -------
        DataFrame of shape (n_complete - 1, 4)
            lead, low, high and tied (the interval includes 0), the smallest lead first.
        """
        best = self.fold_scores.loc[self.best_trial].to_numpy()
        others = [number for number in self.complete.index if number != self.best_trial]
        rows = [
            corrected_interval(best - self.fold_scores.loc[number].to_numpy(), self.ratio, level)
            for number in others
        ]
        table = pd.DataFrame(rows, index=pd.Index(others, name="trial"), columns=["lead", "low", "high"])
        table["tied"] = table["low"] <= 0
        return table.sort_values("lead", kind="stable")

    def _title(self) -> str:
        pruned = len(self.trials) - len(self.complete)
        words = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.best_params.items()
        )
        return (
            f"{self.name}: {len(self.trials)} trials ({pruned} pruned), {self.used:,} of {self.budget:,} "
            f"budget; best {self.scoring} {self.best_score:.3f} at {words}"
        )

    def _shown(self) -> pd.DataFrame:
        top = self.complete.sort_values("score", ascending=False, kind="stable").head(5)
        shown = top[[*self.params, "score", "budget"]]
        rounding = {
            name: (lambda value: float(f"{value:.3g}")) for name in self.params if shown[name].dtype == float
        }
        return shown.assign(
            **{name: shown[name].map(function) for name, function in rounding.items()},
            score=shown["score"].round(3),
        )

    def __str__(self) -> str:
        return f"{self._title()}\n{self._shown().to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{self._shown().to_html()}"


def _named(searches: Mapping[Any, Search]) -> Mapping[Any, Search]:
    if not searches:
        raise ValueError("searches is empty; give at least one")
    return searches


def compare_searches(searches: Mapping[Any, Search]) -> pd.DataFrame:
    """One row per search: trials, pruned, spent budget, best score, and the budget at which it was found.

    Taught in lesson 4.3.

    Parameters
    ----------
    searches : mapping of label to Search
        At least one.

    Returns
    -------
    DataFrame of shape (n_searches, 6)
        trials, pruned, tried (different points), budget, best and found_at (budget spent when the best
        trial ended).

    Raises
    ------
    ValueError
        If `searches` is empty.
    """
    rows = {}
    for label, search in _named(searches).items():
        points = search.trials[list(search.params)].astype(str)
        rows[label] = {
            "trials": len(search.trials),
            "pruned": len(search.trials) - len(search.complete),
            "tried": len(points.drop_duplicates()),
            "budget": search.used,
            "best": search.best_score,
            "found_at": int(search.curve.loc[search.best_trial, "budget"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def plot_best_so_far(searches: Mapping[Any, Search], *, by: str = "budget", ax: Any = None) -> Any:
    """Draw the best score so far of each search as a step line.

    Taught in lesson 4.3.

    Parameters
    ----------
    searches : mapping of label to Search
        At least one.
    by : {"budget", "seconds"}, default="budget"
        What runs along the axis. Budget compares on any machine, seconds only on one.
    ax : matplotlib Axes, optional
        Default is the axes of a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `searches` is empty or `by` is neither of the two.
    """
    import matplotlib.pyplot as plt

    if by not in ("budget", "seconds"):
        raise ValueError(f"by must be 'budget' or 'seconds', got {by!r}")
    _named(searches)
    ax = plt.subplots()[1] if ax is None else ax
    styles = ["-", "--", "-.", ":"]
    for number, (label, search) in enumerate(searches.items()):
        curve = search.curve.dropna()
        ax.step(
            curve[by], curve["best"], where="post", label=str(label), linestyle=styles[number % 4], alpha=0.9
        )
        ax.plot(curve[by].iloc[-1:], curve["best"].iloc[-1:], marker="o", color=ax.lines[-1].get_color())
    scoring = next(iter(searches.values())).scoring
    unit = "budget (iterations x folds)" if by == "budget" else "time (s)"
    ax.set(xlabel=unit, ylabel=f"best {scoring} so far", title=f"Best so far against {by}")
    if np.isfinite(ax.dataLim.x1):
        ax.set_xlim(left=0)
    ax.legend()
    return ax
