import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation import check_gates, html_report, model_card

CARD = {
    "name": "churn",
    "version": "1.2.0",
    "purpose": "Choose customers for a call.",
    "not_for": "Prices or credit.",
    "data": {"rows": 12000, "positives": 0.223, "owner": None},
    "metrics": pd.DataFrame({"metric": ["roc_auc"], "value": [0.86437], "low": [0.85], "high": [np.nan]}),
    "limitations": ["Labels arrive 5 weeks late.", "No business customers."],
}


def test_card_holds_every_figure_rounded():
    text = model_card(CARD)
    assert text.startswith("# Model card: churn 1.2.0\n")
    assert "| rows | 12000 |" in text
    assert "| owner | - |" in text
    assert "| roc_auc | 0.8644 | 0.85 | - |" in text
    assert "- Labels arrive 5 weeks late.\n- No business customers.\n" in text
    assert "Not for: Prices or credit." in text


def test_optional_parts_appear_when_given():
    gates = check_gates({"auc": 0.9}, {"auc": {"min": 0.8}}).table
    groups = pd.DataFrame({"n": [10]}, index=pd.Index(["north"], name="group"))
    text = model_card(CARD | {"gates": gates, "fairness": groups, "stress": pd.DataFrame()})
    assert "## Gates" in text
    assert "| group | n |\n| --- | --- |\n| north | 10 |" in text
    assert "Stress" not in text


def test_bar_in_a_text_does_not_break_the_table():
    assert "a\\|b c" in model_card(CARD | {"data": {"note": "a|b\nc"}})


def test_same_card_gives_the_same_text():
    assert model_card(CARD) == model_card(dict(reversed(CARD.items())))


@pytest.mark.parametrize("value", [None, "", []])
def test_missing_or_empty_field_is_named(value):
    with pytest.raises(ValueError, match="missing or empty: limitations"):
        model_card(CARD | {"limitations": value})
    with pytest.raises(ValueError, match="missing or empty: purpose"):
        model_card({name: item for name, item in CARD.items() if name != "purpose"})


def test_unknown_field_is_named():
    with pytest.raises(ValueError, match="unknown fields mertics"):
        model_card(CARD | {"mertics": {}})


def test_html_report_escapes_text_and_tables():
    page = html_report(
        "<Churn>", [("a", "1 < 2"), ("b", pd.DataFrame({"x": ["<b>"]})), ("c", {"rate": 0.123456})]
    )
    assert "<title>&lt;Churn&gt;</title>" in page
    assert "1 &lt; 2" in page
    assert "<td>&lt;b&gt;</td>" in page
    assert "0.1235" in page


def test_html_report_holds_figures_and_repeats_itself():
    fig, ax = plt.subplots()
    ax.plot([1, 2])
    page = html_report("Report", [("Plot", fig), ("Axes", ax)])
    assert page.count("data:image/png;base64,") == 2
    assert page == html_report("Report", [("Plot", fig), ("Axes", ax)])
    plt.close(fig)
