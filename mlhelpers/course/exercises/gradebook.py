"""The gradebook of a class as one HTML page that needs no network.

Behind `mle exercise grade --page`: distribution per task, hardest tests, frequent messages, students.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean, median

from mlhelpers.course.exercises.class_table import ClassTable

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } caption { text-align: left; font-weight: 600 }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.bar { display: flex; width: 12rem; height: 1rem } .bar span { display: block }
.full { background: #0072B2 } .part { background: #E69F00 } .none { background: #999 }
.key span { display: inline-block; width: .9rem; height: .9rem; margin: 0 .3rem 0 1rem }
figure { margin: 1rem 0 } svg text { font: 12px system-ui, sans-serif; fill: #222 }
.wide { overflow-x: auto }
"""


@dataclass(frozen=True)
class TaskResult:
    """How a class did one task; counted are those who handed the exercise in.

    Attributes
    ----------
    lesson, title : str
    possible, mean : float
        Points.
    full, part, none : int
        Students with all, some and none of the points.
    messages : list of (str, int)
        What the tests said, the most frequent first.
    """

    lesson: str
    title: str
    possible: float
    mean: float
    full: int
    part: int
    none: int
    messages: list[tuple[str, int]]

    @property
    def share(self) -> float:
        """Mean share of the points."""
        return self.mean / self.possible if self.possible else 0.0


def task_results(table: ClassTable) -> list[TaskResult]:
    """Results by task, in the order of the course.

    Parameters
    ----------
    table : ClassTable

    Returns
    -------
    list of TaskResult
        Nothing of an exercise that nobody handed in. Lateness changes none of it.
    """
    found = []
    for exercise in table.exercises:
        gradings = [
            entry.grading
            for entry in table.entries
            if entry.handed_in and entry.grading.exercise.name == exercise.name
        ]
        for tasks in zip(*(grading.tasks for grading in gradings), strict=True):
            full = sum(task.passed for task in tasks)
            none = sum(task.points <= 0 and not task.passed for task in tasks)
            messages = Counter(task.message for task in tasks if task.message)
            found.append(
                TaskResult(
                    exercise.lesson.number,
                    tasks[0].title,
                    tasks[0].max_points,
                    fmean(task.points for task in tasks),
                    full,
                    len(tasks) - full - none,
                    none,
                    sorted(messages.items(), key=lambda item: (-item[1], item[0])),
                )
            )
    return found


def gradebook_page(table: ClassTable, *, doubts: Sequence[str] = (), hardest: int = 10) -> str:
    """The page; every text of a submission in it is escaped.

    Parameters
    ----------
    table : ClassTable
    doubts : sequence of str, optional
        Files that a person has to look at.
    hardest : int, default=10
        Number of tests in the list of the hardest.

    Returns
    -------
    str
        HTML without scripts and without an address.
    """
    rows, tasks = table.rows, task_results(table)
    percents = [row.percent for row in rows]
    passed = sum(row.passed for row in rows)
    head = f"{len(rows)} students, {len(table.exercises)} exercises"
    if rows:
        head += (
            f"; mean {fmean(percents):.1f}%, median {median(percents):.1f}%; {passed} reach the pass mark of "
            f"{table.pass_mark:g}%"
        )
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Gradebook</title>',
        f"<style>{_STYLE}</style></head><body><h1>Gradebook</h1><p>{head}.</p>",
        _histogram(percents),
        "<h2>Tasks</h2>",
        '<p class="key"><span class="full"></span>all points<span class="part"></span>some'
        '<span class="none"></span>none</p>',
        _table(
            ["lesson", "task", "points", "mean", "all", "some", "none", "distribution"],
            [[*_numbers(task), task.full, task.part, task.none, _bar(task)] for task in tasks],
            numbers=(2, 3, 4, 5, 6),
        ),
        "<h2>Hardest tests</h2>",
        _table(
            ["lesson", "task", "points", "mean", "share", "most frequent message"],
            [
                [*_numbers(task), f"{task.share:.0%}", escape(_first(task))]
                for task in sorted(tasks, key=lambda task: task.share)[:hardest]
                if task.share < 1
            ],
            numbers=(2, 3, 4),
        ),
        "<h2>Most frequent messages</h2>",
        _table(
            ["students", "lesson", "task", "message"],
            [
                [count, task.lesson, escape(task.title), escape(text)]
                for count, text, task in sorted(
                    ((count, text, task) for task in tasks for text, count in task.messages),
                    key=lambda item: (-item[0], item[2].lesson, item[1]),
                )[:20]
            ],
            numbers=(0,),
        ),
    ]
    noted = [
        [escape(entry.student), entry.grading.exercise.lesson.number, escape("; ".join(entry.grading.notes))]
        for entry in table.entries
        if entry.grading.notes and entry.handed_in
    ]
    if doubts:
        items = "".join(f"<li>{escape(doubt)}</li>" for doubt in doubts)
        parts.append(f"<h2>Files to look at</h2><ul>{items}</ul>")
    if noted:
        parts += ["<h2>Notes</h2>", _table(["student", "lesson", "note"], noted)]
    numbers = [exercise.lesson.number for exercise in table.exercises]
    parts += [
        "<h2>Students</h2>",
        _table(
            ["student", *numbers, "total", "percent", "passed"],
            [
                [
                    escape(row.student),
                    *("-" if value is None else f"{value:g}" for value in row.points),
                    f"{row.total:g}",
                    f"{row.percent:.1f}",
                    "yes" if row.passed else "no",
                ]
                for row in rows
            ],
            numbers=tuple(range(1, len(numbers) + 3)),
        ),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _numbers(task: TaskResult) -> list[str]:
    return [task.lesson, escape(task.title), f"{task.possible:g}", f"{task.mean:.2f}"]


def _first(task: TaskResult) -> str:
    return task.messages[0][0] if task.messages else ""


def _bar(task: TaskResult) -> str:
    counts = {"full": task.full, "part": task.part, "none": task.none}
    total = sum(counts.values())
    spans = "".join(
        f'<span class="{kind}" style="width:{100 * count / total:.1f}%"></span>'
        for kind, count in counts.items()
    )
    words = f"{task.full} all, {task.part} some, {task.none} none"
    return f'<div class="bar" role="img" aria-label="{words}" title="{words}">{spans}</div>'


def _histogram(percents: list[float]) -> str:
    """Bars of ten percent each; 100 belongs to the last."""
    counts = Counter(min(int(percent // 10), 9) for percent in percents)
    most = max(counts.values(), default=1)
    bars = []
    for place in range(10):
        height = 120 * counts[place] / most
        x = 30 + 50 * place
        bars.append(
            f'<rect x="{x}" y="{140 - height:.1f}" width="44" height="{height:.1f}" fill="#0072B2"/>'
            f'<text x="{x + 22}" y="{134 - height:.1f}" text-anchor="middle">{counts[place] or ""}</text>'
            f'<text x="{x}" y="156" text-anchor="middle">{10 * place}</text>'
        )
    words = ", ".join(f"{10 * p} to {10 * p + 10}: {counts[p]}" for p in range(10) if counts[p])
    return (
        f'<figure><figcaption>Students by percent of the points</figcaption><svg width="560" height="182" '
        f'role="img" aria-label="Students by percent of the points: {words}">{"".join(bars)}'
        '<text x="530" y="156" text-anchor="middle">100</text>'
        '<text x="280" y="176" text-anchor="middle">percent</text></svg></figure>'
    )


def _table(head: list[str], rows: list[list[object]], *, numbers: tuple[int, ...] = ()) -> str:
    """A table of cells that are HTML already."""
    if not rows:
        return "<p>None.</p>"
    kinds = [' class="n"' if place in numbers else "" for place in range(len(head))]
    top = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, head, strict=True))
    lines = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>\n"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'
