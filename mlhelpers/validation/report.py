"""Model cards and validation reports made from data, so that text and numbers cannot disagree.

Taught in lesson 5.5 (documenting validation). The parts live in modules of their own: report_build measures,
report_result holds and writes, report_plots draws, report_pages lays out, report_claims checks typed figures.
"""

from mlhelpers.validation.report_build import validation_report
from mlhelpers.validation.report_claims import check_report, claims_of, figures_of_counts, implied_prevalence
from mlhelpers.validation.report_consistency import shown_beside_limit
from mlhelpers.validation.report_pages import html_report, markdown_table, model_card
from mlhelpers.validation.report_result import ValidationReport

__all__ = [
    "ValidationReport",
    "check_report",
    "claims_of",
    "figures_of_counts",
    "html_report",
    "implied_prevalence",
    "markdown_table",
    "model_card",
    "shown_beside_limit",
    "validation_report",
]
