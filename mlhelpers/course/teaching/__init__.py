"""What an instructor makes of the course: timetables from the syllabus."""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Meeting": "plan",
    "Plan": "plan",
    "PlanError": "plan",
    "make_plan": "plan",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
