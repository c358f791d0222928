"""GitHub Actions workflows: read, run on this machine without a container, and checked.

Taught in lesson 8.1 (CI/CD for machine learning).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "ExpressionError": "expressions",
    "evaluate": "expressions",
    "Job": "reading",
    "Step": "reading",
    "Workflow": "reading",
    "WorkflowError": "reading",
    "read_workflow": "reading",
    "lint_workflow": "rules",
    "WorkflowRun": "running",
    "run_workflow": "running",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
