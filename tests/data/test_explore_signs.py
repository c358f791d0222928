"""Dollar signs in names and categories reach the plots of a first look as the text they are."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text

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
