"""Dollar signs and HTML in names reach plots and reports as the text they are."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text

from mlhelpers.monitoring.drift import drift_report
from mlhelpers.monitoring.profiles import profile
from mlhelpers.monitoring.retraining.result import PolicyComparison, plot_policies, weekly_losses

matplotlib.use("agg")
NAMES = [r"fee $\frac{$ 1", "$x^2$", "<script>alert(1)</script>"]


def formulas(ax):
    """Texts of a drawn plot that matplotlib would typeset; drawing itself stops at a broken formula."""
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.figure.findobj(Text) if is_math_text(text.get_text())]


def test_names_are_text_in_a_drift_report():
    frame = pd.DataFrame({name: np.arange(100.0) for name in NAMES})
    report = drift_report(frame, frame + 1000)
    assert formulas(report.plot(Figure().subplots())) == []
    for page in (report.to_html(), report._repr_html_(), profile(frame)._repr_html_()):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert "$x^2$" in page


def test_names_of_policies_are_text_in_their_plot():
    y, weeks = np.tile([0, 1], 40), np.repeat(np.arange(8), 10)
    given = pd.DataFrame({"week": weeks, "label": y, NAMES[0]: 0.5, NAMES[1]: 0.4})
    weekly = weekly_losses(y, given[NAMES[0]], weeks)
    retrained = pd.DataFrame({"policy": [NAMES[1]], "week": [3], "reason": ["8 weeks old"]})
    comparison = PolicyComparison(pd.DataFrame(index=NAMES[:2]), weekly, retrained, given)
    for what in ("gain", "log_loss"):
        assert formulas(plot_policies(comparison, what=what, ax=Figure().subplots())) == []
