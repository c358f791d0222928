"""Submissions that are alike: copies are found whatever they were renamed to, usual answers are not."""

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import find_exercises, release
from mlhelpers.course.exercises.collect import find_submissions
from mlhelpers.course.exercises.similarity import report, similar_pairs, tokens_of
from mlhelpers.course.files import read_notebook

LONG = """def task_1(values):
    # my own way
    total, weights = 0, [1 for _ in values]
    for place, value in enumerate(values):
        if value is not None and weights[place] > 0:
            total = total + value * weights[place]
        else:
            weights[place] = 0
    return total
"""


RENAMED = (
    (LONG.replace("total", "s").replace("weights", "w").replace("place", "i").replace("value ", "v "))
    .replace("value)", "v)")
    .replace("# my own way", "# something else\n")
)


OTHER = """def task_1(values):
    numbers = [float(x) for x in values if x is not None]
    result = 0.0
    while numbers:
        result += numbers.pop()
    assert isinstance(result, float)
    return max(result, 0.0) if result > 0 else min(result, 0.0) + sum([])
"""


@pytest.fixture
def compare(course, tmp_path):
    """Pairs among students with the given answers to the first task."""
    main(["exercise", "new", "2.1"])
    (exercise,) = find_exercises("2.1")
    release(exercise)

    def run(answers, **options):
        for student, answer in answers.items():
            notebook = read_notebook(exercise.release)
            if answer is not None:
                notebook.cells[2].source = answer
            path = tmp_path / "in" / student / f"{exercise.name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
        return similar_pairs(find_submissions(tmp_path / "in", [exercise]), **options)

    return run


def test_renamed_copy_is_found_with_its_passages(compare):
    (pair,) = compare({"ann": LONG, "ben": RENAMED, "cem": OTHER, "dan": None})
    assert (pair.left, pair.right, pair.share) == ("ann", "ben", 1.0)
    (passage,) = pair.passages
    assert "total = total + value * weights[place]" in passage.left
    assert "s = s + v * w[i]" in passage.right
    assert not passage.same_names
    assert passage.tokens == pair.tokens > 60


def test_release_and_short_answers_are_no_hint(compare):
    short = "def task_1(values):\n    return sum(values)"
    assert compare({"ann": None, "ben": None, "cem": short, "dan": short}) == []


def test_what_many_write_is_no_hint(compare):
    assert compare({f"s{number}": LONG for number in range(6)}) == []


def test_copy_of_a_part_is_measured_on_the_shorter_one(compare):
    more = LONG + "\n\n" + OTHER.replace("task_1", "helper")
    (pair,) = compare({"ann": LONG, "ben": more})
    assert pair.share > 0.9


def test_what_is_no_python_is_compared_too(compare):
    broken = LONG.replace("enumerate(values):", "enumerate((values:")
    (pair,) = compare({"ann": broken, "ben": broken})
    assert pair.passages[0].same_names


def test_own_cells_are_compared_and_what_is_no_notebook_is_passed_over(compare, tmp_path):
    def add(student):
        path = next((tmp_path / "in" / student).glob("*.ipynb"))
        notebook = read_notebook(path)
        notebook.cells.append(nbformat.v4.new_code_cell(LONG.replace("task_1", "helper")))
        nbformat.write(notebook, path)

    assert compare({"ann": None, "ben": None, "cem": None}) == []
    add("ann")
    add("ben")
    next((tmp_path / "in" / "cem").glob("*.ipynb")).write_text("{")
    (pair,) = similar_pairs(find_submissions(tmp_path / "in", find_exercises("2.1")))
    assert (pair.left, pair.right, pair.passages[0].task) == ("ann", "ben", "own cells")


def test_limits(compare):
    with pytest.raises(ValueError, match="least is a share between 0 and 1, not 2"):
        compare({"ann": LONG}, least=2)


def test_names_that_are_given_stand_for_themselves():
    kinds = [token.kind for token in tokens_of("x = values.total(len(y))  # z", {"values"})]
    assert kinds == ["name", "=", "values", ".", "total", "(", "len", "(", "name", ")", ")"]


def test_report_is_markdown_that_no_answer_breaks(compare, tmp_path, capsys):
    fenced = LONG.replace("# my own way", '"""\n    ```\n    """')
    pairs = compare({"a|b": fenced, "ben": fenced})
    text = report(pairs)
    assert "A hint, not a verdict." in text
    assert "a\\|b and ben" in text
    assert "````python" in text
    assert "with the same names" in text
    assert "No pair shares more" in report([])
    assert main(["exercise", "similar", "2.1", "--submitted", "in", "-o", "s.md"]) == 0
    assert capsys.readouterr().out.endswith("1 pairs in s.md\n")
    assert (tmp_path / "s.md").read_text() == text
    assert main(["exercise", "similar", "2.1", "--submitted", "in"]) == 0
    assert "# Similar submissions" in capsys.readouterr().out
    assert main(["exercise", "similar", "2.1", "--submitted", "in", "--least", "101"]) == 1
