"""The exercises of the course: where they are, their release versions, a learner's own copy, grading.

Behind `mle exercise`.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Exercise": "exercise",
    "ExerciseError": "exercise",
    "OWN_FOLDER": "exercise",
    "committed_release": "exercise",
    "exercise_of": "exercise",
    "find_exercises": "exercise",
    "normal_text": "exercise",
    "orphans": "exercise",
    "release": "exercise",
    "released_text": "exercise",
    "source_text": "exercise",
    "start": "exercise",
    "task_of": "exercise",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
