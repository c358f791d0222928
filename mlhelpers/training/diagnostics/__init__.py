"""Over- and underfitting: curves with intervals, a verdict from them, bias and variance by simulation.

Taught in lesson 4.5 (over- and underfitting).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "complexity_curve": "curves",
    "learning_curve": "curves",
    "validation_curve": "curves",
    "Curve": "result",
    "BiasVariance": "variance",
    "bias_variance": "variance",
    "plot_bias_variance": "variance",
    "Verdict": "verdicts",
    "verdict": "verdicts",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
