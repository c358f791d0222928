"""The gradebook page: whole, and without a network."""

import re
from html.parser import HTMLParser

from mlhelpers.course.exercises.class_table import ClassTable
from mlhelpers.course.exercises.gradebook import gradebook_page, task_results
from mlhelpers.course.exercises.grading import Grading, Task


def grading(exercise, first, second=0.0, message="low", notes=()):
    tasks = (
        Task("a", "Task a", first, 4.0, "" if first == 4 else message),
        Task("b", "Task b", second, 2.0, "" if second == 2 else "<b>none</b>"),
    )
    return Grading(exercise, tasks, notes)


def test_tasks_count_those_who_handed_in(table):
    found = {(task.lesson, task.title): task for task in task_results(table)}
    first = found["2.1", "Task a"]
    assert (first.full, first.part, first.none, first.mean, first.messages) == (1, 1, 0, 3.0, [("low", 1)])
    second = found["2.2", "Task a"]
    assert (second.full, second.part, second.none) == (1, 1, 1)
    assert second.messages == [("too low", 2)]


class Tags(HTMLParser):
    """Collects tags and checks that they close."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_whole_and_needs_no_network(table):
    page = gradebook_page(table, doubts=["a/<x>.ipynb: rename it"])
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert {tag for tag, _ in tags.seen}.isdisjoint({"script", "link", "img", "iframe", "a"})
    assert not re.search(r"https?:|url\(|@import", page)
    assert "&lt;script&gt;" in page and "a/&lt;x&gt;.ipynb" in page and "&lt;b&gt;none&lt;/b&gt;" in page
    assert "4 students, 2 exercises; mean 32.3%, median 33.4%; 2 reach the pass mark of 50%" in page
    assert next(a["aria-label"] for t, a in tags.seen if a.get("class") == "bar") == "1 all, 1 some, 0 none"
    hardest = page.split("Hardest tests")[1].split("Most frequent")[0]
    assert hardest.index("Task b") < hardest.index("Task a")
    assert gradebook_page(ClassTable([])).count("None.") == 4
