"""The table of a class: totals and the pass mark."""

from mlhelpers.course.exercises.class_table import ClassTable, Entry
from mlhelpers.course.exercises.grading import Grading, Task


def test_pass_mark_is_met_by_what_is_not_rounded(two):
    def passed(points, mark):
        grading = Grading(two[0], (Task("a", "a", points, 3.0, ""),))
        return ClassTable([Entry("ann", grading)], pass_mark=mark).rows[0].passed

    assert passed(1.0, 100 / 3)
    assert not passed(1.0, 33.34), "33.3 in the table, but below the mark"
