import numpy as np
import pandas as pd

from mlhelpers.validation.report import html_report, markdown_table, validation_report

NAME = "<b>$a_1$ & 2</b>"
GROUPS = pd.DataFrame({NAME: np.repeat(["$x^2$ to $y$", "<script>1</script>"], 100)})
TEXTS = {"name": "m", "version": "1", "purpose": "a", "not_for": "b", "limitations": ["c"]}
Y, P = np.tile([0, 1], 100), np.tile([0.2, 0.7], 100)


def test_names_with_signs_are_text_in_html_and_markdown():
    report = validation_report(Y, P, groups=GROUPS, n_resamples=20, **TEXTS)
    page, text = report.to_html(), report.to_markdown()
    for wrong in ("<script>", "<b>$a_1$"):
        assert wrong not in page and wrong not in text and wrong not in report.card()
    assert "&lt;script&gt;1&lt;/script&gt;" in page
    assert "&lt;b>\\$a_1\\$ & 2&lt;/b>" in text
    assert NAME not in html_report("title", [("table", pd.DataFrame({NAME: [1]}))])
    assert markdown_table({"&lt;": "a|b", "plain & simple": 2}).splitlines()[2:] == [
        "| &amp;lt; | a\\|b |", "| plain & simple | 2 |",
    ]  # fmt: skip
