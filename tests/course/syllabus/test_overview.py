from mlhelpers.course.syllabus import load_syllabus
from mlhelpers.course.syllabus.overview import link


def test_only_written_lessons_are_linked(course):
    syllabus = load_syllabus(course)
    assert (
        link(syllabus, "1.1", base="notebooks/")
        == "[1.1 What it is](notebooks/01_foundations/01_what_it_is.ipynb)"
    )
    assert link(syllabus, "2.1") == "2.1 Missing data (planned)"
