import matplotlib.pyplot as plt
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from mlhelpers.training.tuning import (
    SEARCHES,
    compare_searches,
    plot_best_so_far,
    tune,
)

SPACE = {"learning_rate": ("float", 0.01, 1.0, "log"), "max_leaf_nodes": ("int", 2, 16, "log")}
BOOSTING = {"resource": "max_iter", "max_resource": 9, "min_resource": 1}
BUDGET = 8 * 9 * 3


def boosting():
    return HistGradientBoostingClassifier(early_stopping=False, max_bins=16, random_state=0)


@pytest.fixture(scope="module")
def found(rows):
    return {name: tune(boosting(), *rows, SPACE, search=name, budget=BUDGET, **BOOSTING) for name in SEARCHES}


def test_best_so_far_counts_complete_trials_only_and_never_falls(found):
    for search in found.values():
        curve = search.curve
        assert curve["budget"].iloc[-1] == search.used and curve["budget"].is_monotonic_increasing
        assert curve["best"].dropna().is_monotonic_increasing and curve["best"].iloc[-1] == search.best_score
    assert found["halving"].curve["best"].isna().sum() == (found["halving"].trials["state"] == "pruned").sum()


def test_ties_are_the_leads_of_the_winner(found):
    ties = found["random"].ties()
    assert len(ties) == 7 and (ties["lead"] >= 0).all() and ties["lead"].is_monotonic_increasing
    assert ((ties["low"] <= 0) == ties["tied"]).all()
    narrow = found["random"].ties(level=0.5)
    assert narrow["tied"].sum() <= ties["tied"].sum()


def test_comparison_has_a_row_for_each_search(found):
    table = compare_searches(found)
    assert list(table.index) == list(SEARCHES)
    assert (table["found_at"] <= table["budget"]).all() and (table["tried"] <= table["trials"]).all()
    assert table.loc["random", "pruned"] == 0 and table.loc["hyperband", "pruned"] > 0


@pytest.mark.parametrize("by", ["budget", "seconds"])
def test_plot_draws_each_search_on_the_axes_given(found, by):
    ax = plt.subplots()[1]
    assert plot_best_so_far(found, by=by, ax=ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(SEARCHES)
    assert plot_best_so_far({"one": found["grid"]}) is not ax
    plt.close("all")


def test_results_read_as_text_and_as_a_table(found):
    assert "8 trials (0 pruned), 216 of 216 budget" in str(found["random"])
    assert repr(found["random"]) == str(found["random"])
    assert "<table" in found["random"]._repr_html_()


def test_empty_comparisons_and_unknown_axes_are_refused(found):
    with pytest.raises(ValueError, match="empty"):
        compare_searches({})
    with pytest.raises(ValueError, match="empty"):
        plot_best_so_far({})
    with pytest.raises(ValueError, match="'budget' or 'seconds'"):
        plot_best_so_far(found, by="trials")
