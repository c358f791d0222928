"""Delivery: workflows of continuous integration, run and checked where they are written.

Names load when they are first used (lesson 8.1).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Workflow": "workflow",
    "WorkflowError": "workflow",
    "WorkflowRun": "workflow",
    "lint_workflow": "workflow",
    "read_workflow": "workflow",
    "run_workflow": "workflow",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
