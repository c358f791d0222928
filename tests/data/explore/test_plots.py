"""Dollar signs in names and categories reach the plots of a first look as the text they are."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text

from mlhelpers.data import load
from mlhelpers.data.explore import association, plot_association, plot_distribution, plot_missing

BROKEN, FORMULA = r"fee $\frac{$ 1", "$x^2$"
FRAME = pd.DataFrame(
    {
        BROKEN: np.where(np.arange(40) % 5, np.arange(40.0), np.nan),
        FORMULA: np.where(np.arange(40) % 3, BROKEN, FORMULA),
    }
)


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plot_missing(FRAME, columns=list(FRAME), ax=ax),
        lambda ax: plot_distribution(FRAME[BROKEN], ax=ax),
        lambda ax: plot_distribution(FRAME[FORMULA], ax=ax),
        lambda ax: plot_association(association(FRAME), ax=ax),
    ],
)
def test_dollar_signs_are_text(draw):
    ax = draw(Figure().subplots())
    ax.figure.canvas.draw()
    texts = [text.get_text() for text in ax.figure.findobj(Text)]
    assert [text for text in texts if is_math_text(text)] == []
    assert any(r"\$" in text for text in texts)


mpl.use("Agg")


@pytest.fixture(scope="module")
def churn():
    return load("churn")


# plots


def test_plots_draw_where_they_are_told(churn):
    import matplotlib.pyplot as plt

    small = churn.head(200)
    _, axes = plt.subplots(1, 3)
    assert plot_missing(small, ax=axes[0]) is axes[0]
    assert plot_distribution(small["age"], ax=axes[1]) is axes[1]
    assert plot_association(association(small), ax=axes[2]) is axes[2]
    assert len(plt.get_fignums()) == 1


def test_plots_make_a_figure_of_their_own(churn):
    import matplotlib.pyplot as plt

    association(churn.head(200)).plot()
    plot_missing(churn.head(200))
    assert len(plt.get_fignums()) == 2


def test_missing_map_shows_the_share_of_each_band():
    frame = pd.DataFrame({"x": [np.nan, 1, np.nan, np.nan], "full": 1})
    ax = plot_missing(frame, max_bands=2)
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.5], [1.0]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x\n75%"]


def test_missing_map_of_a_complete_table_shows_all_columns():
    assert len(plot_missing(pd.DataFrame({"a": [1], "b": [2]})).get_xticklabels()) == 2


def test_distribution_fits_the_kind_of_column(churn):
    bars = plot_distribution(churn["contract"])
    assert [label.get_text() for label in bars.get_yticklabels()] == ["two_year", "one_year", "monthly"]
    assert sum(patch.get_width() for patch in bars.patches) == pytest.approx(100)
    counts = plot_distribution(churn["tickets_90d"])
    assert len(counts.patches) == churn["tickets_90d"].nunique()
    assert len(plot_distribution(churn["age"], bins=20).patches) == 20
    assert "missing" in plot_distribution(churn["age"]).get_title()
    assert sum(p.get_height() for p in plot_distribution(churn["signup_date"]).patches) == pytest.approx(100)


def test_rare_categories_make_one_bar(churn):
    labels = [t.get_text() for t in plot_distribution(churn["region"], most=2).get_yticklabels()]
    assert labels == ["6 others", "coast", "capital"]


def test_heat_map_writes_values_and_scales_information(churn):
    some = churn[["age", "contract", "churned"]]
    ax = plot_association(association(some), least=0)
    assert len(plot_association(association(some), least=0.9).texts) == 0
    assert len(ax.texts) == 6
    assert ax.images[0].get_clim() == (-1, 1)
    information = plot_association(association(some, measure="mutual_information"))
    assert information.images[0].get_clim()[0] == 0
    wide = plot_association(
        association(pd.DataFrame(np.random.default_rng(0).normal(size=(9, 21))).rename(columns=str))
    )
    assert len(wide.texts) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: plot_missing(f, max_bands=0), "max_bands must be at least 1"),
        (lambda f: plot_missing(f.head(0)), "the frame has no rows"),
        (lambda f: plot_distribution(f["x"], bins=0), "bins and most must be at least 1"),
        (lambda f: plot_distribution(f["gap"]), "column 'gap' has no known value"),
        (lambda f: plot_association(association(f[["x"]])), "the matrix has 1 columns"),
    ],
)
def test_plots_say_what_is_wrong(call, message):
    frame = pd.DataFrame({"x": [1.0, 2], "gap": [np.nan, np.nan]})
    with pytest.raises(ValueError, match=message):
        call(frame)
