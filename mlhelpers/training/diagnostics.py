"""Over- and underfitting: curves with intervals, a verdict from them, bias and variance by simulation.

Taught in lesson 4.5 (over- and underfitting).
"""

from __future__ import annotations

from mlhelpers.training.diagnostics_curves import complexity_curve, learning_curve, validation_curve
from mlhelpers.training.diagnostics_result import Curve
from mlhelpers.training.diagnostics_variance import BiasVariance, bias_variance, plot_bias_variance
from mlhelpers.training.diagnostics_verdict import Verdict, verdict

__all__ = [
    "BiasVariance", "Curve", "Verdict", "bias_variance", "complexity_curve", "learning_curve",
    "plot_bias_variance", "validation_curve", "verdict",
]  # fmt: skip
