import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text

from mlhelpers.monitoring.retraining import (
    plot_policies,
    weekly_losses,
)
from mlhelpers.monitoring.retraining.result import PolicyComparison

matplotlib.use("Agg")


def test_interval_covers_the_true_mean_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    p = rng.uniform(0.1, 0.9, 200)
    true = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    for _ in range(300):
        row = weekly_losses(rng.random(200) < p, p, np.zeros(200)).iloc[0]
        hits += row["low"] <= true <= row["high"]
    assert 0.91 <= hits / 300 <= 0.99


matplotlib.use("agg")


NAMES = [r"fee $\frac{$ 1", "$x^2$", "<script>alert(1)</script>"]


def formulas(ax):
    """Texts of a drawn plot that matplotlib would typeset; drawing itself stops at a broken formula."""
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.figure.findobj(Text) if is_math_text(text.get_text())]


def test_names_of_policies_are_text_in_their_plot():
    y, weeks = np.tile([0, 1], 40), np.repeat(np.arange(8), 10)
    given = pd.DataFrame({"week": weeks, "label": y, NAMES[0]: 0.5, NAMES[1]: 0.4})
    weekly = weekly_losses(y, given[NAMES[0]], weeks)
    retrained = pd.DataFrame({"policy": [NAMES[1]], "week": [3], "reason": ["8 weeks old"]})
    comparison = PolicyComparison(pd.DataFrame(index=NAMES[:2]), weekly, retrained, given)
    for what in ("gain", "log_loss"):
        assert formulas(plot_policies(comparison, what=what, ax=Figure().subplots())) == []
