"""Model cards and validation reports made from data, so that text and numbers cannot disagree.

Taught in lesson 5.5 (documenting validation).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "validation_report": "build",
    "check_report": "claims",
    "claims_of": "claims",
    "figures_of_counts": "claims",
    "implied_prevalence": "claims",
    "shown_beside_limit": "result",
    "html_report": "pages",
    "markdown_table": "pages",
    "model_card": "pages",
    "ValidationReport": "result",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
