"""The record of the course, `notebooks/syllabus.yml`, loaded and validated.

Everything that lists lessons reads it: README table, start notebook, `mle list`, linter and tests.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Chapter": "syllabus",
    "Lesson": "syllabus",
    "Syllabus": "syllabus",
    "SyllabusError": "syllabus",
    "load_syllabus": "syllabus",
    "planned": "syllabus",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
