import numpy as np
import pytest

from mlhelpers.validation.splits import (
    auc_interval_width,
    auc_standard_error,
    positives_needed,
)

# Positives


@pytest.mark.parametrize("auc, share", [(0.7, 0.5), (0.85, 0.2), (0.95, 0.05)])
def test_positives_needed_is_the_smallest_number(auc, share):
    n = positives_needed(auc, 0.05, positive_share=share)
    ratio = (1 - share) / share
    assert auc_interval_width(auc, n, n * ratio) <= 0.05
    assert auc_interval_width(auc, n - 1, (n - 1) * ratio) > 0.05


@pytest.mark.parametrize("auc", [0.6, 0.8, 0.9])
def test_simulated_aucs_spread_as_the_formula_says(auc):
    rng = np.random.default_rng(0)
    n = positives_needed(auc, 0.1, positive_share=0.25)
    # Exponential scores, for which the formula is exact: P(positive > negative) = rate / (1 + rate).
    scale = auc / (1 - auc)
    negative, positive = rng.exponential(1, (2000, 3 * n)), rng.exponential(scale, (2000, n))
    found = [(p[:, None] > q[None, :]).mean() for p, q in zip(positive[:400], negative[:400], strict=True)]
    assert np.std(found) * 2 * 1.96 == pytest.approx(0.1, rel=0.12)
    assert np.mean(found) == pytest.approx(auc, abs=0.005)


@pytest.mark.parametrize(
    "arguments",
    [(1.0, 0.1, 0.5), (0.4, 0.1, 0.5), (0.8, 0.0, 0.5), (0.8, 0.1, 1.0)],
)
def test_positives_needed_refuses_what_has_no_answer(arguments):
    auc, width, share = arguments
    with pytest.raises(ValueError):
        positives_needed(auc, width, positive_share=share)


def test_standard_error_checks_its_arguments():
    assert auc_standard_error(1.0, 5, 5) == 0
    for wrong in ((1.2, 5, 5), (0.8, 0, 5)):
        with pytest.raises(ValueError):
            auc_standard_error(*wrong)
    with pytest.raises(ValueError, match="level"):
        auc_interval_width(0.8, 5, 5, level=1.0)
