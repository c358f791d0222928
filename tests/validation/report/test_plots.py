"""Dollar signs and HTML in names reach plots and reports as text."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mlhelpers.validation.report import plots, validation_report

NAME = "<b>$a_1$ & 2</b>"
GROUPS = pd.DataFrame({NAME: np.repeat(["$x^2$ to $y$", "<script>1</script>"], 100)})
TEXTS = {"name": "m", "version": "1", "purpose": "a", "not_for": "b", "limitations": ["c"]}
Y, P = np.tile([0, 1], 100), np.tile([0.2, 0.7], 100)


def drawn_texts(monkeypatch, make):
    """Every text of the plots that `make` draws, as matplotlib lays it out, and whether it is a formula."""
    found = []

    def png(draw, **size):
        figure = Figure()
        ax = figure.subplots()
        draw(ax)
        figure.canvas.draw()
        labels = [*ax.get_yticklabels(), *ax.get_xticklabels(), ax.xaxis.label, ax.yaxis.label]
        labels += [ax.title, ax._left_title, ax._right_title]
        found.extend(label._preprocess_math(label.get_text()) for label in labels)
        return b""

    monkeypatch.setattr(plots, "png", png)
    make()
    return {text: bool(math) for text, math in found}


def test_dollar_signs_in_names_of_groups_are_no_formula(monkeypatch):
    table = pd.DataFrame(
        {"by": NAME, "group": GROUPS[NAME].unique(), "mae": 1.0, "mae_low": 0.5, "mae_high": 2.0}
    )
    texts = drawn_texts(monkeypatch, lambda: plots.groups_png(table, "mae", {}, "Error in $ or $", "$/$"))
    for name in GROUPS[NAME].unique():
        assert texts[f"{NAME}: {name}"] is False
    assert texts["Error in $ or $ by group, with intervals"] is False
    assert texts["error in $ or $ ($/$)"] is False


def test_dollar_signs_in_a_unit_are_no_formula(monkeypatch):
    y, table = np.arange(9.0), pd.DataFrame({"predicted": [1.0], "residual": [0], "low": [-1], "high": [1]})
    texts = drawn_texts(monkeypatch, lambda: plots.forecast_png(y, y, "$ per $"))
    texts |= drawn_texts(monkeypatch, lambda: plots.residuals_png(table, "$ per $"))
    for label in ("predicted ($ per $)", "true ($ per $)", "true less predicted ($ per $)"):
        assert texts[label] is False


@pytest.mark.parametrize("name", ["two $bad_{ signs$", "\\$ and $"])
def test_a_name_that_is_no_formula_can_be_drawn(name):
    groups = pd.DataFrame({"by": np.repeat([name, "b"], 100)})
    report = validation_report(Y, P, groups=groups, n_resamples=20, **TEXTS)
    assert report.plots["Recall by group"].startswith(b"\x89PNG")
