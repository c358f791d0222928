"""The exercises of the course: where they are, their release versions, a learner's own copy, grading.

Behind `mle exercise`.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Exercise": "exercise",
    "ExerciseError": "exercise",
    "OWN_FOLDER": "exercise",
    "choose_exercises": "exercise",
    "committed_release": "versions",
    "exercise_of": "exercise",
    "find_exercises": "exercise",
    "normal_text": "versions",
    "orphans": "exercise",
    "release": "versions",
    "released_text": "versions",
    "source_text": "versions",
    "start": "versions",
    "task_of": "exercise",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
