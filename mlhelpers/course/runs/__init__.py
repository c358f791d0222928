"""Notebook runs: parameters checked, a kernel watched, the executed copy kept.

Behind `mle run`; used in lesson 3.5 (automated feature pipelines).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "ParameterError": "parameters",
    "run_notebook": "run",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
